/** The tenant's enterprise apps (service principals) and who is assigned to them. */
import type { SandboxClock } from './clock.ts';
import type { Random } from './random.ts';
import { createStableList, type StableList } from './stable-list.ts';
import { TenantError } from './tenant-error.ts';

interface AppRole {
  readonly id: string;
  readonly displayName: string;
  readonly value: string | null;
}

/** A client secret of the app's registration, without the secret. */
interface PasswordCredential {
  readonly keyId: string;
  readonly displayName: string | null;
  /** The first three characters of the secret. */
  readonly hint: string | null;
  /** Milliseconds since the epoch. */
  readonly endsAt: number;
}

export interface ServicePrincipal {
  readonly id: string;
  readonly appId: string;
  readonly displayName: string;
  readonly appRoleAssignmentRequired: boolean;
  readonly appRoles: readonly AppRole[];
  /** Those of the registration behind it; tests change them. */
  readonly passwordCredentials: PasswordCredential[];
  /** Every row there ever was, by position; a withdrawn one has `removedAt`. */
  readonly assignments: StableList<AppRoleAssignment>;
}

export type PrincipalType = 'User' | 'Group' | 'ServicePrincipal';

export interface AppRoleAssignment {
  /** 43 characters of base64url. */
  readonly id: string;
  readonly appRoleId: string;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly removedAt: number | undefined;
  readonly principalId: string;
  readonly principalType: PrincipalType;
  readonly resourceId: string;
}

/** The app role of an app that defines none. */
const defaultAppRole = '00000000-0000-0000-0000-000000000000';

export interface TenantApplications {
  readonly all: StableList<ServicePrincipal>;
  /** By object id. */
  get(id: string): ServicePrincipal | undefined;
  byAppId(appId: string): ServicePrincipal | undefined;
  create(app: Omit<ServicePrincipal, 'id' | 'assignments' | 'passwordCredentials'>): ServicePrincipal;
  /** Grants an app role. One and the same role is granted once only. */
  assign(resourceId: string, principal: { id: string; type: PrincipalType }, appRoleId?: string): AppRoleAssignment;
  /** Withdraws one role, or every role, the principal has on the app. */
  unassign(resourceId: string, principalId: string, appRoleId?: string): void;
  /** Withdraws everything a principal has; it is gone. */
  forget(principalId: string): void;
  /** What a principal has now, on any app. */
  assignmentsOf(principalId: string): readonly AppRoleAssignment[];
}

type Row = AppRoleAssignment & { removedAt: number | undefined };

const base64url = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

export function createTenantApplications(clock: SandboxClock, random: Random): TenantApplications {
  const all = createStableList<ServicePrincipal>();
  const byId = new Map<string, ServicePrincipal>();
  const byAppId = new Map<string, ServicePrincipal>();
  const byPrincipal = new Map<string, Row[]>();

  const resource = (id: string): ServicePrincipal => {
    const app = byId.get(id);
    if (!app) throw new TenantError('notFound', `The tenant has no service principal ${id}.`);
    return app;
  };
  const withdraw = (principalId: string, matches: (row: Row) => boolean): number => {
    const rows = byPrincipal.get(principalId) ?? [];
    const kept = rows.filter((row) => !matches(row));
    for (const row of rows) if (matches(row)) row.removedAt = clock.now();
    if (kept.length > 0) byPrincipal.set(principalId, kept);
    else byPrincipal.delete(principalId);
    return rows.length - kept.length;
  };

  return {
    all,
    get: (id) => byId.get(id),
    byAppId: (appId) => byAppId.get(appId),
    create(app) {
      const created: ServicePrincipal = {
        ...app,
        id: random.uuid(),
        passwordCredentials: [],
        assignments: createStableList<Row>(),
      };
      all.push(created);
      byId.set(created.id, created);
      byAppId.set(created.appId, created);
      return created;
    },
    assign(resourceId, principal, appRoleId = defaultAppRole) {
      const app = resource(resourceId);
      const rows = byPrincipal.get(principal.id) ?? [];
      const existing = rows.find((row) => row.resourceId === resourceId && row.appRoleId === appRoleId);
      if (existing) return existing;
      const row: Row = {
        id: Array.from({ length: 43 }, () => base64url[random.integer(64)]).join(''),
        appRoleId,
        createdAt: clock.now(),
        removedAt: undefined,
        principalId: principal.id,
        principalType: principal.type,
        resourceId,
      };
      app.assignments.push(row);
      rows.push(row);
      byPrincipal.set(principal.id, rows);
      return row;
    },
    unassign(resourceId, principalId, appRoleId) {
      const removed = withdraw(
        principalId,
        (row) => row.resourceId === resourceId && (appRoleId === undefined || row.appRoleId === appRoleId),
      );
      if (removed === 0) throw new TenantError('notFound', `${principalId} is not assigned to ${resourceId}.`);
    },
    forget(principalId) {
      withdraw(principalId, () => true);
    },
    assignmentsOf: (principalId) => byPrincipal.get(principalId) ?? [],
  };
}
