/**
 * All accounts read once instead of a request for each: pages as the server gives them, into the state database, where
 * every worker finds them by userName, by e-mail and by id. Servers lie about pages in several ways; what cannot be
 * read to its end is known to be incomplete, and then absence proves nothing.
 */
import type pg from 'pg';
import { SyncError } from '../../errors.ts';
import { type AttributePath, userAttributes } from '../../mapping/maptician-user.ts';
import { type Queryable, transaction } from '../../state/database.ts';
import type { StoredUser } from '../user-store.ts';
import { isSuccess, noEndpoint } from './answers.ts';
import type { ScimClient } from './scim-client.ts';
import { scimErrorOf } from './scim-error.ts';
import { readList } from './user-resource.ts';

/** Asked for where the server has not shown its own limit; it may give fewer. */
export const usualPageSize = 100;
/** Listed accounts read out of the state database in one go. */
const rowsAtOnce = 1000;
/** Spells "list": the key of the advisory lock under which one worker lists for all. */
const listingLock = 0x6c697374;

/** One page of accounts (RFC 7644 section 3.4.2.4; the first has startIndex 1). */
export async function readPage(client: ScimClient, startIndex: number, count: number) {
  const query = { startIndex: String(startIndex), count: String(count) };
  const answer = await client.request('GET', '/Users', { query });
  if (answer.status === 404) throw noEndpoint(answer);
  if (isSuccess(answer)) return readList(answer.body);
  throw new SyncError(
    'SystemForCrossDomainIdentityManagementServiceIncompatible',
    `Maptician does not list its users (${answer.status})`,
    { detail: scimErrorOf(answer).detail, httpStatus: answer.status },
  );
}

/**
 * Reads all accounts. `keep` is told of each page and says how many of its accounts it had not seen before. Resolves with
 * whether that was everyone the server says it has.
 */
export async function readAllPages(
  client: ScimClient,
  pageSize: number,
  keep: (users: readonly StoredUser[]) => Promise<number>,
  progress?: (done: number, total: number) => void,
): Promise<boolean> {
  let count = pageSize;
  let startIndex = 1;
  for (let seen = 0; ; ) {
    const { users, total, counted } = await readPage(client, startIndex, count);
    const fresh = users.length === 0 ? 0 : await keep(users);
    seen += fresh;
    progress?.(seen, Math.max(seen, total));
    // By the total and not by an empty page: past their end, some begin with the first page again.
    if (counted ? seen >= total : users.length === 0) return true;
    if (fresh > 0) {
      // By what was given and not by what was asked: some give fewer.
      startIndex += users.length;
    } else if (counted && count < total) {
      // Of a server that repeats its first page for ever everything may still be had at once.
      count = total;
      startIndex = 1;
    } else return false;
  }
}

interface TakeOptions {
  readonly again?: boolean;
  readonly progress?: (done: number, total: number) => void;
}

export interface AccountListing {
  /** Lists for a cycle, unless that has been done; `again` lists anew. Whether absence from the listing is a fact. */
  take(cycleId: number, options?: TakeOptions): Promise<boolean>;
  /**
   * The accounts of each value of a matching attribute; undefined where there is no complete listing of that cycle, or
   * the attribute is no matching one.
   */
  byValue(
    cycleId: number,
    attribute: AttributePath,
    values: readonly string[],
  ): Promise<Map<string, StoredUser[]> | undefined>;
  /** The accounts of each work e-mail; nobody where there is no complete listing of that cycle. */
  byEmail(cycleId: number, emails: readonly string[]): Promise<Map<string, StoredUser[]>>;
  /** The accounts that have this userName, else those that have this e-mail, in whatever was listed. */
  byUserNameOrEmail(userName: string, email: string): Promise<readonly StoredUser[]>;
  /** Everybody in the complete listing of that cycle, in pages. */
  all(cycleId: number): AsyncIterable<readonly StoredUser[]>;
  /** The accounts of these ids; undefined where there is no complete listing of that cycle. */
  byId(cycleId: number, ids: readonly string[]): Promise<readonly StoredUser[] | undefined>;
  /** Accounts that are gone. */
  forget(ids: readonly string[]): Promise<void>;
  drop(): Promise<void>;
}

