/**
 * Reads of enterprise apps and app role assignments
 * (https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto).
 */
import type { AppRoleAssignment, ServicePrincipal } from '../tenant.ts';
import { notFound } from './graph-error.ts';
import { type GraphContext, type GraphReply, type GraphRequest, rootOf } from './graph-request.ts';
import { groupOf } from './groups.ts';
import { listPage } from './list-page.ts';
import { parseFilter, selectedFrom } from './query.ts';
import { userOf } from './users.ts';

const propertyNames = [
  'id',
  'appId',
  'displayName',
  'appRoleAssignmentRequired',
  'appRoles',
  'servicePrincipalType',
] as const;

function renderServicePrincipal(app: ServicePrincipal, names: readonly string[]): Record<string, unknown> {
  const whole: Record<string, unknown> = {
    id: app.id,
    appId: app.appId,
    displayName: app.displayName,
    appRoleAssignmentRequired: app.appRoleAssignmentRequired,
    appRoles: app.appRoles.map((role) => ({
      allowedMemberTypes: ['User'],
      description: role.displayName,
      displayName: role.displayName,
      id: role.id,
      isEnabled: true,
      origin: 'Application',
      value: role.value,
    })),
    servicePrincipalType: 'Application',
  };
  return Object.fromEntries(names.map((name) => [name, whole[name]]));
}

/** By object id, or by the alternate key `servicePrincipals(appId='…')`. */
function servicePrincipalOf(context: GraphContext, key: string): ServicePrincipal {
  const appId = /^servicePrincipals\(appId='([^']*)'\)$/i.exec(key)?.[1];
  const { applications } = context.tenant;
  const app = appId === undefined ? applications.get(key) : applications.byAppId(appId);
  if (!app) throw notFound(appId ?? key);
  return app;
}

/** The registration behind an app of this tenant; what of its credentials may be read is not the secret. */
export function getApplication(
  context: GraphContext,
  request: GraphRequest,
  [key = '']: readonly string[],
): GraphReply {
  const appId = /^applications\(appId='([^']*)'\)$/i.exec(key)?.[1] ?? '';
  const app = context.tenant.applications.byAppId(appId);
  if (!app) throw notFound(appId || key);
  const names = selectedFrom(request.query.get('$select'), applicationProperties, 'application');
  const whole: Record<string, unknown> = {
    appId,
    displayName: app.displayName,
    passwordCredentials: app.passwordCredentials.map(({ endsAt, ...credential }) => ({
      ...credential,
      customKeyIdentifier: null,
      endDateTime: new Date(endsAt).toISOString(),
      secretText: null,
    })),
    keyCredentials: [],
  };
  const metadata = `${rootOf(context, request)}/$metadata#applications/$entity`;
  return { body: { '@odata.context': metadata, ...Object.fromEntries(names.map((name) => [name, whole[name]])) } };
}

const applicationProperties = ['appId', 'displayName', 'passwordCredentials', 'keyCredentials'] as const;

export function listServicePrincipals(context: GraphContext, request: GraphRequest): GraphReply {
  const names = selectedFrom(request.query.get('$select'), propertyNames, 'servicePrincipal');
  const matches = parseFilter(request.query.get('$filter'), ['id', 'appId', 'displayName']);
  return listPage(context, request, {
    context: 'servicePrincipals',
    items: context.tenant.applications.all,
    includes: (app) => matches((name) => renderServicePrincipal(app, [name])[name]),
    render: (app) => renderServicePrincipal(app, names),
  });
}

export function getServicePrincipal(
  context: GraphContext,
  request: GraphRequest,
  [key = '']: readonly string[],
): GraphReply {
  const names = selectedFrom(request.query.get('$select'), propertyNames, 'servicePrincipal');
  const metadata = `${rootOf(context, request)}/$metadata#servicePrincipals/$entity`;
  return { body: { '@odata.context': metadata, ...renderServicePrincipal(servicePrincipalOf(context, key), names) } };
}

