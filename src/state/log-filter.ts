/** Which entries of the provisioning log are asked for, as SQL. Only what is asked is in it, so that indexes can serve. */
import { z } from 'zod';
import type { Queryable } from './database.ts';
import type { LogFilter } from './provisioning-log.ts';

const word = z.string().regex(/^[a-z]+$/);

/**
 * Conditions on a row `p` of the log, and the values of their parameters.
 * @param options.former whether a user whom nobody knows any more is looked for in the whole log
 */
export async function logConditions(
  db: Queryable,
  filter: LogFilter,
  { former = true }: { readonly former?: boolean } = {},
): Promise<{ readonly conditions: readonly string[]; readonly values: readonly unknown[] }> {
  const conditions: string[] = [];
  const values: unknown[] = [];
  const where = (condition: (parameter: string) => string, value: unknown) => {
    values.push(value);
    conditions.push(condition(`$${values.length}`));
  };
  if (filter.user !== undefined)
    where((users) => `p.entra_id = any(${users})`, await usersMeant(db, filter.user, former));
  // In the text, and not as parameters: the index of all that is no success serves only who names the status.
  if (filter.action !== undefined) conditions.push(`p.action = '${word.parse(filter.action)}'`);
  if (filter.status !== undefined) conditions.push(`p.status = '${word.parse(filter.status)}'`);
  if (filter.code !== undefined)
    where((code) => `p.status <> 'success' and lower(p.code) = lower(${code})`, filter.code);
  if (filter.cycle !== undefined) where((cycle) => `p.cycle_id = ${cycle}`, filter.cycle);
  if (filter.since !== undefined) where((since) => `p.activity_at >= ${since}`, filter.since);
  if (filter.until !== undefined) where((until) => `p.activity_at < ${until}`, filter.until);
  return { conditions, values };
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
