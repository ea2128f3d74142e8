/**
 * What `maptician.users` must hold, worked out from the tenant alone and from whom it held before. Written on its own:
 * nothing of the mapping, the scope or the plan is used here.
 */
import type { Tenant, TenantUser } from '../../src/sandbox/tenant.ts';
import type { StoredRow } from './world.ts';

interface OracleOptions {
  /**
   * True where the service saw the tenant once, as it is now. Otherwise it may have seen states in between, and whose
   * account passed to whom is only checked for consistency.
   */
  readonly oneLook: boolean;
}

export interface Oracle {
  /** What is wrong with the rows, one line each; empty when they are right. */
  check(rows: readonly StoredRow[], options: OracleOptions): string[];
  /** Takes these rows, found right, as what there was before the next changes. */
  accept(rows: readonly StoredRow[]): void;
  /** Whether a name that somebody needs now stood in another's row before. */
  namesChangeHands(): boolean;
  /** Who had access before, has it still, and lost it in these rows. */
  wronglyEnded(rows: readonly StoredRow[]): string[];
}

type Columns = Record<string, string | boolean | null>;

interface Account {
  readonly row: StoredRow;
  /** Its user_name without regard to case. */
  readonly name: string;
}

/** A guest's name loses Entra's decoration: `alias_partner.example#EXT#@tenant` is `alias@partner.example`. */
function nameOf(userPrincipalName: string): string {
  const guest = /^(.+)_([^_]+)#ext#@[^@]*$/i.exec(userPrincipalName);
  return guest === null ? userPrincipalName : `${guest[1]}@${guest[2]}`;
}

function columnsOf(user: TenantUser): Columns {
  const { properties: entra } = user;
  const text = (value: string | null | undefined): string | null => value || null;
  return {
    user_name: nameOf(entra.userPrincipalName ?? ''),
    work_email: text(entra.mail),
    active: true,
    title: text(entra.jobTitle),
    user_type: text(entra.userType),
    given_name: text(entra.givenName),
    family_name: text(entra.surname),
    work_locality: text(entra.city),
    work_region: text(entra.state),
    work_phone: text(entra.businessPhones?.[0]),
    mobile_phone: text(entra.mobilePhone),
    external_id: user.id,
    employee_number: text(entra.employeeId),
    organization: text(entra.companyName),
    department: text(entra.department),
  };
}

