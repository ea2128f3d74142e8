/**
 * Maps users that are in memory already, in one of several ways: by hand, by the shipped attribute table, by a table of
 * expressions; or only checks them, as both tables' users are before they are mapped.
 */
import { deepStrictEqual } from 'node:assert/strict';
import { join } from 'node:path';
import { z } from 'zod';
import { attributesRead } from '../../src/mapping/attribute-table.ts';
import { withoutGuestSuffix } from '../../src/mapping/guest-name.ts';
import { loadAttributeTable } from '../../src/mapping/load-attribute-table.ts';
import { mapUser } from '../../src/mapping/map-user.ts';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import { selectionOf } from '../../src/mapping/source-schema.ts';
import { type SourceUser, sourceUser } from '../../src/mapping/source-user.ts';
import { packageRoot } from '../../src/package-root.ts';
import { seedTenant } from '../../src/sandbox/seed.ts';
import { answer, readInput } from '../child.ts';

const active = { isSoftDeleted: false };

const { users: count, way } = readInput(
  z.object({ users: z.number(), way: z.enum(['byHand', 'shipped', 'nested', 'checked']) }),
);
const shipped = await loadAttributeTable(join(packageRoot, 'config/attributes.yaml'));
const nested = await loadAttributeTable(join(packageRoot, 'bench/nested-expressions.yaml'));
const users = usersInMemory();

const ways: Readonly<Record<typeof way, (user: SourceUser) => UserAttributes>> = {
  byHand,
  shipped: (user) => mapUser(shipped, checked(user), active, 'create').attributes,
  nested: (user) => mapUser(nested, checked(user), active, 'create').attributes,
  checked: (user) => ({ externalId: checked(user).id }),
};

const map = ways[way];
// The latest are kept, as a chunk of planning is: what nobody could see, the compiler would leave out.
const chunk: UserAttributes[] = [];
const began = performance.now();
for (const [index, user] of users.entries()) chunk[index % 1000] = map(user);
const milliseconds = performance.now() - began;
if (way === 'byHand') {
  for (const user of users.slice(0, 1000)) deepStrictEqual(byHand(user), ways.shipped(user));
}
await answer({ users: users.length, milliseconds });
process.disconnect();

/** As they come out of the mirror's JSON, with the properties that either table reads; the same for every way. */
function usersInMemory(): readonly SourceUser[] {
  const { properties } = selectionOf([...attributesRead(shipped), ...attributesRead(nested)]);
  const tenant = seedTenant({ users: count, assigned: 0 });
  return Array.from(tenant.users.all.values(), ({ id, properties: all }) => {
    const selected = Object.entries(all).filter(([name]) => properties.includes(name));
    return JSON.parse(JSON.stringify({ ...Object.fromEntries(selected), id }));
  });
}

/** What planning does with every row of the mirror. */
function checked({ id, ...attributes }: SourceUser): SourceUser {
  return sourceUser.parse({ ...attributes, appRoleAssignments: [], id });
}

/** What the shipped table says, written out, and with every property trusted to be what it should be. */
function byHand(user: SourceUser): UserAttributes {
  const phones = user.businessPhones as readonly string[] | undefined;
  const name = user.userPrincipalName;
  const text = (value: unknown) => (value as string | undefined) || null;
  return {
    userName: name ? withoutGuestSuffix(name) : null,
    active: true,
    'emails[type eq "work"].value': text(user.mail),
    title: text(user.jobTitle),
    userType: text(user.userType),
    'name.givenName': text(user.givenName),
    'name.familyName': text(user.surname),
    'addresses[type eq "work"].locality': text(user.city),
    'addresses[type eq "work"].region': text(user.state),
    'phoneNumbers[type eq "work"].value': text(phones?.[0]),
    'phoneNumbers[type eq "mobile"].value': text(user.mobilePhone),
    externalId: user.id,
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber': text(user.employeeId),
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization': text(user.companyName),
    'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department': text(user.department),
  };
}