/** A principal that is not in the recycle bin; its rows come back when it does. */
const isPresent = (context: GraphContext, row: AppRoleAssignment): boolean => {
  const { users, groups, applications } = context.tenant;
  if (row.principalType === 'User') return users.find(row.principalId) !== undefined;
  if (row.principalType === 'Group') return groups.find(row.principalId) !== undefined;
  return applications.get(row.principalId) !== undefined;
};

const displayNameOf = (context: GraphContext, row: AppRoleAssignment): string | null => {
  const { users, groups, applications } = context.tenant;
  if (row.principalType === 'User') return users.get(row.principalId)?.properties.displayName ?? null;
  if (row.principalType === 'Group') return groups.get(row.principalId)?.displayName ?? null;
  return applications.get(row.principalId)?.displayName ?? null;
};

function renderAssignment(context: GraphContext, row: AppRoleAssignment): object {
  return {
    id: row.id,
    deletedDateTime: null,
    appRoleId: row.appRoleId,
    // Graph gives seven digits of a second here.
    createdDateTime: new Date(row.createdAt).toISOString().replace('Z', '0000Z'),
    principalDisplayName: displayNameOf(context, row),
    principalId: row.principalId,
    principalType: row.principalType,
    resourceDisplayName: context.tenant.applications.get(row.resourceId)?.displayName ?? null,
    resourceId: row.resourceId,
  };
}

const filterable = ['principalDisplayName', 'resourceId'] as const;
const filterValue = (context: GraphContext, row: AppRoleAssignment, name: string): unknown =>
  name === 'resourceId' ? row.resourceId : displayNameOf(context, row);

/** Who is assigned to the app. It may lag behind. */
export function listAssignedTo(
  context: GraphContext,
  request: GraphRequest,
  [key = '']: readonly string[],
): GraphReply {
  const app = servicePrincipalOf(context, key);
  const { assignmentLag, assignmentCap } = context.behaviour;
  const asOf = context.tenant.clock.now() - assignmentLag;
  const matches = parseFilter(request.query.get('$filter'), filterable);
  const isListed = (row: AppRoleAssignment): boolean =>
    row.createdAt <= asOf && (row.removedAt === undefined || row.removedAt > asOf);
  return listPage(context, request, {
    context: `servicePrincipals('${app.id}')/appRoleAssignedTo`,
    items: app.assignments,
    includes: (row) => isListed(row) && isPresent(context, row) && matches((name) => filterValue(context, row, name)),
    render: (row) => renderAssignment(context, row),
    suppressNextLink: (size) => assignmentCap && size === 999,
  });
}

function assignmentPage(
  context: GraphContext,
  request: GraphRequest,
  collection: string,
  rows: readonly AppRoleAssignment[],
): GraphReply {
  const matches = parseFilter(request.query.get('$filter'), filterable);
  return listPage(context, request, {
    context: collection,
    items: { end: rows.length, at: (position) => rows[position] },
    includes: (row) => isPresent(context, row) && matches((name) => filterValue(context, row, name)),
    render: (row) => renderAssignment(context, row),
  });
}

/** What was granted to the app itself as a principal; seldom what one looks for. */
export function listOfServicePrincipal(
  context: GraphContext,
  request: GraphRequest,
  [key = '']: readonly string[],
): GraphReply {
  const app = servicePrincipalOf(context, key);
  const rows = context.tenant.applications.assignmentsOf(app.id);
  return assignmentPage(context, request, `servicePrincipals('${app.id}')/appRoleAssignments`, rows);
}

/** What a user has, directly and through groups the user is a direct member of. */
export function listOfUser(context: GraphContext, request: GraphRequest, [key = '']: readonly string[]): GraphReply {
  const user = userOf(context, key);
  const { applications, groups } = context.tenant;
  const principals = [user.id, ...groups.groupsOf(user.id).map((group) => group.id)];
  const rows = principals.flatMap((id) => applications.assignmentsOf(id));
  return assignmentPage(context, request, `users('${user.id}')/appRoleAssignments`, rows);
}

export function listOfGroup(context: GraphContext, request: GraphRequest, [key = '']: readonly string[]): GraphReply {
  const group = groupOf(context, key);
  const rows = context.tenant.applications.assignmentsOf(group.id);
  return assignmentPage(context, request, `groups('${group.id}')/appRoleAssignments`, rows);
}
