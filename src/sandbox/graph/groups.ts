/** Reads of groups and their members (https://learn.microsoft.com/graph/api/group-list-members). */
import type { TenantGroup } from '../tenant.ts';
import { badRequest, notFound } from './graph-error.ts';
import { type GraphContext, type GraphReply, type GraphRequest, isAdvanced, rootOf } from './graph-request.ts';
import { groupPropertyNames, groupValue } from './group-properties.ts';
import { type ListSource, listPage } from './list-page.ts';
import { parseFilter, selectedFrom, selectedNames, selectedUserProperties } from './query.ts';
import { renderUser, userOf } from './users.ts';

const renderGroup = (group: TenantGroup, names: readonly string[]): Record<string, unknown> =>
  Object.fromEntries(names.map((name) => [name, groupValue(group, name)]));

export function groupOf(context: GraphContext, id: string): TenantGroup {
  const group = context.tenant.groups.find(id);
  if (!group) throw notFound(id);
  return group;
}

export function listGroups(context: GraphContext, request: GraphRequest): GraphReply {
  const names = selectedFrom(request.query.get('$select'), groupPropertyNames, 'group');
  const matches = parseFilter(request.query.get('$filter'), ['id', 'displayName']);
  return listPage(context, request, {
    context: 'groups',
    items: context.tenant.groups.all,
    includes: (group) => matches((name) => groupValue(group, name)),
    render: (group) => renderGroup(group, names),
  });
}

export function getGroup(context: GraphContext, request: GraphRequest, [id = '']: readonly string[]): GraphReply {
  const names = selectedFrom(request.query.get('$select'), groupPropertyNames, 'group');
  const metadata = `${rootOf(context, request)}/$metadata#groups/$entity`;
  return { body: { '@odata.context': metadata, ...renderGroup(groupOf(context, id), names) } };
}

/** Direct members: users that are alive, and nested groups, each once. */
export function listMembers(context: GraphContext, request: GraphRequest, [id = '']: readonly string[]): GraphReply {
  return memberPage(context, request, groupOf(context, id).members);
}

/** Direct members that are users. */
export function listUserMembers(
  context: GraphContext,
  request: GraphRequest,
  [id = '']: readonly string[],
): GraphReply {
  return memberPage(context, request, groupOf(context, id).members, { usersOnly: true });
}

/** Members of the group and of every group nested in it, flat. */
export function listTransitiveMembers(
  context: GraphContext,
  request: GraphRequest,
  [id = '']: readonly string[],
): GraphReply {
  return memberPage(context, request, transitiveMembers(context, groupOf(context, id)));
}

/** The same, users only: the service asks for an advanced query here. */
export function listTransitiveUserMembers(
  context: GraphContext,
  request: GraphRequest,
  [id = '']: readonly string[],
): GraphReply {
  if (!isAdvanced(request) || request.query.get('$count') !== 'true') {
    throw badRequest('The OData cast needs the header ConsistencyLevel: eventual and $count=true.');
  }
  return memberPage(context, request, transitiveMembers(context, groupOf(context, id)), { usersOnly: true });
}

/** The groups that a user is a direct member of (https://learn.microsoft.com/graph/api/user-list-memberof). */
export function listMemberOf(context: GraphContext, request: GraphRequest, [key = '']: readonly string[]): GraphReply {
  return groupPage(context, request, context.tenant.groups.groupsOf(userOf(context, key).id));
}

/** Those, and every group that one of them is nested in. */
export function listTransitiveMemberOf(
  context: GraphContext,
  request: GraphRequest,
  [key = '']: readonly string[],
): GraphReply {
  const { groups } = context.tenant;
  const found = new Set(groups.groupsOf(userOf(context, key).id));
  for (const group of found) for (const parent of groups.groupsOf(group.id)) found.add(parent);
  return groupPage(context, request, [...found]);
}

function groupPage(context: GraphContext, request: GraphRequest, groups: readonly TenantGroup[]): GraphReply {
  const names = selectedFrom(request.query.get('$select'), groupPropertyNames, 'group');
  return listPage(context, request, {
    context: 'directoryObjects',
    items: { end: groups.length, at: (position) => groups[position] },
    includes: (group) => group.deletedAt === undefined,
    render: (group) => ({ '@odata.type': '#microsoft.graph.group', ...renderGroup(group, names) }),
  });
}

function transitiveMembers(context: GraphContext, group: TenantGroup): ListSource<string>['items'] {
  const { groups } = context.tenant;
  const found = new Set<string>();
  const open = [group];
  for (let next = open.shift(); next; next = open.shift()) {
    for (const memberId of next.members.values()) {
      if (found.has(memberId)) continue;
      found.add(memberId);
      const nested = groups.find(memberId);
      if (nested && nested !== group) open.push(nested);
    }
  }
  found.delete(group.id);
  const members = [...found];
  return { end: members.length, at: (position) => members[position] };
}

function memberPage(
  context: GraphContext,
  request: GraphRequest,
  items: ListSource<string>['items'],
  { usersOnly = false } = {},
): GraphReply {
  const { users, groups } = context.tenant;
  const select = request.query.get('$select');
  const userNames = selectedUserProperties(select);
  const groupNames = selectedNames(select)?.filter((name) => groupPropertyNames.includes(name)) ?? groupPropertyNames;
  const render = (memberId: string): object => {
    const user = users.find(memberId);
    if (user) {
      return { ...(usersOnly ? {} : { '@odata.type': '#microsoft.graph.user' }), ...renderUser(user, userNames) };
    }
    const group = groups.find(memberId);
    return { '@odata.type': '#microsoft.graph.group', ...(group ? renderGroup(group, groupNames) : { id: memberId }) };
  };
  return listPage(context, request, {
    context: usersOnly ? 'users' : 'directoryObjects',
    items,
    includes: (memberId) => users.find(memberId) !== undefined || (!usersOnly && groups.find(memberId) !== undefined),
    render,
  });
}
