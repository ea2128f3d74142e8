/**
 * The mirror: Entra's users as last read, in Postgres. Every write is one set-based statement, and writes nothing where
 * nothing changed, so that replays and duplicates cost no work later.
 */
import { z } from 'zod';
import { type AttributeTable, redactedProperties } from '../mapping/attribute-table.ts';
import { userNameOf } from '../mapping/map-user.ts';
import { sourceUser } from '../mapping/source-user.ts';
import { evaluateFilters } from '../scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
import { needsRefilter } from '../scope/refilter.ts';
import type { Queryable } from '../state/database.ts';
import { searchText } from '../state/search-text.ts';
import type { GraphUser } from './graph-types.ts';

export interface MirrorOptions {
  readonly table: AttributeTable;
  readonly filters: ScopingFilters;
  /** The `$select` list. */
  readonly properties: readonly string[];
  /** The manager is wanted, too: users/delta only tells that it changed, and whoever changed is read directly. */
  readonly manager: boolean;
  /** The app roles of each user are wanted. */
  readonly roles: boolean;
  /** SYNC_SCOPE=all: everyone is mirrored and in scope. Otherwise only whoever has a row already. */
  readonly everyone: boolean;
}

/** A user that Graph gave in a form that cannot be read. */
export interface UnreadableUser {
  readonly id: string;
  /** Which property, and what is wrong with it; holds no value. */
  readonly reason: string;
}

/**
 * The properties as the mirror keeps them: what is absent, null or an empty collection is one and the same: unset.
 * Postgres stores neither NUL nor half a surrogate pair: the one is left out of a text, the other becomes U+FFFD.
 */
function canonical(user: GraphUser, { properties, manager }: MirrorOptions): Record<string, unknown> {
  const kept: Record<string, unknown> = { id: user.id };
  const superior = manager ? expandedManager.safeParse(user.manager).data : undefined;
  if (superior !== undefined) kept.manager = storable(superior);
  for (const property of properties) {
    const value = storable(user[property]);
    if (value === undefined || value === null || (Array.isArray(value) && value.length === 0)) continue;
    kept[property] = value;
  }
  return kept;
}

function storable(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed();
  if (Array.isArray(value)) return value.filter((item) => item !== null).map(storable);
  if (typeof value !== 'object' || value === null) return value;
  const parts = Object.entries(value).filter(([, part]) => part !== null);
  return parts.length === 0 ? undefined : Object.fromEntries(parts.map(([name, part]) => [name, storable(part)]));
}

/**
 * Writes users as they were read, whole. Several entries of one id in a page: the last in order wins, and an entry
 * after an `@removed` is a restore. Resolves with those that could not be read: they keep the state they had, and are
 * to be read again.
 */
export async function writeUsers(
  db: Queryable,
  users: readonly GraphUser[],
  options: MirrorOptions,
): Promise<UnreadableUser[]> {
  const last = new Map(users.map((user) => [user.id.toLowerCase(), user]));
  const present: PresentRow[] = [];
  const settled = !needsRefilter(options.filters);
  const hidden = redactedProperties(options.table);
  const removed: { id: string; reason: string }[] = [];
  const unreadable: UnreadableUser[] = [];
  for (const [id, user] of last) {
    const marker = user['@removed'];
    if (marker !== undefined) {
      removed.push({ id, reason: marker.reason });
      continue;
    }
    const attributes = canonical({ ...user, id }, options);
    const parsed = sourceUser.safeParse(attributes);
    if (parsed.success) {
      const filteredOut = settled ? !evaluateFilters(options.filters, parsed.data, nothingElse).inScope : null;
      const userName = userNameOf(options.table, parsed.data);
      const search = searchText(attributes, userName, hidden);
      present.push({ id, attributes, user_name: userName, search, filtered_out: filteredOut });
    } else {
      const problems = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
      unreadable.push({ id, reason: `Graph gave the user in another form (${problems.join('; ')})` });
    }
  }
  if (present.length > 0) await writePresent(db, present, options.everyone);
  if (removed.length > 0) {
    await db.query(
      `update users set suspect = page.reason, needs_read = true
       from jsonb_to_recordset($1) as page(id uuid, reason text)
       where users.id = page.id and users.presence <> 'purged'
         and (users.presence <> 'soft_deleted' or page.reason = 'deleted')`,
      [JSON.stringify(removed)],
    );
  }
  if (unreadable.length > 0) {
    await markToRead(
      db,
      unreadable.map(({ id }) => id),
      options.everyone,
    );
  }
  return unreadable;
}

/** As `$expand` gives it, without what we did not ask for. */
const expandedManager = z.object({ id: z.string(), userPrincipalName: z.string().nullish() });

