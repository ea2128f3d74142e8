/**
 * Who passes the scoping filters, where these look beyond the user: at the time, or at groups. Then everyone is evaluated
 * in every cycle, since nothing tells of those whom time or another's membership has moved across the line.
 */
import type pg from 'pg';
import { type Queryable, transaction } from '../state/database.ts';
import { dependsOnTime, evaluateFilters, filterGroups } from './filters/evaluate-filters.ts';
import type { ScopingFilters } from './filters/model.ts';

const chunkSize = 2000;

/** Whether the mirror's own writes are not enough to keep `users.filtered_out` right. */
export function needsRefilter(filters: ScopingFilters): boolean {
  return dependsOnTime(filters) || filterGroups(filters).length > 0;
}

interface Row {
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly filtered_out: boolean;
  readonly member_of: readonly string[];
}

/** Evaluates everyone who has been read, in chunks; whoever crosses the line is compared again. */
export async function refilter(pool: pg.Pool, filters: ScopingFilters, now: Date): Promise<void> {
  if (!needsRefilter(filters)) return;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const rows = await readRows(pool, filters, 'u.id > $1 and not u.needs_read order by u.id limit $3', [
      after,
      chunkSize,
    ]);
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    const crossed = crossing(rows, filters, now);
    if (crossed.length > 0) await transaction(pool, (client) => cross(client, crossed));
  }
}

/** The same for one user. */
export async function refilterOne(db: Queryable, filters: ScopingFilters, id: string, now: Date): Promise<void> {
  if (!needsRefilter(filters)) return;
  const crossed = crossing(await readRows(db, filters, 'u.id = $1 and not u.needs_read', [id]), filters, now);
  if (crossed.length > 0) await cross(db, crossed);
}

/** What the filters look at; `$2` are the groups they ask about. */
async function readRows(
  db: Queryable,
  filters: ScopingFilters,
  which: string,
  [first, ...more]: readonly unknown[],
): Promise<Row[]> {
  const { rows } = await db.query<Row>(
    `select u.id, u.attributes, u.filtered_out,
       array(select m.group_id from group_members m
         where m.user_id = u.id and m.group_id = any($2::uuid[]) and not m.gone)::text[] as member_of
     from users u where ${which}`,
    [first, filterGroups(filters), ...more],
  );
  return rows;
}

/** Of whoever was never read nothing is known, and nobody is filtered out on that. */
function crossing(rows: readonly Row[], filters: ScopingFilters, now: Date): string[] {
  return rows
    .filter(({ attributes }) => Object.keys(attributes).length > 0)
    .filter(({ attributes, member_of, filtered_out }) => {
      const { inScope } = evaluateFilters(filters, attributes, { memberOf: new Set(member_of), now });
      return inScope === filtered_out;
    })
    .map(({ id }) => id);
}

async function cross(db: Queryable, crossed: readonly string[]): Promise<void> {
  await db.query('update users set filtered_out = not filtered_out where id = any($1)', [crossed]);
  await db.query('insert into to_compare select unnest($1::uuid[]) on conflict do nothing', [crossed]);
}