/** @param passes the scoping filters in the test's own words; without them everyone does */
export function createOracle(tenant: Tenant, passes: (user: TenantUser) => boolean = () => true): Oracle {
  const accounts = new Map<string, Account>();
  const idsSeen = new Set<string>();
  const appId = tenant.maptician.id;

  const isAssigned = (principalId: string): boolean =>
    tenant.applications.assignmentsOf(principalId).some((row) => row.resourceId === appId);
  /** Assigned directly, or as a direct member of a living, assigned group. */
  const isInScope = (id: string): boolean =>
    isAssigned(id) || [...tenant.groups.all.values()].some((group) => group.hasMember(id) && isAssigned(group.id));
  const living = (id: string): TenantUser | undefined => tenant.users.find(id);
  const isEntitled = (id: string): boolean => {
    const user = living(id);
    return user !== undefined && isInScope(id) && passes(user);
  };
  const hasAccess = (id: string): boolean => isEntitled(id) && living(id)?.properties.accountEnabled === true;

  const withAccess = (): TenantUser[] => [...tenant.users.all.values()].filter((user) => hasAccess(user.id));
  const holderOf = (name: string, except: string): Account | undefined =>
    [...accounts].find(([id, account]) => id !== except && account.name === name.toLowerCase())?.[1];

  /** The account that passes to a newcomer: of that name, its owner still known to Entra, but without a claim to it. */
  const inheritance = (user: TenantUser): Account | undefined => {
    if (accounts.has(user.id)) return undefined;
    const holder = holderOf(String(columnsOf(user).user_name), user.id);
    const owner = String(holder?.row.external_id);
    const passes = holder !== undefined && tenant.users.get(owner) !== undefined && !isEntitled(owner);
    return passes ? holder : undefined;
  };

  const checkActive = (user: TenantUser, row: StoredRow, options: OracleOptions): string[] => {
    const problems = Object.entries(columnsOf(user))
      .filter(([column, value]) => row[column] !== value)
      .map(([column, value]) => `${user.id} ${column} is ${text(row[column])}, not ${text(value)}`);
    const before = accounts.get(user.id);
    const inherited = inheritance(user);
    if (!options.oneLook) return problems;
    if (before !== undefined && before.row.id !== row.id) problems.push(`${user.id} has another row than before`);
    if (before === undefined && inherited !== undefined && inherited.row.id !== row.id)
      problems.push(`${user.id} has not got the account ${inherited.row.id} that passes to it`);
    if (before === undefined && inherited === undefined && idsSeen.has(row.id))
      problems.push(`${user.id} has got the row of somebody who keeps it`);
    return problems;
  };

  /** Access has ended: the account stays, inactive, and its other attributes may stay as they were. */
  const checkInactive = (id: string, row: StoredRow, options: OracleOptions): string[] => {
    const now = tenant.users.get(id);
    if (now === undefined) return [`${id} was purged and still has an account`];
    const problems = row.active === false ? [] : [`${id} is active`];
    if (!options.oneLook) return problems;
    const before = accounts.get(id)?.row;
    if (before === undefined) return [...problems, `${id} has got an account without ever having had access`];
    if (row.id !== before.id) problems.push(`${id} has another row than before`);
    for (const [column, current] of Object.entries(columnsOf(now))) {
      if (column === 'active' || row[column] === before[column] || row[column] === current) continue;
      const yielded = column === 'user_name' && String(row[column]).startsWith(id.replaceAll('-', ''));
      if (!yielded) problems.push(`${id} ${column} has become ${text(row[column])}`);
    }
    return problems;
  };

  const checkTimes = (row: StoredRow): string[] => {
    const before = [...accounts.values()].find((account) => account.row.id === row.id)?.row;
    if (before === undefined) return [];
    const problems: string[] = [];
    if (time(before.created_at) !== time(row.created_at)) problems.push(`row ${row.id}: created_at has moved`);
    const changed = Object.keys(row).some(
      (column) => !['updated_at', 'created_at', 'xmin'].includes(column) && row[column] !== before[column],
    );
    const moved = time(before.updated_at) !== time(row.updated_at);
    if (changed !== moved)
      problems.push(`row ${row.id}: updated_at has ${moved ? 'moved without a change' : 'not moved with a change'}`);
    return problems;
  };

  return {
    check(rows, options) {
      const problems: string[] = [];
      const byOwner = new Map(rows.map((row) => [String(row.external_id), row]));
      if (byOwner.size < rows.length) problems.push('an external_id stands in two rows');
      const ids = new Map(rows.map((row) => [row.id, row]));
      for (const user of withAccess()) {
        const row = byOwner.get(user.id);
        if (row === undefined) problems.push(`${user.id} (${user.properties.userPrincipalName}) has no row`);
        else problems.push(...checkActive(user, row, options));
      }
      for (const [owner, row] of byOwner) if (!hasAccess(owner)) problems.push(...checkInactive(owner, row, options));
      const inherited = new Set(withAccess().flatMap((user) => inheritance(user)?.row.id ?? []));
      for (const [id, { row }] of accounts) {
        if (byOwner.has(id) || hasAccess(id) || tenant.users.get(id) === undefined) continue;
        const passed = options.oneLook ? inherited.has(row.id) : ids.has(row.id);
        if (!passed) problems.push(`${id} has lost its account`);
      }
      if (options.oneLook) for (const row of rows) problems.push(...checkTimes(row));
      return problems;
    },
    accept(rows) {
      accounts.clear();
      for (const row of rows) {
        accounts.set(String(row.external_id), { row, name: String(row.user_name).toLowerCase() });
        idsSeen.add(row.id);
      }
    },
    namesChangeHands: () =>
      withAccess().some((user) => holderOf(String(columnsOf(user).user_name), user.id) !== undefined),
    wronglyEnded: (rows) =>
      rows
        .filter((row) => row.active === false && accounts.get(String(row.external_id))?.row.active === true)
        .map((row) => String(row.external_id))
        .filter(hasAccess),
  };
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

function time(value: unknown): number {
  return value instanceof Date ? value.getTime() : Number.NaN;
}
