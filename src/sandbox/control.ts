/** The control API under `/_emu`: changes the tenant, plans faults, moves the clock, tells what was asked and mailed. */
import { z } from 'zod';
import { type ControlRoute, on } from './control-route.ts';
import { type Faults, faultRuleSchema } from './faults.ts';
import { type Behaviour, behaviourSchema } from './graph/behaviour.ts';
import { jsonResponse, type SandboxRequest, type SandboxResponse } from './http-message.ts';
import type { Mailbox } from './mailbox.ts';
import { mapticianRoutes } from './maptician/control-routes.ts';
import type { Maptician } from './maptician/maptician.ts';
import { ScimError } from './maptician/scim-error.ts';
import type { RequestLog } from './request-log.ts';
import type { NewUser, Tenant, TenantGroup, TenantUser } from './tenant.ts';
import { TenantError } from './tenant-error.ts';
import { userChangesSchema } from './user-properties.ts';

export interface ControlOptions {
  readonly tenant: Tenant;
  readonly behaviour: Behaviour;
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly mailbox: Mailbox;
  readonly maptician: Maptician;
}

const newUserSchema = z.looseObject({
  id: z.uuid().optional(),
  userPrincipalName: z.string().min(1),
  displayName: z.string().min(1).optional(),
});
const groupSchema = z.strictObject({
  displayName: z.string().min(1),
  kind: z.enum(['security', 'microsoft365']).optional(),
  members: z.array(z.string()).default([]),
});
const clockSchema = z.strictObject({ milliseconds: z.number().min(0).default(0), days: z.number().min(0).default(0) });

/** Answers a control request; undefined when the URL is not under `/_emu`. */
export function createControl(options: ControlOptions): (request: SandboxRequest) => SandboxResponse | undefined {
  const routes = controlRoutes(options);
  return (request) => {
    const [path = '', query = ''] = request.url.split(/\?(.*)/s);
    if (path !== '/_emu' && !path.startsWith('/_emu/')) return undefined;
    try {
      for (const { method, pattern, handle } of routes) {
        const matched = pattern.exec(path);
        if (!matched || method !== request.method) continue;
        const body: unknown = request.body === '' ? undefined : JSON.parse(request.body);
        const parameters = matched.slice(1).map(decodeURIComponent);
        const result = handle({ parameters, query: new URLSearchParams(query), body });
        return result === undefined ? { status: 204, headers: {}, body: '' } : jsonResponse(200, result);
      }
      return jsonResponse(404, {
        error: `No ${request.method} ${path} here.`,
        usage: routes.map(({ usage }) => usage),
      });
    } catch (thrown) {
      return jsonResponse(statusOf(thrown), {
        error: thrown instanceof z.ZodError ? z.prettifyError(thrown) : String(thrown),
      });
    }
  };
}

function statusOf(thrown: unknown): number {
  if (thrown instanceof TenantError) return { notFound: 404, conflict: 409, invalid: 400 }[thrown.code];
  if (thrown instanceof ScimError) return thrown.status;
  return thrown instanceof z.ZodError || thrown instanceof SyntaxError || thrown instanceof RangeError ? 400 : 500;
}

