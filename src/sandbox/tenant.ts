/**
 * An emulated Entra tenant, in memory: users, groups, enterprise apps and assignments. It knows nothing of HTTP; the
 * Graph emulator reads it, and tests and the control API change it.
 */
import { createClock, type SandboxClock } from './clock.ts';
import { createRandom, type Random } from './random.ts';
import {
  type AppRoleAssignment,
  createTenantApplications,
  type PrincipalType,
  type ServicePrincipal,
  type TenantApplications,
} from './tenant-applications.ts';
import { TenantError } from './tenant-error.ts';
import { createTenantGroups, type TenantGroup, type TenantGroups } from './tenant-groups.ts';
import { createTenantUsers, type TenantUsers } from './tenant-users.ts';

export type { AppRoleAssignment, ServicePrincipal } from './tenant-applications.ts';
export type { TenantGroup } from './tenant-groups.ts';
export type { NewUser, TenantUser } from './tenant-users.ts';

/** A user, a group or a service principal. */
type DirectoryObjectType = 'user' | 'group' | 'servicePrincipal';

export interface Tenant {
  /** The directory id (a UUID). */
  readonly id: string;
  /** The domain of its members' names. */
  readonly domain: string;
  readonly clock: SandboxClock;
  readonly random: Random;
  readonly users: TenantUsers;
  readonly groups: TenantGroups;
  readonly applications: TenantApplications;
  /** The Maptician enterprise app: its assignments are the scope of a sync. */
  readonly maptician: ServicePrincipal;
  /** The app registration the worker signs in with. */
  readonly worker: ServicePrincipal;
  /** Application permissions granted to the worker; tokens issued from now on carry them. */
  permissions: readonly string[];
  /** What an id belongs to, dead or alive; undefined for an id the tenant never had, or a purged user. */
  typeOf(id: string): DirectoryObjectType | undefined;
  /** Assigns a user, group or service principal to the Maptician app. */
  assign(principalId: string, appRoleId?: string): AppRoleAssignment;
  unassign(principalId: string, appRoleId?: string): void;
  /** Deletes a user for good, with memberships and assignments. */
  purgeUser(id: string): void;
  /** Brings a soft-deleted user back, with memberships and assignments. */
  restoreUser(id: string): void;
  deleteGroup(id: string): void;
  /** Purges what has been in the recycle bin for thirty days. */
  purgeExpired(): void;
  /** Direct members that are alive, in the order they joined. */
  membersOf(group: TenantGroup): string[];
}

export interface TenantOptions {
  readonly seed?: number;
  readonly domain?: string;
  readonly clock?: SandboxClock;
  readonly permissions?: readonly string[];
}

/** The least that Microsoft's documentation asks for what a sync reads. */
export const leastPermissions = ['User.Read.All', 'GroupMember.Read.All', 'Application.Read.All'] as const;

const recycleBinMilliseconds = 30 * 24 * 60 * 60 * 1000;
const principalTypes = { user: 'User', group: 'Group', servicePrincipal: 'ServicePrincipal' } as const satisfies Record<
  DirectoryObjectType,
  PrincipalType
>;

/** An empty tenant with two enterprise apps, Maptician and the worker's own. */
export function createTenant(options: TenantOptions = {}): Tenant {
  const { seed = 1, domain = 'contoso.example', clock = createClock(), permissions = leastPermissions } = options;
  const random = createRandom(seed);
  const id = random.uuid();
  const users = createTenantUsers(clock, random);
  const groups = createTenantGroups(clock, random);
  const applications = createTenantApplications(clock, random);
  const maptician = applications.create({
    appId: random.uuid(),
    displayName: 'Maptician',
    appRoleAssignmentRequired: true,
    appRoles: [
      { id: random.uuid(), displayName: 'User', value: null },
      { id: random.uuid(), displayName: 'Floor plan editor', value: 'Editor' },
    ],
  });
  const worker = applications.create({
    appId: random.uuid(),
    displayName: 'maptician-sync',
    appRoleAssignmentRequired: false,
    appRoles: [],
  });
  const typeOf = (objectId: string): DirectoryObjectType | undefined => {
    if (users.get(objectId)) return 'user';
    if (groups.get(objectId)) return 'group';
    return applications.get(objectId) ? 'servicePrincipal' : undefined;
  };
  const leaveEverything = (objectId: string): void => {
    for (const group of groups.groupsOf(objectId)) groups.removeMember(group.id, objectId);
    applications.forget(objectId);
  };

  return {
    id,
    domain,
    clock,
    random,
    users,
    groups,
    applications,
    maptician,
    worker,
    permissions,
    typeOf,
    assign(principalId, appRoleId) {
      const type = typeOf(principalId);
      if (!type) throw new TenantError('notFound', `The tenant has no user or group ${principalId}.`);
      return applications.assign(maptician.id, { id: principalId, type: principalTypes[type] }, appRoleId);
    },
    unassign(principalId, appRoleId) {
      applications.unassign(maptician.id, principalId, appRoleId);
    },
    purgeUser(userId) {
      users.purge(userId);
      leaveEverything(userId);
    },
    restoreUser(userId) {
      users.restore(userId);
      // The user may have been left out of a group's first delta round while in the bin: it is told of again.
      for (const group of groups.groupsOf(userId)) groups.log.append('memberAdded', group.id, { member: userId });
    },
    deleteGroup(groupId) {
      groups.delete(groupId);
      applications.forget(groupId);
    },
    purgeExpired() {
      const limit = clock.now() - recycleBinMilliseconds;
      for (const user of users.deleted.values()) {
        if (user.deletedAt === undefined || user.deletedAt > limit) break;
        users.purge(user.id);
        leaveEverything(user.id);
      }
    },
    membersOf: (group) =>
      [...group.members.values()].filter((memberId) => users.find(memberId) ?? groups.find(memberId)),
  };
}
