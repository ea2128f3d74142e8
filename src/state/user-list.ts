/**
 * The users as a list, in the order of their names: everyone whom the mirror has, and so everyone who has an account that is
 * linked or who failed. Those without a name, whom no cycle has read yet, come last. Made for a million users: no page looks
 * at more than some tens of thousands of rows, but for a search, which looks once at a narrow text of each.
 */
import { z } from 'zod';
import type { AttributePath } from '../mapping/maptician-user.ts';
import type { Queryable } from './database.ts';
import { searchOfUser, searchWords } from './search-text.ts';

/** States that a list can be of; somebody may be in several. */
export const userStates = [
  'in-scope',
  'active',
  'inactive',
  'failed',
  'held',
  'waiting',
  'rejected',
  'out-of-scope',
] as const;
export type UserState = (typeof userStates)[number];

export interface UserListFilter {
  /** Parts of userName, names or e-mail, in any order; or a whole object id or Maptician id. */
  readonly search?: string | undefined;
  readonly state?: UserState | undefined;
  /** Only whose failure has this cause. */
  readonly cause?: FailureCause | undefined;
}

/** What failures have in common: the class, and the HTTP status where there was one. */
export interface FailureCause {
  readonly code: string;
  readonly httpStatus: number | null;
}

export interface UserPage {
  /** The object id of the last user of the page before; of one who has gone meanwhile the list begins anew. */
  readonly after?: string | undefined;
  readonly limit: number;
}

const listedUser = z.object({
  id: z.string(),
  /** As it is to be in Maptician; null where it was not read yet. */
  userName: z.string().nullable(),
  /** Given and family name of the account as last applied, where the attribute table writes them and does not redact them. */
  displayName: z.string().nullable(),
  mapticianId: z.string().nullable(),
  /** The account as it was last written; null where there is none. */
  account: z.enum(['active', 'inactive']).nullable(),
  inScope: z.boolean(),
  /** Of the states the most pressing; `no account` where none of them is. */
  state: z.enum(['active', 'inactive', 'failed', 'held', 'waiting', 'rejected', 'out-of-scope', 'no account']),
  /** What is to be done and waits. */
  operation: z
    .object({
      kind: z.string(),
      state: z.enum(['staged', 'open', 'held', 'approved']),
      set: z.number().nullable(),
    })
    .nullable(),
  failure: z
    .object({
      code: z.string(),
      httpStatus: z.number().nullable(),
      /** The other side's words; may hold personal data. */
      reason: z.string(),
      attempts: z.number(),
      firstFailedAt: z.coerce.date(),
      lastFailedAt: z.coerce.date(),
      /** Null: not by itself any more. */
      nextRetryAt: z.coerce.date().nullable(),
    })
    .nullable(),
  /** When the account was last written. */
  updatedAt: z.date().nullable(),
});
export type ListedUser = z.infer<typeof listedUser>;

export interface UserList {
  readonly users: readonly ListedUser[];
  /** The cursor of the next page; undefined where this is the last. */
  readonly next: string | undefined;
}

const noAccess = `(not u.in_scope or u.filtered_out or u.presence <> 'live' or coalesce(u.attributes->>'accountEnabled', 'true') = 'false')`;
const isMarked = `(u.needs_read or exists (select from to_compare c where c.id = u.id)
  or exists (select from operations o where o.entra_id = u.id and o.state <> 'held'))`;

/** Who is in a state: as a condition on `u`, and as the ids from the place that has no others. */
const states: Readonly<Record<UserState, { readonly condition: string; readonly ids: string }>> = {
  'in-scope': { condition: `not ${noAccess}`, ids: `select u.id from users u where not ${noAccess}` },
  active: {
    condition: 'exists (select from links a where a.entra_id = u.id and a.active)',
    ids: 'select entra_id from links where active',
  },
  inactive: {
    condition: 'exists (select from links a where a.entra_id = u.id and not a.active)',
    ids: 'select entra_id from links where not active',
  },
  failed: { condition: 'exists (select from escrow f where f.entra_id = u.id)', ids: 'select entra_id from escrow' },
  held: {
    condition: `exists (select from operations o where o.entra_id = u.id and o.state = 'held')`,
    ids: `select entra_id from operations where state = 'held'`,
  },
  waiting: {
    condition: isMarked,
    ids: `select id from users where needs_read union all select id from to_compare
      union all select entra_id from operations where state <> 'held'`,
  },
  rejected: {
    condition: 'u.rejected_removal is not null',
    ids: 'select id from users where rejected_removal is not null',
  },
  'out-of-scope': { condition: noAccess, ids: `select u.id from users u where ${noAccess}` },
};

/** So many are sorted for each page; of more of them, a page is soon found among the users in the order of their names. */
const fewAtMost = 2000;

interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** One page. A search finds a part of a word, too, and everyone who has all of the words. */
export async function readUserList(db: Queryable, asked: UserListFilter, page: UserPage): Promise<UserList> {
  const words = searchWords(asked.search ?? '');
  const filter: Filter = { words, state: asked.state, cause: asked.cause };
  const few = (await idsMeant(db, asked.search)) ?? (await readFew(db, filter));
  const rows = few?.length === 0 ? [] : await readRows(db, conditionOf(filter, few), page);
  const users = rows.slice(0, page.limit);
  return { users, next: rows.length > page.limit ? users.at(-1)?.id : undefined };
}

interface Filter extends Pick<UserListFilter, 'state' | 'cause'> {
  /** All of them are to be found. */
  readonly words: readonly string[];
}

