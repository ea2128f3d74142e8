/** Which entries of the provisioning log are asked for, as SQL. Only what is asked is in it, so that indexes can serve. */
import { z } from 'zod';
import type { Queryable } from './database.ts';
import type { LogFilter } from './provisioning-log.ts';

const word = z.string().regex(/^[a-z]+$/);

/** Conditions on a row `p` of the log, with the values of their parameters. */
interface Conditions {
  readonly conditions: readonly string[];
  readonly values: readonly unknown[];
}

export interface LogConditions extends Conditions {
  /** Those of them, or what follows from those, by which an index leads to the rows in the order of their ids. */
  readonly indexed: Conditions;
}

/** @param options.former whether a user whom nobody knows any more is looked for in the whole log */
export async function logConditions(
  db: Queryable,
  filter: LogFilter,
  { former = true }: { readonly former?: boolean } = {},
): Promise<LogConditions> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (condition: (parameter: string) => string, value: unknown) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (filter.user !== undefined) {
    const users = await usersMeant(db, filter.user, former);
    where((ids) => `p.entra_id = any(${ids})`, users);
  }
  if (filter.cycle !== undefined) where((cycle) => `p.cycle_id = ${cycle}`, filter.cycle);
  if (filter.since !== undefined) where((since) => `p.activity_at >= ${since}`, filter.since);
  if (filter.until !== undefined) where((until) => `p.activity_at < ${until}`, filter.until);
  if (filter.before !== undefined) where((before) => `p.id < ${before}`, filter.before);
  const isTrouble = filter.code !== undefined || (filter.status !== undefined && filter.status !== 'success');
  const indexed = {
    conditions: [...conditions, ...(isTrouble ? [`p.status <> 'success'`] : [])],
    values: [...values],
  };
  // In the text, and not as parameters: the index of all that is no success serves only who names the status.
  if (filter.action !== undefined) conditions.push(`p.action = '${word.parse(filter.action)}'`);
  if (filter.status !== undefined) conditions.push(`p.status = '${word.parse(filter.status)}'`);
  if (filter.code !== undefined)
    where((code) => `p.status <> 'success' and lower(p.code) = lower(${code})`, filter.code);
  return { conditions, indexed, values };
}

/** So many of the newest entries are looked through for somebody whom nobody knows any more. */
const formerLookedAtMost = 100_000;

/**
 * The object ids that a text means: an object id, or a userName or Maptician id of now, without case. Only where nobody has
 * it, whoever had it in the newest entries is looked for.
 */
export async function findLogUsers(db: Queryable, text: string): Promise<string[]> {
  const known = await usersMeant(db, text, false);
  if (known.length > 0) return known;
  const { rows } = await db.query<{ id: string }>(
    `select distinct entra_id as id from (select * from provisioning_log order by id desc limit ${formerLookedAtMost}) p
     where lower(user_name) = lower($1) or maptician_id = $1 limit 100`,
    [text],
  );
  return rows.map(({ id }) => id);
}

/** By index among who is known now; only for somebody unknown the whole log is looked through. */
async function usersMeant(db: Queryable, user: string, former: boolean): Promise<string[]> {
  const objectId = z.guid().safeParse(user).data;
  const known = await db.query<{ id: string }>(
    `select id from users where lower(user_name) = lower($1) or id = $2
     union select entra_id from links where lower(user_name) = lower($1) or maptician_id = $1 or entra_id = $2
     union select entra_id from provisioning_log where entra_id = $2`,
    [user, objectId ?? null],
  );
  if (known.rows.length > 0 || !former) return known.rows.map(({ id }) => id);
  const gone = await db.query<{ id: string }>(
    'select distinct entra_id as id from provisioning_log where lower(user_name) = lower($1) or maptician_id = $1',
    [user],
  );
  return gone.rows.map(({ id }) => id);
}