/**
 * Writes a page of users/delta. Where the manager is wanted, whoever changed is to be read directly, together with those
 * whose manager it is: what a manager is called changes with the manager.
 */
export async function writeDeltaPage(
  db: Queryable,
  users: readonly GraphUser[],
  options: MirrorOptions,
): Promise<void> {
  if (!options.manager) {
    await writeUsers(db, users, options);
    return;
  }
  const last = new Map(users.map((user) => [user.id.toLowerCase(), user]));
  const changed = [...last].flatMap(([id, user]) => (user['@removed'] === undefined ? [id] : []));
  await markToRead(db, changed, options.everyone);
  await writeUsers(
    db,
    [...last.values()].filter((user) => user['@removed'] !== undefined),
    options,
  );
  await db.query(
    `update users set needs_read = true where attributes ? 'manager' and attributes->'manager'->>'id' = any($1)`,
    [[...last.keys()]],
  );
}

/** Of filters that look at the user alone. */
const nothingElse = { memberOf: new Set<string>(), now: new Date(0) };

async function markToRead(db: Queryable, ids: readonly string[], everyone: boolean): Promise<void> {
  await db.query('update users set needs_read = true where id = any($1)', [ids]);
  if (!everyone) return;
  await db.query(
    `insert into users (id, needs_read, in_scope) select unnest($1::uuid[]), true, true on conflict (id) do nothing`,
    [ids],
  );
}

interface PresentRow {
  readonly id: string;
  readonly attributes: unknown;
  readonly user_name: string | null;
  /** By what the user is found, state/search-text.ts. */
  readonly search: string;
  readonly filtered_out: boolean | null;
}

async function writePresent(db: Queryable, present: readonly PresentRow[], everyone: boolean): Promise<void> {
  // Where filters look beyond the user, scope/refilter.ts decides afterwards.
  const filteredOut = 'coalesce(page.filtered_out, u.filtered_out)';
  const change = `(u.attributes is distinct from page.attributes or u.presence <> 'live'
    or u.filtered_out is distinct from ${filteredOut})`;
  const page = `page as materialized (
    select * from jsonb_to_recordset($1) as page(id uuid, attributes jsonb, user_name text, search text, filtered_out boolean))`;
  // The parts of one statement see the same snapshot: what differs is found before it is written.
  await db.query(
    `with ${page}, differs as (
       insert into to_compare select u.id from users u join page on page.id = u.id where ${change} on conflict do nothing)
     update users u set attributes = page.attributes, user_name = page.user_name, search = page.search, presence = 'live',
       filtered_out = ${filteredOut}, suspect = null, needs_read = false
     from page
     where u.id = page.id
       and (u.needs_read or u.suspect is not null or u.user_name is distinct from page.user_name
         or u.search is distinct from page.search or ${change})`,
    [JSON.stringify(present)],
  );
  if (!everyone) return;
  await db.query(
    `with ${page}, came as (
       insert into users (id, attributes, user_name, search, filtered_out, in_scope)
       select id, attributes, user_name, search, coalesce(filtered_out, false), true from page
       on conflict (id) do nothing returning id)
     insert into to_compare select id from came on conflict do nothing`,
    [JSON.stringify(present)],
  );
}

/** Marks users as no longer live: `soft_deleted` can be restored for 30 days, `purged` cannot. */
export async function writeAbsent(
  db: Queryable,
  absent: readonly { readonly id: string; readonly presence: 'soft_deleted' | 'purged' }[],
): Promise<void> {
  if (absent.length === 0) return;
  await db.query(
    `with page as materialized (select * from jsonb_to_recordset($1) as page(id uuid, presence text)), differs as (
       insert into to_compare select u.id from users u join page on page.id = u.id where u.presence <> page.presence
       on conflict do nothing)
     update users u set presence = page.presence, suspect = null, needs_read = false from page where u.id = page.id`,
    [JSON.stringify(absent)],
  );
}

/**
 * Drops rows that say nothing any more: no link, no operation, nothing to compare, and out of scope (with `everyone`,
 * purged). Whoever is assigned again gets a new row and is read again.
 */
export async function dropUnused(db: Queryable, everyone: boolean): Promise<void> {
  await db.query(
    `delete from users u
     where ${everyone ? "u.presence = 'purged'" : 'not u.in_scope'}
       and not exists (select from to_compare c where c.id = u.id)
       and not exists (select from links l where l.entra_id = u.id)
       and not exists (select from operations o where o.entra_id = u.id)`,
  );
  // What is said of nobody would be said for ever.
  for (const [table, id] of [
    ['escrow', 'entra_id'],
    ['answers', 'entra_id'],
    ['to_compare', 'id'],
  ]) {
    await db.query(`delete from ${table} where not exists (select from users u where u.id = ${table}.${id})`);
  }
}
