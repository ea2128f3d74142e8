/**
 * The direct members of the assigned groups, and of those that scoping filters ask about. Nested groups give no access to
 * an app, so they are not followed (https://learn.microsoft.com/entra/identity/enterprise-apps/assign-user-or-group-access-portal),
 * unless a setting says so. Two ways of reading, whichever costs fewer requests: listing the members, or a groups/delta
 * chain of up to 50 groups.
 */

import { errorHandling, SyncError } from '../errors.ts';
import type { Queryable } from '../state/database.ts';
import { transaction } from '../state/database.ts';
import { type Cursor, deleteCursor, isUsable, readCursors, writeCursor } from './cursors.ts';
import { GraphError, graphSyncError } from './graph-client.ts';
import { assertOrigin } from './graph-middleware.ts';
import { groupsDeltaPage, isUserMember, membersPage } from './graph-types.ts';
import type { PullContext } from './pull-context.ts';
import { cursorLost } from './users-delta.ts';

const permission = 'GroupMember.Read.All';
/** The most ids that `$filter` of groups/delta takes. */
const chainLength = 50;
const listPageSize = 999;

/** How the members of groups without a chain are to be read. */
interface GroupReads {
  readonly list: readonly string[];
  readonly newChains: readonly (readonly string[])[];
}

/** Listing costs its pages every cycle, a chain one request: the cheaper is taken. `members` are counts known so far. */
export function planGroupReads(groups: readonly { readonly id: string; readonly members: number }[]): GroupReads {
  const pages = groups.reduce((sum, group) => sum + Math.max(1, Math.ceil(group.members / listPageSize)), 0);
  const chains = Math.ceil(groups.length / chainLength);
  const ids = groups.map((group) => group.id);
  if (pages <= chains) return { list: ids, newChains: [] };
  const newChains = Array.from({ length: chains }, (_, index) =>
    ids.slice(index * chainLength, (index + 1) * chainLength),
  );
  return { list: [], newChains };
}

/**
 * Brings `group_members` in line for these groups. A group that cannot be read for a reason that may pass is
 * reported and keeps the members it had; resolves with the number of such groups.
 */
export async function pullGroupMembers(
  context: PullContext,
  groups: readonly string[],
  initial: boolean,
): Promise<number> {
  const chained = await usableChains(context, groups, initial);
  const inChain = new Set(chained.flatMap((cursor) => cursor.groupIds));
  const { rows: counts } = await context.pool.query<{ id: string; members: number }>(
    `select g.id, (select count(*) from group_members m where m.group_id = g.id) as members
     from unnest($1::uuid[]) as g(id)`,
    [groups.filter((id) => !inChain.has(id))],
  );
  // A delta does not tell when somebody joins a group within a group, nor that a group is not there at all.
  const asked = new Set(context.filterGroups);
  const planned = planGroupReads(counts.filter(({ id }) => !asked.has(id)));
  const reads = context.nestedGroups
    ? { list: groups, newChains: [] }
    : { ...planned, list: [...planned.list, ...asked] };
  let failed = 0;
  let done = 0;
  const attempt = async (ids: readonly string[], work: () => Promise<void>) => {
    try {
      await work();
    } catch (thrown) {
      const error = graphSyncError(thrown, 'the members of an assigned group', permission);
      if (errorHandling(error.code).stopsCycle) throw error;
      // Who is in scope cannot be told without it, and nobody is to lose or get access on a guess.
      if (ids.some((id) => asked.has(id))) throw unreadFilterGroup(error);
      failed += ids.length;
      context.warn(
        `The members of ${ids.length} assigned group(s) could not be read and stay as they were (${error.code})`,
      );
    }
    done += ids.length;
    context.progress('groups', done, groups.length);
  };
  for (const cursor of chained) await attempt(cursor.groupIds, () => readChain(context, cursor));
  for (const [index, ids] of reads.newChains.entries()) {
    const name = `groups:${Date.now().toString(36)}-${index}`;
    await attempt(ids, () => beginChain(context, name, ids));
  }
  for (const id of reads.list) await attempt([id], () => listGroup(context, id));
  await mirrorKnownMembers(context);
  return failed;
}

function unreadFilterGroup(error: SyncError): SyncError {
  const message = `The members of a group that the scoping filters ask about could not be read, so nothing is planned: ${error.message}`;
  return new SyncError('Unreachable', message, { cause: error, detail: error.detail });
}

/** The members of a group that was only asked about until now, and has been assigned, get their rows. */
async function mirrorKnownMembers({ pool, filterGroups, mirror }: PullContext): Promise<void> {
  if (filterGroups.length === 0 || mirror.everyone) return;
  await pool.query(
    `insert into users (id, needs_read, in_scope) select distinct m.user_id, true, true
     from group_members m join assignments a on a.principal_id = m.group_id and a.principal_type = 'Group'
     where m.group_id = any($1) and not m.gone on conflict (id) do nothing`,
    [filterGroups],
  );
}

/** The chains whose groups are all assigned still and that can be trusted; the others are dropped, and begun anew. */
async function usableChains(context: PullContext, groups: readonly string[], initial: boolean): Promise<Cursor[]> {
  const assigned = new Set(groups);
  const usable: Cursor[] = [];
  for (const cursor of await readCursors(context.pool, 'groups:')) {
    const serves = cursor.groupIds.every((id) => assigned.has(id));
    if (!initial && !context.nestedGroups && serves && isUsable(cursor, context.fingerprint, context.now()))
      usable.push(cursor);
    else await deleteCursor(context.pool, cursor.name);
  }
  return usable;
}

