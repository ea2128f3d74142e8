/** Fills a tenant with sample people, groups and assignments; the same seed gives the same tenant. */

import { createClock, type SandboxClock } from './clock.ts';
import type { Random } from './random.ts';
import { departments, mononyms, type NamePool, namePools, type Office, offices } from './seed-names.ts';
import { createTenant, type NewUser, type Tenant } from './tenant.ts';

export interface SeedOptions {
  readonly seed?: number;
  /** How many users the tenant has; 1,000 by default. */
  readonly users?: number;
  /**
   * How many different users are assigned to the Maptician app, directly or as direct members of an assigned group;
   * half of them by default. Some of these are disabled.
   */
  readonly assigned?: number;
  readonly clock?: SandboxClock;
  readonly permissions?: readonly string[];
}

/** Above this many, further users join no department group: a million memberships are memory and no use. */
const departmentMemberLimit = 50_000;

const yearMilliseconds = 365 * 24 * 60 * 60 * 1000;

export function seedTenant(options: SeedOptions = {}): Tenant {
  const { users = 1000, assigned = Math.floor(users / 2), seed = 1, clock = createClock(), ...rest } = options;
  if (assigned > users) throw new RangeError(`A tenant of ${users} users cannot have ${assigned} assigned ones.`);
  // Everyone has been there for long, so that no lag hides them.
  let age = yearMilliseconds;
  const tenant = createTenant({ seed, clock: { ...clock, now: () => clock.now() - age }, ...rest });
  const departmentGroups = seedDepartments(tenant);
  const nextPerson = createPeople(tenant);
  const ids: string[] = [];
  for (let number = 0; number < users; number++) {
    const { id, properties } = tenant.users.create(nextPerson(), { logged: false });
    ids.push(id);
    const group = number < departmentMemberLimit ? departmentGroups.get(properties.department ?? '') : undefined;
    if (group) tenant.groups.addMember(group, id, { logged: false });
  }
  seedAssignments(tenant, tenant.random.shuffle(ids), assigned);
  age = 0;
  return tenant;
}

function seedDepartments(tenant: Tenant): ReadonlyMap<string, string> {
  const quiet = { logged: false };
  const groups = new Map<string, string>();
  const everyone = tenant.groups.create({ displayName: 'All staff', description: 'Every department' }, quiet);
  for (const name of Object.keys(departments)) {
    const kind = name.length % 2 === 0 ? 'microsoft365' : 'security';
    const group = tenant.groups.create({ displayName: name, description: `Department: ${name}`, kind }, quiet);
    groups.set(name, group.id);
    tenant.groups.addMember(everyone.id, group.id, quiet);
  }
  return groups;
}

/**
 * Three quarters directly, the rest through two groups, a few both ways. A group nested in an assigned one does not
 * count, and another app has assignments of its own.
 */
function seedAssignments(tenant: Tenant, ids: readonly string[], count: number): void {
  const { random, groups, applications, maptician } = tenant;
  const quiet = { logged: false };
  const [userRole] = maptician.appRoles;
  const role = (): string | undefined => (random.chance(0.5) ? userRole?.id : undefined);
  const headquarters = groups.create({ displayName: 'Maptician users', description: 'May use Maptician' }, quiet);
  const partners = groups.create({ displayName: 'Maptician partners', kind: 'microsoft365' }, quiet);
  const contractors = groups.create({ displayName: 'Maptician contractors' }, quiet);
  for (const [index, id] of ids.slice(0, count).entries()) {
    const direct = index % 4 !== 3;
    if (direct) tenant.assign(id, role());
    if (!direct) groups.addMember(index % 8 === 3 ? headquarters.id : partners.id, id, quiet);
    if (direct && random.chance(0.05)) groups.addMember(headquarters.id, id, quiet);
    if (direct && random.chance(0.02)) tenant.assign(id, maptician.appRoles[1]?.id);
  }
  tenant.assign(headquarters.id, userRole?.id);
  tenant.assign(partners.id);
  tenant.assign(tenant.worker.id);
  groups.addMember(headquarters.id, contractors.id, quiet);
  for (const id of ids.slice(count, count + 10)) groups.addMember(contractors.id, id, quiet);

  const payroll = applications.create({
    appId: random.uuid(),
    displayName: 'Contoso Payroll',
    appRoleAssignmentRequired: true,
    appRoles: [],
  });
  for (const id of ids.slice(0, 500)) if (random.chance(0.3)) applications.assign(payroll.id, { id, type: 'User' });
}

