/** The tenant's users, alive and soft-deleted, and the log of their changes. */
import { type ChangeLog, createChangeLog } from './change-log.ts';
import type { SandboxClock } from './clock.ts';
import type { Random } from './random.ts';
import { createStableList, type StableList } from './stable-list.ts';
import { TenantError } from './tenant-error.ts';
import { isListProperty, isUserProperty, type UserProperties, type UserProperty } from './user-properties.ts';

export interface TenantUser {
  readonly id: string;
  /** Place in `all`; it never changes. */
  readonly position: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  /** When it was soft-deleted; undefined while alive. */
  readonly deletedAt: number | undefined;
  readonly properties: Readonly<UserProperties>;
}

/** What a new user must and may have. */
export type NewUser = UserProperties & { readonly userPrincipalName: string; readonly displayName: string };

interface UserRecord extends TenantUser {
  deletedAt: number | undefined;
  readonly properties: UserProperties;
}

export interface TenantUsers {
  /** Alive and soft-deleted ones, by position; purged ones leave a gap. */
  readonly all: StableList<TenantUser>;
  readonly log: ChangeLog;
  /** Soft-deleted ones by id, the longest deleted first. */
  readonly deleted: ReadonlyMap<string, TenantUser>;
  /** How many are alive. */
  readonly count: number;
  /** A user that is alive, by object id or by userPrincipalName without regard to case. */
  find(idOrName: string): TenantUser | undefined;
  /** A user alive or soft-deleted, by object id. */
  get(id: string): TenantUser | undefined;
  /** @param options.logged false for a tenant's first users, who were there before the log began */
  create(user: NewUser, options?: { id?: string; logged?: boolean }): TenantUser;
  /** Sets the given properties; null clears. What has that value already is not a change. */
  update(idOrName: string, changes: UserProperties): TenantUser;
  /** Soft-deletes: restorable for thirty days, and its userPrincipalName is free again. */
  delete(idOrName: string): TenantUser;
  restore(id: string): TenantUser;
  /** Deletes for good, whether alive or soft-deleted. */
  purge(id: string): void;
}

const required: ReadonlySet<UserProperty> = new Set([
  'userPrincipalName',
  'displayName',
  'mailNickname',
  'accountEnabled',
]);

/** How the directory renames what is in its recycle bin, so that the name can be given to someone else. */
const binName = (user: TenantUser): string => `${user.id.replaceAll('-', '')}${user.properties.userPrincipalName}`;

export function createTenantUsers(clock: SandboxClock, random: Random): TenantUsers {
  const all = createStableList<UserRecord>();
  const byId = new Map<string, UserRecord>();
  const byName = new Map<string, UserRecord>();
  const deleted = new Map<string, UserRecord>();
  const log = createChangeLog(clock.now);

  const alive = (idOrName: string): UserRecord => {
    const user = find(idOrName);
    if (!user) throw new TenantError('notFound', `The tenant has no user ${idOrName}.`);
    return user;
  };
  const find = (idOrName: string): UserRecord | undefined => {
    const user = byId.get(idOrName) ?? byName.get(idOrName.toLowerCase());
    return user?.deletedAt === undefined ? user : undefined;
  };
  const claimName = (name: string, owner: UserRecord | undefined): void => {
    const holder = byName.get(name.toLowerCase());
    if (holder && holder !== owner) {
      throw new TenantError(
        'conflict',
        'Another object with the same value for property userPrincipalName already exists.',
      );
    }
  };
  const released = (id: string): UserRecord => {
    const user = deleted.get(id);
    if (!user) throw new TenantError('notFound', `The tenant has no deleted user ${id}.`);
    return user;
  };

  return {
    all,
    log,
    deleted,
    get count() {
      return all.size - deleted.size;
    },
    find,
    get: (id) => byId.get(id),
    create(properties, { id = random.uuid(), logged = true } = {}) {
      if (byId.has(id)) throw new TenantError('conflict', `The tenant already has a user ${id}.`);
      claimName(properties.userPrincipalName, undefined);
      const user: UserRecord = { id, position: all.end, createdAt: clock.now(), deletedAt: undefined, properties };
      all.push(user);
      byId.set(id, user);
      byName.set(properties.userPrincipalName.toLowerCase(), user);
      if (logged) log.append('created', id);
      return user;
    },
    update(idOrName, changes) {
      const user = alive(idOrName);
      const difference = differenceOf(user.properties, changes);
      const names = Object.keys(difference).filter(isUserProperty);
      if (names.length === 0) return user;
      const newName = difference.userPrincipalName;
      if (newName) {
        claimName(newName, user);
        byName.delete(String(user.properties.userPrincipalName).toLowerCase());
        byName.set(newName.toLowerCase(), user);
      }
      const before = Object.fromEntries(names.map((name) => [name, user.properties[name]]));
      Object.assign(user.properties, difference);
      log.append('updated', user.id, { properties: names, before });
      return user;
    },
    delete(idOrName) {
      const user = alive(idOrName);
      byName.delete(String(user.properties.userPrincipalName).toLowerCase());
      user.properties.userPrincipalName = binName(user);
      user.deletedAt = clock.now();
      deleted.set(user.id, user);
      log.append('deleted', user.id);
      return user;
    },
    restore(id) {
      const user = released(id);
      const name = String(user.properties.userPrincipalName).slice(32);
      claimName(name, undefined);
      user.properties.userPrincipalName = name;
      byName.set(name.toLowerCase(), user);
      user.deletedAt = undefined;
      deleted.delete(id);
      log.append('restored', id);
      return user;
    },
    purge(id) {
      const user = byId.get(id);
      if (!user) throw new TenantError('notFound', `The tenant has no user ${id}.`);
      if (user.deletedAt === undefined) byName.delete(String(user.properties.userPrincipalName).toLowerCase());
      all.remove(user.position);
      byId.delete(id);
      deleted.delete(id);
      log.append('purged', id);
    },
  };
}

/** What would really change. Clearing what was never set changes nothing. */
function differenceOf(current: UserProperties, changes: UserProperties): UserProperties {
  const entries: [string, unknown][] = [];
  for (const [name, value] of Object.entries(changes)) {
    if (!isUserProperty(name) || value === undefined) continue;
    if (value === null && required.has(name)) throw new TenantError('invalid', `Property ${name} cannot be cleared.`);
    const cleared = value === null || (Array.isArray(value) && value.length === 0);
    const old = current[name];
    if (cleared && old === undefined) continue;
    const wanted = cleared && isListProperty(name) ? [] : value;
    if (JSON.stringify(old) !== JSON.stringify(wanted)) entries.push([name, wanted]);
  }
  return Object.fromEntries(entries);
}
