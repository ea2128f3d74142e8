/**
 * What gives one user access, read directly: the user's own assignments and memberships. Access ends on it only where a
 * second reading says the same, as in a cycle (confirm-vanished.ts).
 */
import type { z } from 'zod';
import { SyncError } from '../errors.ts';
import { GraphError, graphSyncError } from './graph-client.ts';
import { assertOrigin } from './graph-middleware.ts';
import { appRoleAssignmentsPage, membersPage } from './graph-types.ts';
import type { GroupAccess, KnownAccess, UserAccess } from './known-access.ts';
import type { PullContext } from './pull-context.ts';

type Assignment = (typeof appRoleAssignmentsPage)['_output']['value'][number];

/** What is needed of the Entra side for it. */
export interface AccessContext extends Pick<PullContext, 'nestedGroups' | 'filterGroups' | 'servicePrincipalId'> {
  readonly graph: Pick<PullContext['graph'], 'get' | 'origin'>;
  readonly mirror: Pick<PullContext['mirror'], 'everyone'>;
  /** What the state database knows of a user. */
  readonly known: (id: string) => Promise<KnownAccess>;
}

interface Assignments {
  /** Of the user, and of groups. */
  readonly rows: readonly Assignment[];
  /** `user`: the user's own list, in which the groups are the user's. `app`: everybody's. */
  readonly of: 'user' | 'app';
  /** False where the list looks cut off: what is missing from it proves nothing. */
  readonly complete: boolean;
}

/** Reads it; with SYNC_SCOPE=all only the memberships. Rejects with a SyncError where something cannot be read. */
export async function readAccess(context: AccessContext, id: string): Promise<UserAccess> {
  const { everyone } = context.mirror;
  const [assignments, memberOf, known] = await Promise.all([
    everyone ? noAssignments : readAssignments(context, id),
    readMemberOf(context, id),
    context.known(id),
  ]);
  const roles = rolesOf(assignments.rows, id);
  const groups = groupsOf(assignments, memberOf);
  const access = roles.length > 0 || groups.length > 0;
  const confirms = { context, id, assignments, known, memberOf };
  const ended = access || everyone ? await endedBeside(confirms, groups) : await endedWholly(confirms);
  const left = known.groups.some(
    (group) => !ended.memberships.includes(group) && !ended.groupAssignments.includes(group),
  );
  const unconfirmed = !access && !everyone && ((known.direct && !ended.direct) || left);
  return { roles, groups, memberOf, ended, unconfirmed };
}

const noAssignments: Assignments = { rows: [], of: 'app', complete: true };

function rolesOf(rows: readonly Assignment[], principal: string): string[] {
  return rows.filter((row) => row.principalId.toLowerCase() === principal).map((row) => row.appRoleId);
}

function groupsOf({ rows, of }: Assignments, memberOf: ReadonlySet<string>): GroupAccess[] {
  const groups = new Map<string, { id: string; name: string | null; roles: string[] }>();
  for (const row of rows) {
    const id = row.principalId.toLowerCase();
    if (row.principalType !== 'Group' || (of === 'app' && !memberOf.has(id))) continue;
    const group = groups.get(id) ?? { id, name: row.principalDisplayName ?? null, roles: [] };
    group.roles.push(row.appRoleId);
    groups.set(id, group);
  }
  return [...groups.values()];
}

interface Confirms {
  readonly context: AccessContext;
  readonly id: string;
  readonly assignments: Assignments;
  readonly known: KnownAccess;
  readonly memberOf: ReadonlySet<string>;
}

/** Where access stays, the first word is enough for what ended beside it, but for groups that filters ask about. */
async function endedBeside(confirms: Confirms, groups: readonly GroupAccess[]): Promise<UserAccess['ended']> {
  const { context, known, memberOf } = confirms;
  const present = new Set([...memberOf, ...groups.map(({ id }) => id)]);
  const missing = known.memberships.filter((group) => !present.has(group));
  const asked = missing.filter((group) => context.filterGroups.includes(group));
  const left = await whereNotListed(confirms, asked);
  return {
    direct: true,
    memberships: missing.filter((group) => !asked.includes(group) || left.includes(group)),
    groupAssignments: [],
  };
}

async function endedWholly(confirms: Confirms): Promise<UserAccess['ended']> {
  const { context, id, assignments, known, memberOf } = confirms;
  const missing = known.memberships.filter((group) => !memberOf.has(group));
  const memberships = await whereNotListed(confirms, missing);
  // Of groups the user is still in, the assignment has ended.
  const unassigned = known.groups.filter((group) => memberOf.has(group));
  if (assignments.of === 'user') {
    return { direct: true, memberships, groupAssignments: await withoutAssignment(context, unassigned) };
  }
  const doubtful = known.direct || unassigned.length > 0;
  const again = doubtful ? await listAssignments(context, id) : assignments;
  if (!again.complete || !assignments.complete) return { direct: false, memberships, groupAssignments: [] };
  return {
    direct: rolesOf(again.rows, id).length === 0,
    memberships,
    groupAssignments: unassigned.filter((group) => rolesOf(again.rows, group).length === 0),
  };
}

