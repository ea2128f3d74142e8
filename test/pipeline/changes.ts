/** Random changes to a tenant, and random weather: how Graph behaves and fails while they are read. */
import fc from 'fast-check';
import type { FaultRule } from '../../src/sandbox/faults.ts';
import type { Behaviour } from '../../src/sandbox/graph/behaviour.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';
import { createTenant, type NewUser, type Tenant, type TenantUser } from '../../src/sandbox/tenant.ts';
import { TenantError } from '../../src/sandbox/tenant-error.ts';

/** Few names, so that they are freed and taken again all the time. */
const names = [
  ...['ana', 'Björn.Ek', 'chi', 'Dana', 'eli', 'fay', 'gus', 'Hana', 'ines', 'jo'].map(
    (alias) => `${alias}@contoso.example`,
  ),
  ...['kim', 'lou_ise', 'max'].map((alias) => `${alias}_partner.example#EXT#@contoso.example`),
];

const properties = [
  'mail',
  'jobTitle',
  'userType',
  'givenName',
  'surname',
  'city',
  'state',
  'mobilePhone',
  'employeeId',
  'companyName',
  'department',
] as const;

const kinds = [
  ...['hire', 'hire', 'hireIntoGroup', 'hireUnassigned', 'patch', 'patch', 'patchPhone', 'rename', 'rename', 'recase'],
  ...['swap', 'handOver', 'disable', 'enable', 'delete', 'restore', 'restore', 'purge', 'purgeDeleted', 'assign'],
  ...['unassign', 'join', 'leave', 'assignGroup', 'unassignGroup', 'newGroup', 'dropGroup', 'nest'],
] as const;