/** @param matching the attributes by which accounts are looked for beside the userName */
export function createAccountListing(
  pool: pg.Pool,
  client: ScimClient,
  pageSize: number,
  matching: readonly AttributePath[],
): AccountListing {
  // One listing at a time in this process, so that whoever waits for it holds no connection.
  let taking: Promise<boolean> | undefined;
  const known = async (cycleId: number) => {
    const { rows } = await pool.query<{ complete: boolean }>(
      'select complete from account_listing where cycle_id = $1',
      [cycleId],
    );
    return rows[0]?.complete;
  };
  return {
    take: async (cycleId, options = {}) => {
      const complete = options.again ? undefined : await known(cycleId);
      if (complete !== undefined) return complete;
      // One that has begun already may have passed what has to be seen.
      if (options.again) await taking?.catch(() => undefined);
      taking ??= listOnce(pool, client, { ...options, cycleId, pageSize, matching }).finally(() => {
        taking = undefined;
      });
      return taking;
    },
    byValue: async (cycleId, attribute, values) => {
      const named = attribute === 'userName';
      if (!(named || matching.includes(attribute)) || !(await known(cycleId))) return undefined;
      return named
        ? findListed(pool, values, 'lower(user_name) = lower(n.given)')
        : findListed(pool, values, 'match_values @> array[$2 || lower(n.given)]', `${attribute}=`);
    },
    byEmail: async (cycleId, emails) =>
      (await known(cycleId)) ? findListed(pool, [...new Set(emails)], 'lower(work_email) = lower(n.given)') : new Map(),
    byUserNameOrEmail: async (userName, email) => {
      const { rows } = await pool.query<AccountRow & { named: boolean }>(
        `select id, attributes, lower(user_name) = lower($1) as named from listed_accounts
         where lower(user_name) = lower($1) or lower(work_email) = lower($2)`,
        [userName, email],
      );
      const named = rows.filter((row) => row.named);
      return (named.length > 0 ? named : rows).map(toUser);
    },
    all: async function* (cycleId) {
      for (let after = ''; ; ) {
        const { rows } = await pool.query<AccountRow>(
          `select id, attributes from listed_accounts
           where id > $1 and exists (select from account_listing where cycle_id = $3 and complete) order by id limit $2`,
          [after, rowsAtOnce, cycleId],
        );
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.id;
        yield rows.map(toUser);
      }
    },
    byId: async (cycleId, ids) => {
      if (!(await known(cycleId))) return undefined;
      const { rows } = await pool.query<AccountRow>('select id, attributes from listed_accounts where id = any($1)', [
        ids,
      ]);
      return rows.map(toUser);
    },
    forget: async (ids) => {
      await pool.query('delete from listed_accounts where id = any($1)', [ids]);
    },
    drop: () =>
      transaction(pool, async (db) => {
        // A job that still reads the list must not hold up the end of a cycle, and with it everyone behind it.
        await db.query(`set local lock_timeout = '1s'; truncate listed_accounts, account_listing`);
      }),
  };
}

/** The listed accounts of each value given, by a condition on `n.given`. With "offset 0" one look into the index a value. */
async function findListed(
  db: Queryable,
  values: readonly string[],
  has: string,
  ...parameters: readonly string[]
): Promise<Map<string, StoredUser[]>> {
  const { rows } = await db.query<AccountRow & { given: string }>(
    `select n.given, a.id, a.attributes from unnest($1::text[]) as n(given)
       cross join lateral (select * from listed_accounts where ${has} offset 0) a`,
    [values, ...parameters],
  );
  const found = new Map<string, StoredUser[]>(values.map((value) => [value, []]));
  for (const row of rows) found.get(row.given)?.push(toUser(row));
  return found;
}

interface AccountRow {
  readonly id: string;
  readonly attributes: unknown;
}

function toUser({ id, attributes }: AccountRow): StoredUser {
  return { id, attributes: userAttributes.parse(attributes) };
}

/** In one transaction: others see all of it or nothing, and a worker that dies leaves nothing. */
function listOnce(
  pool: pg.Pool,
  scim: ScimClient,
  options: TakeOptions & {
    readonly cycleId: number;
    readonly pageSize: number;
    readonly matching: readonly AttributePath[];
  },
): Promise<boolean> {
  return transaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [listingLock]);
    const { rows } = await client.query<{ complete: boolean }>(
      'select complete from account_listing where cycle_id = $1',
      [options.cycleId],
    );
    if (rows[0] !== undefined && !options.again) return rows[0].complete;
    // Not truncated: whoever reads meanwhile must not wait for the whole listing.
    await client.query('delete from listed_accounts');
    await client.query('delete from account_listing');
    const keep = (users: readonly StoredUser[]) => keepAccounts(client, users, options.matching);
    const complete = await readAllPages(scim, options.pageSize, keep, options.progress);
    await client.query('insert into account_listing (cycle_id, complete) values ($1, $2)', [options.cycleId, complete]);
    return complete;
  });
}

async function keepAccounts(
  db: Queryable,
  users: readonly StoredUser[],
  matching: readonly AttributePath[],
): Promise<number> {
  const { rowCount } = await db.query(
    `insert into listed_accounts (id, user_name, work_email, match_values, attributes)
     select id, coalesce(attributes->>'userName', ''), attributes->>'emails[type eq "work"].value',
       array(select m || '=' || lower(attributes->>m) from unnest($2::text[]) as m where attributes->>m is not null),
       attributes
     from jsonb_to_recordset($1) as p(id text, attributes jsonb) on conflict (id) do nothing`,
    // Postgres cannot store a NUL, or half of a surrogate pair.
    [
      JSON.stringify(users, (_key, value) =>
        typeof value === 'string' ? value.replaceAll('\0', '').toWellFormed() : value,
      ),
      matching,
    ],
  );
  return rowCount ?? 0;
}