/** The user's own list; without Directory.Read.All, which Graph asks for it, that of the app. */
async function readAssignments(context: AccessContext, id: string): Promise<Assignments> {
  // The user's list knows direct memberships only.
  if (context.nestedGroups) return listAssignments(context, id);
  try {
    return { rows: await ownAssignments(context, `/users/${id}`), of: 'user', complete: true };
  } catch (thrown) {
    if (thrown instanceof GraphError && thrown.status === 403) return listAssignments(context, id);
    throw unreadable(thrown, 'the assignments of the user', 'Directory.Read.All');
  }
}

async function ownAssignments(context: AccessContext, principal: string): Promise<Assignment[]> {
  const { servicePrincipalId } = context;
  const filter = encodeURIComponent(`resourceId eq ${servicePrincipalId}`);
  const rows: Assignment[] = [];
  for await (const page of pages(
    context,
    `${principal}/appRoleAssignments?$filter=${filter}`,
    appRoleAssignmentsPage,
  )) {
    rows.push(...page.filter(({ resourceId }) => resourceId?.toLowerCase() === servicePrincipalId));
  }
  return rows;
}

/** Lists have been seen that end at 999 rows although there are more (assignments.ts). */
const suspiciousCount = 999;

async function listAssignments(context: AccessContext, id: string): Promise<Assignments> {
  const rows: Assignment[] = [];
  let count = 0;
  // Pages of less than 999 make Graph show whether there is more.
  const path = `/servicePrincipals/${context.servicePrincipalId}/appRoleAssignedTo?$top=500`;
  try {
    for await (const page of pages(context, path, appRoleAssignmentsPage)) {
      count += page.length;
      rows.push(...page.filter((row) => row.principalType === 'Group' || row.principalId.toLowerCase() === id));
    }
  } catch (thrown) {
    throw unreadable(thrown, 'the assignments of the enterprise app', 'Application.Read.All');
  }
  return { rows, of: 'app', complete: count !== suspiciousCount };
}

async function readMemberOf(context: AccessContext, id: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const relation = context.nestedGroups ? 'transitiveMemberOf' : 'memberOf';
  try {
    for await (const page of pages(context, `/users/${id}/${relation}?$select=id&$top=999`, membersPage)) {
      for (const { id: group, '@odata.type': type } of page) {
        if (type === '#microsoft.graph.group') found.add(group.toLowerCase());
      }
    }
  } catch (thrown) {
    throw unreadable(thrown, 'the groups of the user', 'GroupMember.Read.All');
  }
  return found;
}

/** Those of the groups whose own list of members does not have the user either. */
async function whereNotListed({ context, id }: Confirms, groups: readonly string[]): Promise<string[]> {
  const left: string[] = [];
  for (const group of groups) if (!(await isListed(context, group, id))) left.push(group);
  return left;
}

async function isListed(context: AccessContext, group: string, user: string): Promise<boolean> {
  const path = context.nestedGroups
    ? `/groups/${group}/transitiveMembers/microsoft.graph.user?$select=id&$top=999&$count=true`
    : `/groups/${group}/members?$select=id&$top=999`;
  try {
    for await (const page of pages(context, path, membersPage)) {
      if (page.some((member) => member.id.toLowerCase() === user)) return true;
    }
  } catch (thrown) {
    // A group that is gone has no members.
    if (thrown instanceof GraphError && thrown.status === 404) return false;
    throw unreadable(thrown, 'the members of an assigned group', 'GroupMember.Read.All');
  }
  return false;
}

async function withoutAssignment(context: AccessContext, groups: readonly string[]): Promise<string[]> {
  const ended: string[] = [];
  for (const group of groups) {
    try {
      if ((await ownAssignments(context, `/groups/${group}`)).length === 0) ended.push(group);
    } catch (thrown) {
      throw unreadable(thrown, 'the assignments of a group', 'Directory.Read.All');
    }
  }
  return ended;
}

interface Page<T> {
  readonly value: T[];
  readonly '@odata.nextLink'?: string | undefined;
}

async function* pages<T>({ graph }: AccessContext, path: string, schema: z.ZodType<Page<T>>): AsyncGenerator<T[]> {
  // An OData cast is an advanced query, and asks for this with every page.
  const headers: Record<string, string> = path.includes('$count=true') ? { ConsistencyLevel: 'eventual' } : {};
  for (let link: string | undefined = path; link !== undefined; ) {
    const page: Page<T> = await graph.get(link, schema, headers);
    yield page.value;
    link = page['@odata.nextLink'];
    if (link !== undefined) assertOrigin(link, graph.origin);
  }
}

/** Who was there a moment ago and is unknown now was not read: that is no answer. */
function unreadable(thrown: unknown, what: string, permission: string): SyncError {
  if (thrown instanceof GraphError && thrown.status === 404) {
    return new SyncError('UnexpectedAnswer', `Graph does not know ${what}, although it just gave the user`);
  }
  return graphSyncError(thrown, what, permission);
}
