/** What is wrong now, so that one incident is told of once, reminded of ever less often, and its end told of, too. */
import type { Queryable } from '../state/database.ts';
import { type RemindedKind, remindersDue } from './reminders.ts';

export type IncidentKind = RemindedKind | 'warning' | 'credentials';

export interface Incident {
  readonly kind: IncidentKind;
  readonly code: string;
  readonly since: Date;
  /** The codes that were told of. */
  readonly told: readonly string[];
  readonly newsAt: Date;
  readonly reminders: number;
}

/** The incident of a kind, locked until the transaction ends: of two processes that look, one tells. */
async function lockIncident(db: Queryable, kind: IncidentKind): Promise<Incident | undefined> {
  const { rows } = await db.query<Incident>(
    `select kind, code, since, told, news_at as "newsAt", reminders from incidents where kind = $1 for update`,
    [kind],
  );
  return rows[0];
}

export async function readIncident(db: Queryable, kind: IncidentKind): Promise<Incident | undefined> {
  const { rows } = await db.query<Incident>(
    `select kind, code, since, told, news_at as "newsAt", reminders from incidents where kind = $1`,
    [kind],
  );
  return rows[0];
}

/**
 * Notes that something is wrong. Resolves with true where that is news: nothing was wrong, or it has a code that was not
 * told of in this incident.
 * @param incident.since since when it is so; another time than before is another incident
 */
export async function beginIncident(
  db: Queryable,
  incident: { readonly kind: IncidentKind; readonly code: string; readonly since?: Date | undefined },
): Promise<boolean> {
  const { kind, code, since } = incident;
  const { rowCount } = await db.query(
    `insert into incidents (kind, code, since, told) values ($1, $2, coalesce($3, now()), array[$2]) on conflict do nothing`,
    [kind, code, since ?? null],
  );
  if (rowCount === 1) return true;
  const known = await lockIncident(db, kind);
  if (known === undefined) return false;
  if (since !== undefined && since.getTime() > known.since.getTime()) {
    await db.query(
      `update incidents set code = $2, since = $3, told = array[$2], news_at = now(), reminders = 0 where kind = $1`,
      [kind, code, since],
    );
    return true;
  }
  if (known.told.includes(code)) return false;
  await db.query(
    `update incidents set code = $2, told = told || $2::text, news_at = now(), reminders = 0 where kind = $1`,
    [kind, code],
  );
  return true;
}

/** What was told of is told of again when it comes again. */
export async function forgetTold(db: Queryable, kind: IncidentKind, code: string): Promise<void> {
  await db.query('update incidents set told = array_remove(told, $2) where kind = $1 and $2 = any(told)', [kind, code]);
}

/** Something new was told of within the incident: reminders count from now. */
export async function noteNews(db: Queryable, kind: IncidentKind): Promise<void> {
  await db.query('update incidents set news_at = now(), reminders = 0 where kind = $1', [kind]);
}

/** Ends an incident. Resolves with what it was; undefined where nothing was wrong. */
export async function endIncident(db: Queryable, kind: IncidentKind): Promise<Incident | undefined> {
  const { rows } = await db.query<Incident>(
    `delete from incidents where kind = $1 returning kind, code, since, told, news_at as "newsAt", reminders`,
    [kind],
  );
  return rows[0];
}

/** The incidents of these kinds of which a reminder is due; they count as reminded of. */
export async function takeReminders(db: Queryable, kinds: readonly RemindedKind[], now: Date): Promise<RemindedKind[]> {
  const due: RemindedKind[] = [];
  for (const kind of kinds) {
    const incident = await readIncident(db, kind);
    if (incident === undefined) continue;
    const reminders = remindersDue(kind, incident.newsAt, now);
    if (reminders <= incident.reminders) continue;
    const { rowCount } = await db.query('update incidents set reminders = $2 where kind = $1 and reminders = $3', [
      kind,
      reminders,
      incident.reminders,
    ]);
    if (rowCount === 1) due.push(kind);
  }
  return due;
}