/** Who is named by an object id or a Maptician id; undefined where nobody is. */
async function idsMeant(db: Queryable, search: string | undefined): Promise<string[] | undefined> {
  const text = search?.trim() ?? '';
  if (text === '') return undefined;
  const { rows } = await db.query<{ id: string }>(
    'select id from users where id = $2 union select entra_id from links where maptician_id = $1',
    [text, z.guid().safeParse(text).data ?? null],
  );
  return rows.length === 0 ? undefined : rows.map(({ id }) => id);
}

/** The ids of whom the filter leaves, where these are few; undefined where they are many, or where nothing is asked for. */
async function readFew(db: Queryable, filter: Filter): Promise<string[] | undefined> {
  const source = fewFrom(filter);
  if (source === undefined) return undefined;
  const { rows } = await db.query<{ id: string }>(
    `select id from (${source.sql}) as candidates(id) limit ${fewAtMost + 1}`,
    [...source.values],
  );
  return rows.length > fewAtMost ? undefined : [...new Set(rows.map(({ id }) => id))];
}

function fewFrom(filter: Filter): Condition | undefined {
  const { words, cause, state } = filter;
  if (words.length > 0) {
    const { sql, values } = conditionOf(filter, undefined);
    return { sql: `select u.id from users u where ${sql}`, values };
  }
  if (cause !== undefined) {
    const sql = 'select entra_id from escrow where code = $1 and http_status is not distinct from $2';
    return { sql, values: [cause.code, cause.httpStatus] };
  }
  return state && { sql: states[state].ids, values: [] };
}

/** @param few where these are known, the words have been looked for already */
function conditionOf({ words, state, cause }: Filter, few: readonly string[] | undefined): Condition {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const conditions =
    few === undefined
      ? words.map((word) => `strpos(${searchOfUser}, ${parameter(word)}) > 0`)
      : [`u.id = any(${parameter(few)}::uuid[])`];
  if (state !== undefined) conditions.push(states[state].condition);
  if (cause !== undefined) {
    const [code, status] = [parameter(cause.code), parameter(cause.httpStatus)];
    conditions.push(
      `exists (select from escrow f where f.entra_id = u.id and f.code = ${code} and f.http_status is not distinct from ${status})`,
    );
  }
  return { sql: [...conditions, 'true'].join(' and '), values };
}

/** One more than the page takes, where there is one. */
async function readRows(db: Queryable, condition: Condition, { after, limit }: UserPage): Promise<ListedUser[]> {
  const cursor = after === undefined ? undefined : await readCursor(db, after);
  const count = limit + 1;
  const read = async ({ sql, values, order }: Condition & { readonly order: string }, most: number) => {
    const { rows } = await db.query(
      `${selectUsers} where ${condition.sql} and ${sql} order by ${order} limit ${most}`,
      [...condition.values, ...values],
    );
    return rows.map((row) => listedUser.parse(row));
  };
  const [first, second] = [condition.values.length + 1, condition.values.length + 2];
  const byName = 'lower(u.user_name), u.id';
  if (cursor !== undefined && cursor.name === null) {
    return read({ sql: `u.user_name is null and u.id > $${first}`, values: [cursor.id], order: 'u.id' }, count);
  }
  const from = cursor && {
    sql: `(lower(u.user_name), u.id) > ($${first}, $${second})`,
    values: [cursor.name, cursor.id],
  };
  const named = await read({ ...(from ?? { sql: 'u.user_name is not null', values: [] }), order: byName }, count);
  if (named.length === count) return named;
  // Apart, so that the index of the names serves both: in an initial cycle nobody has one yet.
  const unnamed = await read({ sql: 'u.user_name is null', values: [], order: 'u.id' }, count - named.length);
  return [...named, ...unnamed];
}

async function readCursor(
  db: Queryable,
  id: string,
): Promise<{ readonly id: string; readonly name: string | null } | undefined> {
  const { rows } = await db.query<{ id: string; name: string | null }>(
    'select id, lower(user_name) as name from users where id = $1',
    [id],
  );
  return rows[0];
}

/** Nothing that the attribute table redacts, which the links remember; the mirror does not tell. */
function shownOfAccount(path: AttributePath): string {
  return `case when '${path}' <> all(l.redacted) then l.applied->>'${path}' end`;
}

const selectUsers = `select u.id, coalesce(u.user_name, l.user_name) as "userName",
    nullif(concat_ws(' ', ${shownOfAccount('name.givenName')}, ${shownOfAccount('name.familyName')}), '') as "displayName",
    l.maptician_id as "mapticianId", case l.active when true then 'active' when false then 'inactive' end as account,
    not ${noAccess} as "inScope",
    case when e.entra_id is not null then 'failed' when o.state = 'held' then 'held'
      when u.rejected_removal is not null then 'rejected' when ${isMarked} then 'waiting' when ${noAccess} and l.active is not true
      then 'out-of-scope' when l.active then 'active' when not l.active then 'inactive' else 'no account' end as state,
    case when o.id is not null then jsonb_build_object('kind', o.kind, 'state', o.state, 'set', o.set_id) end as operation,
    case when e.entra_id is not null then jsonb_build_object('code', e.code, 'httpStatus', e.http_status, 'reason', e.reason,
      'attempts', e.attempts, 'firstFailedAt', e.first_failed_at, 'lastFailedAt', e.last_failed_at,
      'nextRetryAt', e.next_retry_at) end as failure,
    l.updated_at as "updatedAt"
  from users u left join links l on l.entra_id = u.id left join escrow e on e.entra_id = u.id
    left join operations o on o.entra_id = u.id`;
