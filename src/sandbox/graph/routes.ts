/** What the emulator answers, what each costs and which application permission it needs. */
import {
  getApplication,
  getServicePrincipal,
  listAssignedTo,
  listOfGroup,
  listOfServicePrincipal,
  listOfUser,
  listServicePrincipals,
} from './applications.ts';
import { answerBatch } from './batch.ts';
import { getByIds } from './get-by-ids.ts';
import type { GraphContext, GraphReply, GraphRequest } from './graph-request.ts';
import {
  getGroup,
  listGroups,
  listMemberOf,
  listMembers,
  listTransitiveMemberOf,
  listTransitiveMembers,
  listTransitiveUserMembers,
  listUserMembers,
} from './groups.ts';
import { groupsDelta } from './groups-delta.ts';
import { sendMail } from './send-mail.ts';
import { countUsers, getDeletedItem, getUser, listDeletedUsers, listUsers, restoreDeletedItem } from './users.ts';
import { usersDelta } from './users-delta.ts';

type Handler = (
  context: GraphContext,
  request: GraphRequest,
  parameters: readonly string[],
) => GraphReply | Promise<GraphReply>;

export interface Route {
  readonly method: 'GET' | 'POST';
  /** Segments; `*` is a parameter. */
  readonly pattern: readonly string[];
  /** Resource units before `$select` and `$top` make it cheaper. */
  readonly cost: number;
  /** Any one of these is enough; none are needed when empty. */
  readonly permissions: readonly string[];
  readonly handle: Handler;
}

const directory = ['Directory.Read.All', 'Directory.ReadWrite.All'];
const readUsers = ['User.Read.All', 'User.ReadWrite.All', ...directory];
const readGroups = [
  'GroupMember.Read.All',
  'GroupMember.ReadWrite.All',
  'Group.Read.All',
  'Group.ReadWrite.All',
  ...directory,
];
const readApplications = [
  'Application.Read.All',
  'Application.ReadWrite.OwnedBy',
  'Application.ReadWrite.All',
  ...directory,
];
/** Without a permission for groups only their ids are told. */
const readMemberOf = [...readUsers, ...readGroups];
/** Wider than for the same rows read from the app: User.Read.All does not do. */
const readPrincipalAssignments = ['AppRoleAssignment.ReadWrite.All', ...directory];
const restoreUsers = ['User.ReadWrite.All', 'User.DeleteRestore.All', 'Directory.ReadWrite.All'];

const route = (
  method: Route['method'],
  path: string,
  permissions: readonly string[],
  handle: Handler,
  cost = 1,
): Route => ({ method, pattern: path.split('/'), permissions, handle, cost });

/** The first that matches answers. */
const routes: readonly Route[] = [
  route('POST', '$batch', [], answerBatch),
  route('GET', 'users', readUsers, listUsers, 2),
  route('GET', 'users/delta', readUsers, usersDelta),
  route('GET', 'users/$count', readUsers, countUsers),
  route('GET', 'users/*', readUsers, getUser),
  route('POST', 'users/*/sendMail', ['Mail.Send'], sendMail),
  route('GET', 'users/*/appRoleAssignments', readPrincipalAssignments, listOfUser),
  route('GET', 'users/*/memberOf', readMemberOf, listMemberOf, 2),
  route('GET', 'users/*/transitiveMemberOf', readMemberOf, listTransitiveMemberOf, 2),
  route('GET', 'groups', readGroups, listGroups),
  route('GET', 'groups/delta', readGroups, groupsDelta),
  route('GET', 'groups/*', readGroups, getGroup),
  route('GET', 'groups/*/members', readGroups, listMembers, 3),
  route('GET', 'groups/*/members/microsoft.graph.user', readGroups, listUserMembers, 3),
  route('GET', 'groups/*/transitiveMembers', readGroups, listTransitiveMembers, 5),
  route('GET', 'groups/*/transitiveMembers/microsoft.graph.user', readGroups, listTransitiveUserMembers, 5),
  route('GET', 'groups/*/appRoleAssignments', readPrincipalAssignments, listOfGroup),
  route('GET', 'applications/*', readApplications, getApplication),
  route('GET', 'servicePrincipals', readApplications, listServicePrincipals),
  route('GET', 'servicePrincipals/*', readApplications, getServicePrincipal),
  route('GET', 'servicePrincipals/*/appRoleAssignedTo', readApplications, listAssignedTo),
  route('GET', 'servicePrincipals/*/appRoleAssignments', readApplications, listOfServicePrincipal, 2),
  route('GET', 'directory/deletedItems/microsoft.graph.user', readUsers, listDeletedUsers),
  route('GET', 'directory/deletedItems/microsoft.graph.user/*', readUsers, getDeletedItem),
  route('GET', 'directory/deletedItems/*', readUsers, getDeletedItem),
  route('POST', 'directory/deletedItems/*/restore', restoreUsers, restoreDeletedItem),
  route('POST', 'directoryObjects/getByIds', readUsers, getByIds, 3),
];

/** Finds the route; `methodMismatch` when only another method would do. */
export function findRoute(
  request: GraphRequest,
): { route: Route; parameters: string[] } | 'methodMismatch' | undefined {
  const segments = canonicalSegments(request.segments);
  let mismatch = false;
  for (const candidate of routes) {
    const parameters = match(candidate.pattern, segments);
    if (!parameters) continue;
    if (candidate.method === request.method) return { route: candidate, parameters };
    mismatch = true;
  }
  return mismatch ? 'methodMismatch' : undefined;
}

/** `microsoft.graph.delta` and `delta()` are `delta`; `servicePrincipals(appId='x')` is a collection and a key. */
function canonicalSegments(segments: readonly string[]): string[] {
  return segments.flatMap((segment) => {
    if (/^(microsoft\.graph\.)?delta(\(\))?$/i.test(segment)) return ['delta'];
    if (/^microsoft\.graph\.getByIds$/i.test(segment)) return ['getByIds'];
    const collection = /^(servicePrincipals|applications)\(appId=/i.exec(segment)?.[1];
    return collection === undefined ? [segment] : [collection, segment];
  });
}

function match(pattern: readonly string[], segments: readonly string[]): string[] | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: string[] = [];
  for (const [index, expected] of pattern.entries()) {
    const segment = segments[index] ?? '';
    if (expected === '*') parameters.push(segment);
    else if (expected.toLowerCase() !== segment.toLowerCase()) return undefined;
  }
  return parameters;
}

/** Resource units of a request: a `$select` or a small `$top` takes one off, never below one. */
export function costOf(cost: number, query: ReadonlyMap<string, string>): number {
  const cheaper = (query.has('$select') ? 1 : 0) + (Number(query.get('$top') ?? 100) < 20 ? 1 : 0);
  return Math.max(1, cost + (query.has('$expand') ? 1 : 0) - cheaper);
}
