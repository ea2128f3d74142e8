import { describe, expect, it } from 'vitest';
import { createClock } from '../../src/sandbox/clock.ts';
import { seedTenant } from '../../src/sandbox/seed.ts';
import type { Tenant, TenantUser } from '../../src/sandbox/tenant.ts';

const clock = createClock(() => Date.UTC(2026, 0, 1));
const usersOf = (tenant: Tenant): TenantUser[] => [...tenant.users.all.values()];

/** Users assigned directly or as direct members of an assigned group. */
function assignedUsers(tenant: Tenant): Set<string> {
  const ids = new Set<string>();
  for (const { principalId, principalType } of tenant.maptician.assignments.values()) {
    if (principalType === 'User') ids.add(principalId);
    const group = principalType === 'Group' ? tenant.groups.find(principalId) : undefined;
    for (const memberId of group?.members.values() ?? []) if (tenant.users.find(memberId)) ids.add(memberId);
  }
  return ids;
}

const everything = (tenant: Tenant): unknown => ({
  id: tenant.id,
  users: usersOf(tenant),
  groups: [...tenant.groups.all.values()].map(({ id, displayName, members }) => [
    id,
    displayName,
    [...members.values()],
  ]),
  assignments: [...tenant.applications.all.values()].map(({ id, assignments }) => [id, [...assignments.values()]]),
});

describe('a seeded tenant', () => {
  it('is the same for the same seed and another for another', () => {
    const options = { users: 300, clock };
    expect(everything(seedTenant({ ...options, seed: 5 }))).toEqual(everything(seedTenant({ ...options, seed: 5 })));
    expect(seedTenant({ ...options, seed: 6 }).id).not.toBe(seedTenant({ ...options, seed: 5 }).id);
  });

  it.each([
    [1, 1],
    [40, 7],
    [1000, 1000],
    [3000, 0],
  ])('of %d users has exactly %d assigned ones', (users, assigned) => {
    const tenant = seedTenant({ users, assigned });
    expect(tenant.users.count).toBe(users);
    expect(assignedUsers(tenant).size).toBe(assigned);
  });

  it('refuses to assign more users than it has', () => {
    expect(() => seedTenant({ users: 3, assigned: 4 })).toThrow(RangeError);
  });

  const tenant = seedTenant({ users: 2000, assigned: 500, clock });
  const people = usersOf(tenant).map(({ properties }) => properties);

  it('gives everyone a name of their own under an example domain', () => {
    const names = people.map(({ userPrincipalName = '' }) => userPrincipalName?.toLowerCase() ?? '');
    expect(new Set(names).size).toBe(2000);
    expect(names.every((name) => /^[a-z0-9._#-]+@contoso\.example$/.test(name.replace('#ext#', '')))).toBe(true);
    const mails = people.flatMap(({ mail }) => mail ?? []);
    expect(mails.every((mail) => mail.endsWith('.example'))).toBe(true);
  });

  it.each([
    ['Cyrillic', /\p{Script=Cyrillic}/u],
    ['Greek', /\p{Script=Greek}/u],
    ['Arabic', /\p{Script=Arabic}/u],
    ['Chinese', /\p{Script=Han}/u],
    ['Japanese', /\p{Script=Katakana}/u],
    ['Korean', /\p{Script=Hangul}/u],
    ['Vietnamese', /Nguyễn/],
    ['a diacritic', /[éüøłşÅ]/],
    ['an apostrophe', /['’]/],
    ['a hyphen', /-/],
    ['a letter outside the basic plane', /𠮷/u],
  ])('has names with %s', (_name, pattern) => {
    expect(people.some(({ displayName }) => pattern.test(displayName ?? ''))).toBe(true);
  });

  it('has guests, disabled users, people with one name, and properties that were never set', () => {
    expect(
      people.some(({ userPrincipalName }) => /_.+\.example#EXT#@contoso\.example$/.test(userPrincipalName ?? '')),
    ).toBe(true);
    expect(people.some(({ accountEnabled }) => accountEnabled === false)).toBe(true);
    expect(people.some(({ givenName, surname }) => givenName && surname === undefined)).toBe(true);
    for (const name of [
      'mail',
      'jobTitle',
      'department',
      'businessPhones',
      'city',
      'state',
      'userType',
      'employeeId',
    ] as const) {
      expect(
        people.some((person) => person[name] === undefined),
        name,
      ).toBe(true);
    }
  });

  it('has direct and group assignments, some users with both, and a nested group that does not count', () => {
    const rows = [...tenant.maptician.assignments.values()];
    const direct = new Set(rows.filter((row) => row.principalType === 'User').map((row) => row.principalId));
    const groups = rows
      .filter((row) => row.principalType === 'Group')
      .map((row) => tenant.groups.find(row.principalId));
    const throughGroups = groups.flatMap((group) => (group ? tenant.membersOf(group) : []));
    expect(throughGroups.some((id) => direct.has(id))).toBe(true);
    const nested = throughGroups.flatMap((id) => tenant.groups.find(id) ?? []);
    expect(nested.flatMap((group) => tenant.membersOf(group)).some((id) => !assignedUsers(tenant).has(id))).toBe(true);
  });

  it('begins with an empty log of changes', () => {
    expect([tenant.users.log.head, tenant.groups.log.head]).toEqual([0, 0]);
  });
});
