/** Delta cursors: opaque links, kept as Graph gave them, written with the page they follow. */
import type { Queryable } from '../state/database.ts';

/**
 * `initial` is set while the initial read is under way: `batch` reads the assigned users directly, `full` the whole
 * delta. `nextLink` is set while a round is under way.
 */
export interface Cursor {
  readonly name: string;
  readonly fingerprint: string;
  readonly deltaLink: string | null;
  readonly nextLink: string | null;
  readonly initial: 'batch' | 'full' | null;
  readonly issuedAt: Date;
  readonly groupIds: readonly string[];
}

interface Row {
  name: string;
  fingerprint: string;
  delta_link: string | null;
  next_link: string | null;
  initial: 'batch' | 'full' | null;
  issued_at: Date;
  group_ids: string[] | null;
}

/** Delta tokens of directory objects live seven days; an older one is not tried. */
const longestLife = 6 * 24 * 60 * 60 * 1000;

export async function readCursors(db: Queryable, prefix: string): Promise<Cursor[]> {
  const { rows } = await db.query<Row>('select * from cursors where starts_with(name, $1) order by name', [prefix]);
  return rows.map((row) => ({
    name: row.name,
    fingerprint: row.fingerprint,
    deltaLink: row.delta_link,
    nextLink: row.next_link,
    initial: row.initial,
    issuedAt: row.issued_at,
    groupIds: row.group_ids ?? [],
  }));
}

/** False where the cursor was taken with other settings or is too old to be trusted. */
export function isUsable(cursor: Cursor, fingerprint: string, now: number): boolean {
  return cursor.fingerprint === fingerprint && now - cursor.issuedAt.getTime() < longestLife;
}

/** Writes a cursor whole; `issued_at` becomes now, since Graph issues a fresh token with every page. */
export async function writeCursor(db: Queryable, cursor: Omit<Cursor, 'issuedAt'>): Promise<void> {
  await db.query(
    `insert into cursors (name, fingerprint, delta_link, next_link, initial, group_ids) values ($1, $2, $3, $4, $5, $6)
     on conflict (name) do update set fingerprint = excluded.fingerprint, delta_link = excluded.delta_link,
       next_link = excluded.next_link, initial = excluded.initial, group_ids = excluded.group_ids, issued_at = now()`,
    [cursor.name, cursor.fingerprint, cursor.deltaLink, cursor.nextLink, cursor.initial, cursor.groupIds],
  );
}

export async function deleteCursor(db: Queryable, name: string): Promise<void> {
  await db.query('delete from cursors where name = $1', [name]);
}
