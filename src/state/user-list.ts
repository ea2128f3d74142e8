/**
 * The users as a list, in the order of their names: everyone whom the mirror has, and so everyone who has an account that is
 * linked or who failed. Those without a name, whom no cycle has read yet, come last. Made for a million users: a page
 * looks at some thousands in their order, and where that does not fill it at all whom the filter leaves, once.
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

/**
 * So many users are looked at in the order of their names until a page is full. Where that is not enough, those whom the
 * filter leaves are few, or come late: then all of them are found, and sorted.
 */
const walkedAtMost = 10_000;

interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** One page. A search finds a part of a word, too, and everyone who has all of the words. */
export async function readUserList(db: Queryable, asked: UserListFilter, page: UserPage): Promise<UserList> {
  const filter: Filter = {
    words: searchWords(asked.search ?? ''),
    state: asked.state,
    cause: asked.cause,
    meant: await idsMeant(db, asked.search),
  };
  const cursor = page.after === undefined ? undefined : await readCursor(db, page.after);
  const count = page.limit + 1;
  const walked = filter.meant === undefined ? await walk(db, filter, cursor, count) : undefined;
  const ids = walked ?? (await sort(db, filter, cursor, count));
  const users = await readUsers(db, ids.slice(0, page.limit));
  return { users, next: ids.length > page.limit ? ids[page.limit - 1] : undefined };
}

interface Filter extends Pick<UserListFilter, 'state' | 'cause'> {
  /** All of them are to be found. */
  readonly words: readonly string[];
  /** Who is named by a whole id, in place of the words. */
  readonly meant: readonly string[] | undefined;
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

/** Where the page before ended; the name is null of somebody without one. */
interface Cursor {
  readonly id: string;
  readonly name: string | null;
}

async function readCursor(db: Queryable, id: string): Promise<Cursor | undefined> {
  const { rows } = await db.query<Cursor>('select id, lower(user_name) as name from users where id = $1', [id]);
  return rows[0];
}

/** Whether a list can go on behind somebody. */
export async function isListed(db: Queryable, id: string): Promise<boolean> {
  return (await readCursor(db, id)) !== undefined;
}

/** Looks at users in their order; undefined where the page was not full after as many as are looked at. */
async function walk(
  db: Queryable,
  filter: Filter,
  cursor: Cursor | undefined,
  count: number,
): Promise<string[] | undefined> {
  const found: string[] = [];
  // Apart, so that the index of the names serves both: in an initial cycle nobody has one yet.
  const parts =
    cursor === undefined ? [named(), unnamed()] : cursor.name === null ? [unnamed(cursor)] : [named(cursor), unnamed()];
  for (const part of parts) {
    const { sql, values } = conditionOf(filter, part.values);
    const { rows } = await db.query<{ id: string }>(
      `select u.id from (${part.sql}) u where ${sql} order by u.name, u.id limit ${count - found.length}`,
      [...values],
    );
    found.push(...rows.map(({ id }) => id));
    if (found.length === count) return found;
    const looked = await db.query<{ users: number }>(`select count(*) as users from (${part.sql}) u`, [...part.values]);
    if (looked.rows[0]?.users === walkedAtMost) return undefined;
  }
  return found;
}

function named(cursor?: Cursor): Condition {
  const behind = cursor && ' and (lower(u.user_name), u.id) > ($1, $2)';
  return {
    sql: `select u.*, lower(u.user_name) as name from users u where lower(u.user_name) is not null${behind ?? ''}
      order by name, u.id limit ${walkedAtMost}`,
    values: cursor === undefined ? [] : [cursor.name, cursor.id],
  };
}

function unnamed(cursor?: Cursor): Condition {
  const behind = cursor && ' and u.id > $1';
  return {
    sql: `select u.*, null::text as name from users u where lower(u.user_name) is null${behind ?? ''}
      order by u.id limit ${walkedAtMost}`,
    values: cursor === undefined ? [] : [cursor.id],
  };
}

/** Finds all of them, and takes those that come first; materialized, else the index of the names would be walked after all. */
async function sort(db: Queryable, filter: Filter, cursor: Cursor | undefined, count: number): Promise<string[]> {
  const { sql, values } = hitsOf(
    filter,
    cursor === undefined ? [] : [cursor.id, ...(cursor.name === null ? [] : [cursor.name])],
  );
  const behind =
    cursor === undefined
      ? 'true'
      : cursor.name === null
        ? 'name is null and id > $1'
        : '(name is null or (name, id) > ($2, $1))';
  const { rows } = await db.query<{ id: string }>(
    `with hits as materialized (select u.id, lower(u.user_name) as name from users u where ${sql})
     select id from hits where ${behind} order by name, id limit ${count}`,
    [...values],
  );
  return rows.map(({ id }) => id);
}

/** As a condition that finds them from where they lie, if that is not among all others. */
function hitsOf(filter: Filter, before: readonly unknown[]): Condition {
  const { words, meant, cause, state } = filter;
  if (meant === undefined && words.length === 0 && state !== undefined && cause === undefined) {
    return { sql: `u.id in (${states[state].ids})`, values: before };
  }
  return conditionOf(filter, before);
}

/** @param before the values of the parameters before its own */
function conditionOf({ words, meant, state, cause }: Filter, before: readonly unknown[]): Condition {
  const values = [...before];
  const parameter = (value: unknown) => `$${values.push(value)}`;
  const conditions =
    meant === undefined
      ? words.map((word) => `strpos(${searchOfUser}, ${parameter(word)}) > 0`)
      : [`u.id = any(${parameter(meant)}::uuid[])`];
  if (state !== undefined) conditions.push(states[state].condition);
  if (cause !== undefined) {
    const [code, status] = [parameter(cause.code), parameter(cause.httpStatus)];
    conditions.push(
      `exists (select from escrow f where f.entra_id = u.id and f.code = ${code} and f.http_status is not distinct from ${status})`,
    );
  }
  return { sql: conditions.length === 0 ? 'true' : conditions.join(' and '), values };
}

/** In the order of the ids. */
async function readUsers(db: Queryable, ids: readonly string[]): Promise<ListedUser[]> {
  if (ids.length === 0) return [];
  const { rows } = await db.query(`${selectUsers} where u.id = any($1::uuid[])`, [ids]);
  const users = new Map(rows.map((row) => [String(row.id), listedUser.parse(row)]));
  return ids.flatMap((id) => users.get(id) ?? []);
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
