/** Reads of users: one, many, and those in the recycle bin (https://learn.microsoft.com/graph/api/resources/user). */
import type { TenantUser } from '../tenant.ts';
import { plainPropertyNames } from '../user-properties.ts';
import { badRequest, notFound } from './graph-error.ts';
import { type GraphContext, type GraphReply, type GraphRequest, isAdvanced, rootOf } from './graph-request.ts';
import { countItems, listPage } from './list-page.ts';
import { parseFilter, plainValue, selectedUserProperties } from './query.ts';

/** A time as Graph writes it. */
export const stamp = (milliseconds: number | undefined): string | null =>
  milliseconds === undefined ? null : `${new Date(milliseconds).toISOString().slice(0, 19)}Z`;

const userValue = (user: TenantUser, name: string): unknown => {
  if (name === 'id') return user.id;
  if (name === 'createdDateTime') return stamp(user.createdAt);
  if (name === 'deletedDateTime') return stamp(user.deletedAt);
  return plainValue(user.properties, name);
};

/** A user as a plain read gives it: every selected property, null where there is no value. */
export function renderUser(user: TenantUser, names: readonly string[]): Record<string, unknown> {
  const rendered: Record<string, unknown> = {};
  for (const name of names) rendered[name] = userValue(user, name);
  return rendered;
}

/** The user of a path, by object id or userPrincipalName; a soft-deleted one is not found. */
export function userOf(context: GraphContext, idOrName: string): TenantUser {
  const user = context.tenant.users.find(idOrName);
  const { readLag } = context.behaviour;
  const visible = user && (readLag === 0 || user.createdAt <= context.tenant.clock.now() - readLag);
  if (!user || !visible) throw notFound(idOrName);
  return user;
}

const contextOf = (path: string, request: GraphRequest): string => {
  const select = request.query.get('$select');
  return select ? `${path}(${select})` : path;
};

export function getUser(context: GraphContext, request: GraphRequest, [idOrName = '']: readonly string[]): GraphReply {
  const names = selectedUserProperties(request.query.get('$select'), { collection: false });
  const user = userOf(context, idOrName);
  const metadata = `${rootOf(context, request)}/$metadata#${contextOf('users', request)}/$entity`;
  const expanded = expandedManager(context, user, request.query.get('$expand'));
  return { body: { '@odata.context': metadata, ...renderUser(user, names), ...expanded } };
}

/** The one `$expand` there is: the manager who is not deleted, with the properties that are asked for. */
function expandedManager(context: GraphContext, user: TenantUser, expand: string | undefined): object {
  if (expand === undefined) return {};
  const select = /^manager(?:\(\$select=([\w,]+)\))?$/.exec(expand);
  if (!select) throw badRequest(`The sandbox cannot expand '${expand}'.`);
  const manager = context.tenant.users.find(user.properties.manager ?? '');
  if (manager === undefined) return {};
  const names = selectedUserProperties(select[1]);
  return { manager: { '@odata.type': '#microsoft.graph.user', ...renderUser(manager, names) } };
}

export function listUsers(context: GraphContext, request: GraphRequest): GraphReply {
  const names = selectedUserProperties(request.query.get('$select'));
  const matches = parseFilter(request.query.get('$filter'), ['id', ...plainPropertyNames]);
  return listPage(context, request, {
    context: contextOf('users', request),
    items: context.tenant.users.all,
    includes: (user) => user.deletedAt === undefined && matches((name) => userValue(user, name)),
    render: (user) => renderUser(user, names),
  });
}

export function countUsers(context: GraphContext, request: GraphRequest): GraphReply {
  if (!isAdvanced(request))
    throw badRequest('Request with $count query requires the header ConsistencyLevel: eventual.');
  const { users } = context.tenant;
  const filter = request.query.get('$filter');
  const matches = parseFilter(filter, ['id', ...plainPropertyNames]);
  const count = filter
    ? countItems({
        items: users.all,
        includes: (user) => user.deletedAt === undefined && matches((name) => userValue(user, name)),
      })
    : users.count;
  return { headers: { 'Content-Type': 'text/plain' }, body: String(count) };
}

export function listDeletedUsers(context: GraphContext, request: GraphRequest): GraphReply {
  const names = selectedUserProperties(
    request.query.get('$select') ?? 'id,displayName,userPrincipalName,mail,deletedDateTime',
  );
  const deleted = [...context.tenant.users.deleted.values()];
  return listPage(context, request, {
    context: contextOf('users', request),
    items: { end: deleted.length, at: (position) => deleted[position] },
    render: (user) => renderUser(user, names),
  });
}

export function getDeletedItem(context: GraphContext, request: GraphRequest, [id = '']: readonly string[]): GraphReply {
  const user = context.tenant.users.deleted.get(id);
  if (!user) throw notFound(id);
  const names = selectedUserProperties(
    request.query.get('$select') ?? 'id,displayName,userPrincipalName,mail,deletedDateTime',
  );
  const metadata = `${rootOf(context, request)}/$metadata#directoryObjects/$entity`;
  return { body: { '@odata.context': metadata, '@odata.type': '#microsoft.graph.user', ...renderUser(user, names) } };
}

export function restoreDeletedItem(
  context: GraphContext,
  request: GraphRequest,
  [id = '']: readonly string[],
): GraphReply {
  if (!context.tenant.users.deleted.has(id)) throw notFound(id);
  context.tenant.restoreUser(id);
  const user = userOf(context, id);
  const metadata = `${rootOf(context, request)}/$metadata#directoryObjects/$entity`;
  const names = selectedUserProperties(undefined);
  return { body: { '@odata.context': metadata, '@odata.type': '#microsoft.graph.user', ...renderUser(user, names) } };
}