/** Makes one person after another, each with an address of their own. */
function createPeople(tenant: Tenant): () => NewUser {
  const { random, domain } = tenant;
  const taken = new Map<string, number>();
  const pools = namePools.flatMap((pool) => Array.from({ length: pool.weight }, () => pool));
  const unique = (alias: string): string => {
    const used = taken.get(alias) ?? 0;
    taken.set(alias, used + 1);
    return used === 0 ? alias : `${alias}${used + 1}`;
  };
  let number = 0;
  return () => {
    number++;
    const pool = random.pick(pools);
    const place = random.pick(offices);
    return random.chance(0.06)
      ? guest(random, domain, pool, unique)
      : member(random, domain, pool, place, unique, number);
  };
}

interface Person {
  readonly givenName: string;
  /** Those with one name have none. */
  readonly surname: string | undefined;
  readonly displayName: string;
  readonly alias: string;
}

function person(random: Random, pool: NamePool): Person {
  if (random.chance(0.01)) {
    const { native, address } = random.pick(mononyms);
    return { givenName: native, surname: undefined, displayName: native, alias: address };
  }
  const given = random.pick(pool.given);
  const family = random.pick(pool.family);
  const parts = pool.familyFirst ? [family.native, given.native] : [given.native, family.native];
  return {
    givenName: given.native,
    surname: family.native,
    displayName: parts.join(/^[\u3000-\u9fff]/.test(family.native) ? '' : ' '),
    alias: `${given.address}.${family.address}`,
  };
}

function member(
  random: Random,
  domain: string,
  pool: NamePool,
  place: Office,
  unique: (alias: string) => string,
  number: number,
): NewUser {
  const { givenName, surname, displayName, alias: plainAlias } = person(random, pool);
  const alias = unique(plainAlias);
  const shown = random.chance(0.15) ? alias.replace(/(^|[.-])[a-z]/g, (letter) => letter.toUpperCase()) : alias;
  const address = `${shown}@${domain}`;
  const department = random.chance(0.96) ? random.pick(Object.keys(departments)) : undefined;
  const titles = department === undefined ? undefined : departments[department];
  const sometimes = <T>(probability: number, value: T): T | undefined =>
    random.chance(probability) ? value : undefined;
  return {
    userPrincipalName: address,
    mail: random.chance(0.02) ? undefined : random.chance(0.1) ? `${alias}@mail.${domain}` : address,
    displayName,
    givenName,
    surname,
    mailNickname: alias,
    accountEnabled: !random.chance(0.03),
    // Users synchronised long ago may have no type at all.
    userType: random.chance(0.01) ? undefined : 'Member',
    jobTitle: titles && sometimes(0.92, random.pick(titles)),
    department,
    companyName: sometimes(0.9, place.company),
    employeeId: sometimes(0.95, random.chance(0.2) ? `E-${String(number).padStart(6, '0')}` : String(100_000 + number)),
    employeeType: sometimes(0.5, 'Employee'),
    officeLocation: sometimes(0.8, `${1 + random.integer(40)}/${1000 + random.integer(3000)}`),
    streetAddress: undefined,
    postalCode: undefined,
    city: sometimes(0.94, place.city),
    state: random.chance(0.94) ? (place.state ?? undefined) : undefined,
    country: sometimes(0.95, place.country),
    usageLocation: place.country === 'UK' ? 'GB' : place.country,
    preferredLanguage: sometimes(0.5, pool.language),
    businessPhones: random.chance(0.85) ? [digits(random, place.phone)] : undefined,
    mobilePhone: sometimes(0.5, digits(random, place.phone)),
    onPremisesSyncEnabled: sometimes(0.6, true),
    externalUserState: undefined,
    creationType: undefined,
  };
}

const partnerDomains = ['fabrikam.example', 'tailspin-toys.example', 'adatum.example', 'wing_tip.example'] as const;

/** Somebody from another organisation: `alias_domain#EXT#@tenant`. */
function guest(random: Random, domain: string, pool: NamePool, unique: (alias: string) => string): NewUser {
  const { givenName, surname, displayName, alias: plainAlias } = person(random, pool);
  const alias = unique(random.chance(0.3) ? plainAlias.replace('.', '_') : plainAlias);
  const home = random.pick(partnerDomains);
  const accepted = random.chance(0.7);
  return {
    userPrincipalName: `${alias}_${home}#EXT#@${domain}`,
    mail: `${alias}@${home}`,
    displayName: accepted ? displayName : alias,
    givenName: accepted ? givenName : undefined,
    surname: accepted ? surname : undefined,
    mailNickname: `${alias}_${home}#EXT#`,
    accountEnabled: !random.chance(0.02),
    userType: 'Guest',
    companyName: random.chance(0.4) ? (home.split('.')[0] ?? home) : undefined,
    externalUserState: accepted ? 'Accepted' : 'PendingAcceptance',
    creationType: 'Invitation',
  };
}

const digits = (random: Random, pattern: string): string => pattern.replace(/#/g, () => String(random.integer(10)));
