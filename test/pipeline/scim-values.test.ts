/** Values that Maptician stores otherwise than they were sent: told of once, and not sent for ever. */
import { expect, it } from 'vitest';
import { isWrite, openScimWorld, type ScimWorld } from './scim-world.ts';

const workPhone = 'phoneNumbers[type eq "work"].value';
const department = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department';
const nothing = { created: 0, updated: 0, reactivated: 0, deactivated: 0, deleted: 0, failed: 0 };
const properties = (index: number) => ({
  businessPhones: [`1555555000${index}`],
  jobTitle: `Surveyor ${index} `,
  department: 'R&D',
});
const sloppy = { normalisesPhones: true, trimsText: true, dropsAttribute: [department] } as const;

/** The attributes of the tenant's nth user. */
const attributesIn =
  ({ tenant, ids, maptician }: ScimWorld) =>
  (index: number) =>
    maptician.user(tenant.users.find(ids[index] ?? '')?.properties.userPrincipalName ?? '').attributes;

it('what is normalised, trimmed or dropped is told of once, and sent again only when it changes in Entra', async () => {
  await using scim = await openScimWorld(4, {
    properties,
    sandbox: { maptician: { ...sloppy, dropsAttribute: [department] } },
  });
  const { world, tenant, ids, maptician, during, log } = scim;
  const attributesOf = attributesIn(scim);
  const first = await world.sync();
  expect(first).toMatchObject({ exit: 0, counts: { ...nothing, created: 4 } });
  expect(attributesOf(0)).toMatchObject({ [workPhone]: '+1 (555) 555-0000', title: 'Surveyor 0' });
  expect(attributesOf(0)).not.toHaveProperty(department);
  expect(first.warnings.toSorted()).toEqual(
    [workPhone, 'title', department].map((path) => expect.stringContaining(`${path} (4 users)`)),
  );
  const told = await log({ status: 'warning' });
  expect(told.map(({ operation }) => operation)).toEqual(Array(4).fill('kept'));
  expect(new Set(told.map(({ entraId }) => entraId))).toEqual(new Set(ids));

  const again = async () => {
    for (const resync of [false, true, true]) {
      const sent = await during(async () => {
        const { exit, counts, warnings } = await world.sync({ resync });
        expect({ exit, counts, warnings }).toMatchObject({ exit: 0, counts: nothing, warnings: [] });
      });
      expect(sent.filter(isWrite)).toEqual([]);
    }
  };
  await again();
  expect(await log({ status: 'warning' })).toHaveLength(4);

  const [one = '', other = ''] = ids;
  tenant.users.update(one, { businessPhones: ['15555551234'] });
  tenant.users.update(other, { department: 'Sales' });
  const sent = await during(async () =>
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { ...nothing, updated: 2 } }),
  );
  const values = sent.filter(isWrite).map(({ body }) => JSON.stringify(body));
  expect(values).toHaveLength(2);
  for (const value of ['"Sales"', '"15555551234"']) expect(values.join()).toContain(value);
  expect(maptician.users().map(({ attributes }) => attributes[workPhone])).toContain('+1 (555) 555-1234');
  await again();
});

it('what an answer does not show is found by resyncs, and then neither sent nor told of again', async () => {
  await using scim = await openScimWorld(6, {
    sandbox: { maptician: { ...sloppy, dropsAttribute: [], patchAnswers: 'nothing' } },
  });
  const { world, tenant, ids, during } = scim;
  const attributesOf = attributesIn(scim);
  await world.sync();
  for (const [index, id] of ids.entries()) tenant.users.update(id, properties(index));
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 6 } });
  expect(attributesOf(5)).toMatchObject({ [workPhone]: '+1 (555) 555-0005', title: 'Surveyor 5' });
  for (let run = 1; run <= 2; run++) expect(await world.sync({ resync: true })).toMatchObject({ exit: 0 });
  const before = await world.rows();
  const told = await scim.log({ status: 'warning' });
  expect(new Set(told.map(({ entraId }) => entraId))).toEqual(new Set(ids));
  const sent = await during(async () =>
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: nothing }),
  );
  expect(sent.filter(isWrite)).toEqual([]);
  expect(await world.rows()).toEqual(before);
  expect(await scim.log({ status: 'warning' })).toHaveLength(told.length);
});