/** One change; the numbers pick whom it concerns among those there are. */
export const changeArbitrary = fc.record({
  kind: fc.constantFrom(...kinds),
  one: fc.nat(999),
  other: fc.nat(999),
  value: fc.option(fc.stringMatching(/^[A-Za-zß-ö 0-9'"\\<&-]{1,8}$/), { freq: 3 }),
});
export type Change = typeof changeArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** A tenant with a dozen people, three assigned groups and one that is nested in an assigned one. */
export function createPeople(): Tenant {
  const tenant = createTenant();
  const groups = ['Sales', 'Field', 'Board', 'Nested'].map((displayName) => tenant.groups.create({ displayName }).id);
  const [sales = '', field = '', board = '', nested = ''] = groups;
  for (const group of [sales, field, board]) tenant.assign(group);
  tenant.groups.addMember(sales, nested);
  for (let index = 0; index < 12; index++) {
    const user = tenant.users.create(person(names[index] ?? '', index));
    if (index % 4 !== 3) tenant.assign(user.id);
    if (index % 2 === 0) tenant.groups.addMember(index % 3 === 0 ? sales : field, user.id);
    if (index % 4 === 3) tenant.groups.addMember(nested, user.id);
  }
  return tenant;
}

function person(userPrincipalName: string, number: number): NewUser {
  const guest = /#EXT#/.test(userPrincipalName);
  return {
    userPrincipalName,
    displayName: `Person ${number}`,
    mailNickname: `person${number}`,
    accountEnabled: number % 11 !== 10,
    userType: guest ? 'Guest' : 'Member',
    ...(number % 3 === 0 ? {} : { mail: `person${number}@contoso.example`, jobTitle: `Title ${number}` }),
    ...(number % 2 === 0 ? {} : { businessPhones: [`+1 555 ${number}`, '+1 556'], department: 'R&D' }),
  };
}

/** Makes a change; what the tenant refuses (a name that is taken) does not happen. */
export function applyChange(tenant: Tenant, change: Change): void {
  try {
    change.kind.includes('roup') || ['join', 'leave', 'nest'].includes(change.kind)
      ? changeGroups(tenant, change)
      : changeUsers(tenant, change);
  } catch (thrown) {
    if (!(thrown instanceof TenantError)) throw thrown;
  }
}

function pick<T>(items: readonly T[], number: number): T | undefined {
  return items[number % items.length];
}

function changeUsers(tenant: Tenant, { kind, one, other, value }: Change): void {
  const { users } = tenant;
  const living = [...users.all.values()].filter(({ deletedAt }) => deletedAt === undefined);
  const user = pick(living, one);
  const partner = pick(living, other);
  const name = pick(names, other) ?? '';
  const hire = (): TenantUser => users.create(person(name, one));
  if (kind === 'hire') tenant.assign(hire().id);
  if (kind === 'hireUnassigned') hire();
  if (kind === 'restore') {
    const deleted = pick([...users.deleted.keys()], one);
    if (deleted !== undefined) tenant.restoreUser(deleted);
  }
  if (kind === 'purgeDeleted') {
    const deleted = pick([...users.deleted.keys()], one);
    if (deleted !== undefined) tenant.purgeUser(deleted);
  }
  if (user === undefined || partner === undefined) return;
  const nameOf = ({ properties: { userPrincipalName } }: TenantUser): string => userPrincipalName ?? '';
  if (kind === 'patch') users.update(user.id, { [pick(properties, other) ?? 'mail']: value });
  if (kind === 'patchPhone') users.update(user.id, { businessPhones: value === null ? [] : [value] });
  if (kind === 'rename') users.update(user.id, { userPrincipalName: name });
  if (kind === 'recase') users.update(user.id, { userPrincipalName: nameOf(user).replace(/^./, switchCase) });
  if (kind === 'swap' && user !== partner) {
    const [mine, theirs] = [nameOf(user), nameOf(partner)];
    users.update(user.id, { userPrincipalName: `between.${mine}` });
    users.update(partner.id, { userPrincipalName: mine });
    users.update(user.id, { userPrincipalName: theirs });
  }
  // Somebody leaves in one of four ways, and a new person gets the name at once.
  if (kind === 'handOver') {
    const freed = nameOf(user);
    if (other % 4 === 0) users.delete(user.id);
    else if (other % 4 === 1) tenant.purgeUser(user.id);
    else users.update(user.id, { userPrincipalName: `former.${one}@contoso.example` });
    if (other % 4 === 2) leaveApp(tenant, user.id);
    tenant.assign(users.create(person(freed, other)).id);
  }
  if (kind === 'disable') users.update(user.id, { accountEnabled: false });
  if (kind === 'enable') users.update(user.id, { accountEnabled: true });
  if (kind === 'delete') users.delete(user.id);
  if (kind === 'purge') tenant.purgeUser(user.id);
  if (kind === 'assign') tenant.assign(user.id, tenant.maptician.appRoles[other % 2]?.id);
  if (kind === 'unassign') leaveApp(tenant, user.id);
}

function leaveApp(tenant: Tenant, id: string): void {
  for (const group of tenant.groups.groupsOf(id)) tenant.groups.removeMember(group.id, id);
  tenant.unassign(id);
}

function switchCase(letter: string): string {
  const lower = letter.toLowerCase();
  return letter === lower ? letter.toUpperCase() : lower;
}

function changeGroups(tenant: Tenant, { kind, one, other }: Change): void {
  const { users, groups } = tenant;
  const living = [...users.all.values()].filter(({ deletedAt }) => deletedAt === undefined);
  const group = pick([...groups.all.values()], other);
  const user = pick(living, one);
  if (kind === 'newGroup') {
    const created = groups.create({ displayName: `Group ${one}`, kind: one % 2 === 0 ? 'security' : 'microsoft365' });
    if (user !== undefined) groups.addMember(created.id, user.id);
    tenant.assign(created.id);
  }
  if (group === undefined) return;
  if (kind === 'hireIntoGroup') groups.addMember(group.id, users.create(person(pick(names, one) ?? '', other)).id);
  if (kind === 'join' && user !== undefined) groups.addMember(group.id, user.id);
  if (kind === 'leave' && user !== undefined) groups.removeMember(group.id, user.id);
  if (kind === 'assignGroup') tenant.assign(group.id);
  if (kind === 'unassignGroup') tenant.unassign(group.id);
  // The one that filters ask about stays: a cycle stops when such a group is gone.
  if (kind === 'dropGroup' && groups.all.size > 2 && group.displayName !== 'Nested') tenant.deleteGroup(group.id);
  if (kind === 'nest') {
    const parent = pick([...groups.all.values()], one);
    if (parent !== undefined && parent !== group) groups.addMember(parent.id, group.id);
  }
}

const faultRules = {
  throttled: { probability: 0.1, fault: { kind: 'status', status: 429, retryAfter: 0.03 } },
  unavailable: { probability: 0.05, fault: { kind: 'status', status: 503, retryAfter: 0.02 } },
  failing: { probability: 0.02, fault: { kind: 'status', status: 500 } },
  html: { probability: 0.02, fault: { kind: 'html', status: 502 } },
  reset: { probability: 0.02, fault: { kind: 'reset' } },
  cut: { probability: 0.02, fault: { kind: 'cut' } },
  truncated: { probability: 0.02, fault: { kind: 'truncated' } },
  usersGone: { path: '/users/delta', query: 'deltatoken=ey', fault: { kind: 'gone' } },
  usersLost: {
    path: '/users/delta',
    query: 'deltatoken=ey',
    fault: { kind: 'status', status: 400, code: 'syncStateNotFound' },
  },
  groupsGone: { path: '/groups/delta', query: 'deltatoken=ey', fault: { kind: 'gone' } },
  pageLost: { path: '/*/delta', query: 'skiptoken', fault: { kind: 'status', status: 400, code: 'syncStateNotFound' } },
} as const;

const sometimes = <T>(value: fc.Arbitrary<T>, otherwise: T) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(otherwise) }, { weight: 2, arbitrary: value });

type LagName = 'deltaLag' | 'assignmentLag' | 'readLag';

export const weatherArbitrary = fc.record({
  behaviour: fc.record({
    userPageSize: sometimes(fc.integer({ min: 1, max: 5 }), 200),
    memberPageSize: sometimes(fc.integer({ min: 1, max: 3 }), 200),
    duplicates: sometimes(fc.constant(0.5), 0),
    replay: sometimes(fc.integer({ min: 1, max: 60 }), 0),
    removedInFirstRound: fc.boolean(),
    emptyPages: sometimes(fc.constant(0.3), 0),
    emptyLastPage: fc.boolean(),
    shuffle: fc.boolean(),
    reportPurgedMembers: fc.boolean(),
  }),
  faults: fc.uniqueArray(fc.constantFrom(...(Object.keys(faultRules) as (keyof typeof faultRules)[])), {
    maxLength: 3,
  }),
  lag: fc.oneof(
    { weight: 3, arbitrary: fc.constant<LagName[]>([]) },
    { weight: 1, arbitrary: fc.subarray<LagName>(['deltaLag', 'assignmentLag', 'readLag'], { minLength: 1 }) },
  ),
});
export type Weather = typeof weatherArbitrary extends fc.Arbitrary<infer T> ? T : never;

/** Milliseconds of the tenant's clock. */
const lagMilliseconds = 60_000;

/** Where the random faults strike; the authority is left out, since the library that asks it has retries of its own. */
const graphPaths = ['/users*', '/groups*', '/servicePrincipals*', '/directory*', '/$batch'];

export function setWeather(sandbox: Sandbox, weather: Weather): void {
  const lags = Object.fromEntries(weather.lag.map((name): [string, number] => [name, lagMilliseconds]));
  Object.assign(sandbox.behaviour, weather.behaviour, lags);
  for (const name of weather.faults) {
    const rule: FaultRule = faultRules[name];
    if (rule.path === undefined) for (const path of graphPaths) sandbox.faults.inject({ ...rule, path });
    else sandbox.faults.inject(rule);
  }
}

const usersPath = '/scim/v2/Users*';

/** Each passes, and none so often that four attempts are likely to fail. */
const mapticianFaults = {
  throttled: { probability: 0.05, fault: { kind: 'status', status: 429, retryAfter: 0.03 } },
  unavailable: { probability: 0.05, fault: { kind: 'status', status: 503, retryAfter: 0.02 } },
  failing: { probability: 0.05, fault: { kind: 'status', status: 500 } },
  html: { probability: 0.05, fault: { kind: 'html', status: 502 } },
  reset: { probability: 0.05, fault: { kind: 'reset' } },
  lost: { probability: 0.1, fault: { kind: 'lost' } },
  cut: { probability: 0.1, fault: { kind: 'cut' } },
  truncated: { probability: 0.1, fault: { kind: 'truncated' } },
} as const;

/** How Maptician's server behaves and fails, where the users go there over SCIM. */
export const mapticianWeatherArbitrary = fc.record({
  behaviour: fc.record({
    pageLimit: sometimes(fc.integer({ min: 1, max: 5 }), 100),
    repeatsFirstPage: fc.boolean(),
    repeatsFirstPagePastTheEnd: fc.boolean(),
    wrongTotal: sometimes(fc.integer({ min: -2, max: 2 }), 0),
    ignoresFilter: fc.boolean(),
    conflictWithoutScimType: fc.boolean(),
    patchAnswers: fc.constantFrom('resource', 'nothing'),
    deleteAnswersBody: fc.boolean(),
  }),
  faults: fc.uniqueArray(fc.constantFrom(...(Object.keys(mapticianFaults) as (keyof typeof mapticianFaults)[])), {
    maxLength: 2,
  }),
});
export type MapticianWeather = typeof mapticianWeatherArbitrary extends fc.Arbitrary<infer T> ? T : never;

export function setMapticianWeather(sandbox: Sandbox, { behaviour, faults }: MapticianWeather): void {
  // Whom neither a filter nor a list shows, nobody can find.
  const listed = behaviour.ignoresFilter ? { repeatsFirstPage: false, wrongTotal: 0 } : {};
  Object.assign(sandbox.maptician.behaviour, behaviour, listed);
  for (const name of faults) sandbox.faults.inject({ ...mapticianFaults[name], path: usersPath });
}

/** What was late arrives. */
export function endLag(sandbox: Sandbox): void {
  sandbox.tenant.clock.advance(2 * lagMilliseconds);
  Object.assign(sandbox.behaviour, { deltaLag: 0, assignmentLag: 0, readLag: 0 } satisfies Partial<Behaviour>);
}