/** A new chain begins with everything marked as vanished: the initial round un-marks who is still there. */
async function beginChain(context: PullContext, name: string, groupIds: readonly string[]): Promise<void> {
  const cursor = {
    name,
    fingerprint: context.fingerprint,
    deltaLink: null,
    nextLink: null,
    initial: 'full' as const,
    groupIds,
  };
  await context.pool.query('update group_members set vanished = true where group_id = any($1)', [groupIds]);
  await readChain(context, cursor);
}

async function readChain(context: PullContext, cursor: Omit<Cursor, 'issuedAt'>): Promise<void> {
  const filter = cursor.groupIds.map((id) => `id eq '${id}'`).join(' or ');
  const beginning = `/groups/delta?$select=members&$filter=${encodeURIComponent(filter)}`;
  let link = cursor.nextLink ?? cursor.deltaLink ?? beginning;
  for (;;) {
    let page: (typeof groupsDeltaPage)['_output'];
    try {
      page = await context.graph.get(link, groupsDeltaPage);
    } catch (thrown) {
      if (cursorLost(thrown) === undefined || link === beginning) throw thrown;
      await deleteCursor(context.pool, cursor.name);
      return beginChain(context, cursor.name, cursor.groupIds);
    }
    const next = page['@odata.nextLink'];
    const following = next ?? page['@odata.deltaLink'];
    if (following === undefined) throw new Error('Graph ended a groups/delta round without a link');
    assertOrigin(following, context.graph.origin);
    await transaction(context.pool, async (client) => {
      await writeGroupsPage(client, page);
      await writeCursor(client, {
        ...cursor,
        deltaLink: next === undefined ? following : cursor.deltaLink,
        nextLink: next === undefined ? null : following,
        initial: next === undefined ? null : cursor.initial,
      });
    });
    if (next === undefined) return;
    link = following;
  }
}

/** Entries apply in their order: an initial round can hold members that were added and removed again. */
async function writeGroupsPage(db: Queryable, page: (typeof groupsDeltaPage)['_output']): Promise<void> {
  const deleted: string[] = [];
  const members = new Map<string, { group_id: string; user_id: string; gone: boolean }>();
  for (const group of page.value) {
    if (group['@removed'] !== undefined) deleted.push(group.id);
    for (const member of group['members@delta'] ?? []) {
      if (!isUserMember(member)) continue;
      const gone = member['@removed'] !== undefined;
      members.set(`${group.id} ${member.id}`, { group_id: group.id, user_id: member.id, gone });
    }
  }
  await db.query('update group_members set vanished = true where group_id = any($1) and not vanished', [deleted]);
  const all = [...members.values()];
  await addMembers(db, 'jsonb_to_recordset($1) as p(group_id uuid, user_id uuid)', [
    JSON.stringify(all.filter((member) => !member.gone)),
  ]);
  await db.query(
    `update group_members m set vanished = true from jsonb_to_recordset($1) as p(group_id uuid, user_id uuid)
     where m.group_id = p.group_id and m.user_id = p.user_id and not m.vanished`,
    [JSON.stringify(all.filter((member) => member.gone))],
  );
}

/** Members come in; those who have access by it and no row in the mirror get one that is to be read. */
async function addMembers(db: Queryable, source: string, values: readonly unknown[]): Promise<void> {
  await db.query(
    `with came as (
       insert into group_members as m (group_id, user_id) select distinct p.group_id, p.user_id from ${source}
       on conflict (group_id, user_id) do update set vanished = false, gone = false where m.vanished or m.gone
       returning group_id, user_id
     )
     insert into users (id, needs_read, in_scope) select distinct user_id, true, true from came
     where exists (select from assignments a where a.principal_id = came.group_id and a.principal_type = 'Group')
     on conflict (id) do nothing`,
    [...values],
  );
}

/**
 * Lists a group's members into `member_listing`. A group that is gone has none. Used as the ordinary read of small
 * groups, and as the direct read that confirms a vanished membership.
 */
export async function listMembers(context: PullContext, groupId: string): Promise<void> {
  await context.pool.query('truncate member_listing');
  // The cast to users is an advanced query.
  const members = context.nestedGroups ? 'transitiveMembers/microsoft.graph.user' : 'members';
  const advanced = context.nestedGroups ? { ConsistencyLevel: 'eventual' } : {};
  const count = context.nestedGroups ? '&$count=true' : '';
  let link: string | undefined = `/groups/${groupId}/${members}?$select=id&$top=${listPageSize}${count}`;
  while (link !== undefined) {
    let page: (typeof membersPage)['_output'];
    try {
      page = await context.graph.get(link, membersPage, advanced);
    } catch (thrown) {
      const unknown = thrown instanceof GraphError && thrown.status === 404 && link.startsWith('/');
      if (unknown && context.filterGroups.includes(groupId)) {
        throw new SyncError(
          'Misconfigured',
          `Entra has no group ${groupId}, which the scoping filters (config/scoping-filters.yaml) ask about`,
        );
      }
      if (unknown) return;
      throw thrown;
    }
    const users = page.value.filter(isUserMember).map((member) => member.id);
    await context.pool.query('insert into member_listing (user_id) select unnest($1::uuid[])', [users]);
    link = page['@odata.nextLink'];
    if (link !== undefined) assertOrigin(link, context.graph.origin);
  }
}

async function listGroup(context: PullContext, groupId: string): Promise<void> {
  await listMembers(context, groupId);
  await transaction(context.pool, async (client) => {
    await addMembers(client, '(select $1::uuid as group_id, user_id from member_listing) as p', [groupId]);
    await client.query(
      `update group_members m set vanished = true where m.group_id = $1 and not m.vanished
         and not exists (select from member_listing l where l.user_id = m.user_id)`,
      [groupId],
    );
  });
}
