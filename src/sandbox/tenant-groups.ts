/** The tenant's groups, their members, and the log of both. */
import { type ChangeLog, createChangeLog } from './change-log.ts';
import type { SandboxClock } from './clock.ts';
import type { Random } from './random.ts';
import { createStableList, type StableList } from './stable-list.ts';
import { TenantError } from './tenant-error.ts';

export interface TenantGroup {
  readonly id: string;
  readonly position: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** undefined while alive. A security group is deleted for good, a Microsoft 365 group at first only softly. */
  readonly deletedAt: number | undefined;
  readonly displayName: string;
  readonly description: string | undefined;
  readonly kind: 'security' | 'microsoft365';
  /** Ids of the direct members: users, groups. Soft-deleted users keep their place. */
  readonly members: StableList<string>;
  hasMember(id: string): boolean;
}

interface GroupRecord extends TenantGroup {
  displayName: string;
  deletedAt: number | undefined;
  readonly places: Map<string, number>;
}

interface NewGroup {
  readonly displayName: string;
  readonly description?: string;
  readonly kind?: TenantGroup['kind'];
}

export interface TenantGroups {
  /** Those alive, by position. */
  readonly all: StableList<TenantGroup>;
  readonly log: ChangeLog;
  find(id: string): TenantGroup | undefined;
  /** Also one that has been deleted. */
  get(id: string): TenantGroup | undefined;
  create(group: NewGroup, options?: { id?: string; logged?: boolean }): TenantGroup;
  rename(id: string, displayName: string): TenantGroup;
  delete(id: string): void;
  /** Adds a direct member; one that is there already changes nothing. */
  addMember(groupId: string, memberId: string, options?: { logged?: boolean }): void;
  removeMember(groupId: string, memberId: string): void;
  /** The groups that have this direct member. */
  groupsOf(memberId: string): TenantGroup[];
}

export function createTenantGroups(clock: SandboxClock, random: Random): TenantGroups {
  const all = createStableList<GroupRecord>();
  const byId = new Map<string, GroupRecord>();
  const log = createChangeLog(clock.now);

  const alive = (id: string): GroupRecord => {
    const group = byId.get(id);
    if (group?.deletedAt !== undefined || !group) throw new TenantError('notFound', `The tenant has no group ${id}.`);
    return group;
  };
  const groupsOf = (memberId: string): GroupRecord[] => [...all.values()].filter((group) => group.places.has(memberId));
  const removeMember = (groupId: string, memberId: string): void => {
    const group = alive(groupId);
    const place = group.places.get(memberId);
    if (place === undefined) throw new TenantError('notFound', `The group ${groupId} has no member ${memberId}.`);
    group.places.delete(memberId);
    group.members.remove(place);
    log.append('memberRemoved', groupId, { member: memberId });
  };

  return {
    all,
    log,
    find: (id) => (byId.get(id)?.deletedAt === undefined ? byId.get(id) : undefined),
    get: (id) => byId.get(id),
    create({ displayName, description, kind = 'security' }, { id = random.uuid(), logged = true } = {}) {
      if (byId.has(id)) throw new TenantError('conflict', `The tenant already has a group ${id}.`);
      const places = new Map<string, number>();
      const group: GroupRecord = {
        id,
        position: all.end,
        createdAt: clock.now(),
        deletedAt: undefined,
        displayName,
        description,
        kind,
        members: createStableList<string>(),
        places,
        hasMember: (memberId) => places.has(memberId),
      };
      all.push(group);
      byId.set(id, group);
      if (logged) log.append('created', id);
      return group;
    },
    rename(id, displayName) {
      const group = alive(id);
      if (group.displayName !== displayName) {
        log.append('updated', id, { properties: ['displayName'], before: { displayName: group.displayName } });
        group.displayName = displayName;
      }
      return group;
    },
    delete(id) {
      const group = alive(id);
      group.deletedAt = clock.now();
      all.remove(group.position);
      for (const parent of groupsOf(id)) removeMember(parent.id, id);
      log.append(group.kind === 'security' ? 'purged' : 'deleted', id);
    },
    addMember(groupId, memberId, { logged = true } = {}) {
      const group = alive(groupId);
      if (group.places.has(memberId)) return;
      group.places.set(memberId, group.members.push(memberId));
      if (logged) log.append('memberAdded', groupId, { member: memberId });
    },
    removeMember,
    groupsOf,
  };
}