function controlRoutes(options: ControlOptions): ControlRoute[] {
  const { tenant, behaviour, faults, log, mailbox, maptician } = options;
  const { users, groups } = tenant;
  const userId = (idOrName: string | undefined): string => {
    const user = users.find(idOrName ?? '') ?? users.get(idOrName ?? '');
    if (!user) throw new TenantError('notFound', `The tenant has no user ${idOrName}.`);
    return user.id;
  };
  const principalId = (text: string | undefined): string => users.find(text ?? '')?.id ?? text ?? '';
  const routes: ControlRoute[] = [
    on('GET /_emu', () => ({
      tenantId: tenant.id,
      now: new Date(tenant.clock.now()).toISOString(),
      users: users.count,
      deletedUsers: users.deleted.size,
      groups: groups.all.size,
      maptician: { id: tenant.maptician.id, appId: tenant.maptician.appId },
      behaviour,
      usage: routes.map(({ usage }) => usage),
    })),

    on('GET /_emu/users', ({ query }) =>
      listUsers(tenant, Number(query.get('top') ?? 20), query.get('assigned') === 'true'),
    ),
    on('GET /_emu/users/{id}', ({ parameters: [id] }) => showUser(tenant, users.get(userId(id)))),
    on('POST /_emu/users', ({ body }) => {
      const { id, ...properties } = newUserSchema.parse(body);
      const changes = userChangesSchema.parse(properties);
      const created = users.create(
        withDefaults({ ...changes, userPrincipalName: properties.userPrincipalName }),
        id ? { id } : {},
      );
      return showUser(tenant, created);
    }),
    on('PATCH /_emu/users/{id}', ({ parameters: [id], body }) =>
      showUser(tenant, users.update(userId(id), userChangesSchema.parse(body))),
    ),
    on('DELETE /_emu/users/{id}', ({ parameters: [id] }) => void users.delete(userId(id))),
    on('POST /_emu/users/{id}/restore', ({ parameters: [id] }) => tenant.restoreUser(userId(id))),
    on('POST /_emu/users/{id}/purge', ({ parameters: [id] }) => tenant.purgeUser(userId(id))),

    on('GET /_emu/groups', () => [...groups.all.values()].map(showGroup)),
    on('POST /_emu/groups', ({ body }) => {
      const { members, displayName, kind } = groupSchema.parse(body);
      const group = groups.create({ displayName, ...(kind ? { kind } : {}) });
      for (const member of members) addMember(tenant, group.id, principalId(member));
      return showGroup(group);
    }),
    on('PATCH /_emu/groups/{id}', ({ parameters: [id = ''], body }) =>
      showGroup(groups.rename(id, z.strictObject({ displayName: z.string().min(1) }).parse(body).displayName)),
    ),
    on('DELETE /_emu/groups/{id}', ({ parameters: [id = ''] }) => tenant.deleteGroup(id)),
    on('PUT /_emu/groups/{id}/members/{member}', ({ parameters: [id = '', member] }) =>
      addMember(tenant, id, principalId(member)),
    ),
    on('DELETE /_emu/groups/{id}/members/{member}', ({ parameters: [id = '', member] }) =>
      groups.removeMember(id, principalId(member)),
    ),

    on('PUT /_emu/assignments/{principal}', ({ parameters: [id], query }) =>
      tenant.assign(principalId(id), query.get('appRoleId') ?? undefined),
    ),
    on('DELETE /_emu/assignments/{principal}', ({ parameters: [id], query }) =>
      tenant.unassign(principalId(id), query.get('appRoleId') ?? undefined),
    ),
    on('PUT /_emu/permissions', ({ body }) => {
      tenant.permissions = z.array(z.string()).parse(body);
    }),

    on('GET /_emu/faults', () => faults.list()),
    on('POST /_emu/faults', ({ body }) => ({ id: faults.inject(faultRuleSchema.parse(body)) })),
    on('DELETE /_emu/faults', () => faults.clear()),
    on('DELETE /_emu/faults/{id}', ({ parameters: [id] }) => faults.clear(Number(id))),
    on('PATCH /_emu/behaviour', ({ body }) =>
      Object.assign(
        behaviour,
        behaviourSchema.strict().parse({ ...behaviour, ...z.record(z.string(), z.unknown()).parse(body) }),
      ),
    ),
    on('POST /_emu/clock', ({ body }) => {
      const { milliseconds, days } = clockSchema.parse(body);
      tenant.clock.advance(milliseconds + days * 24 * 60 * 60 * 1000);
      tenant.purgeExpired();
      return { now: new Date(tenant.clock.now()).toISOString() };
    }),
    on('GET /_emu/requests', () => log.entries),
    on('DELETE /_emu/requests', () => log.clear()),
    ...mapticianRoutes(maptician),
    on('GET /_emu/mails', () => mailbox.mails()),
    on('DELETE /_emu/mails', () => mailbox.clear()),
  ];
  return routes;
}

const withDefaults = (user: Omit<NewUser, 'displayName'>): NewUser => {
  const alias = user.userPrincipalName.split('@')[0] ?? user.userPrincipalName;
  return { displayName: alias, mailNickname: alias, accountEnabled: true, userType: 'Member', ...user };
};

function addMember(tenant: Tenant, groupId: string, memberId: string): void {
  if (!tenant.typeOf(memberId)) throw new TenantError('notFound', `The tenant has no user or group ${memberId}.`);
  tenant.groups.addMember(groupId, memberId);
}

function showUser(tenant: Tenant, user: TenantUser | undefined): object | undefined {
  if (!user) return undefined;
  const assigned = tenant.applications
    .assignmentsOf(user.id)
    .some(({ resourceId }) => resourceId === tenant.maptician.id);
  return { id: user.id, ...user.properties, assigned, groups: tenant.groups.groupsOf(user.id).map(({ id }) => id) };
}

const showGroup = (group: TenantGroup): object => ({
  id: group.id,
  displayName: group.displayName,
  kind: group.kind,
  members: group.members.size,
});

function listUsers(tenant: Tenant, top: number, assignedOnly: boolean): object[] {
  const shown: object[] = [];
  for (const user of tenant.users.all.values()) {
    if (shown.length >= top) break;
    if (user.deletedAt !== undefined) continue;
    const assigned = tenant.applications
      .assignmentsOf(user.id)
      .some(({ resourceId }) => resourceId === tenant.maptician.id);
    if (assignedOnly && !assigned) continue;
    const { userPrincipalName, displayName, accountEnabled } = user.properties;
    shown.push({ id: user.id, userPrincipalName, displayName, accountEnabled, assigned });
  }
  return shown;
}
