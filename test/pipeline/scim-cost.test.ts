/** How many requests Maptician gets for what changes, and that what it has is right after them. */
import { expect, it } from 'vitest';
import { everyProperty, mixedChanges } from './mixed-changes.ts';
import { isWrite, methodsOf, openScimWorld } from './scim-world.ts';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const nothing = { created: 0, updated: 0, reactivated: 0, deactivated: 0, deleted: 0, failed: 0, held: 0 };

it('500 users cost 1.1 requests each at most, nothing when nothing changed, and 50 changes 1.2 each', async () => {
  await using scim = await openScimWorld(500, { properties: everyProperty });
  const { world, tenant, oracle, maptician, during, settleWithin } = scim;
  const first = await during(() => settleWithin(1));
  expect(first.length).toBeLessThanOrEqual(550);
  expect(methodsOf(first)).toMatchObject({ POST: 500 });

  const before = await world.rows();
  const second = await during(async () => expect(await world.sync()).toMatchObject({ exit: 0, counts: nothing }));
  expect(second).toEqual([]);
  expect(await world.rows()).toEqual(before);

  let ids: readonly string[] = scim.ids;
  for (const id of ids.slice(0, 7)) tenant.users.update(id, { accountEnabled: false });
  expect(methodsOf(await during(() => settleWithin(1)))).toEqual({ PATCH: 7 });
  const servers = [{}, { patchAnswers: 'nothing' }, { patchAnswers: 'resource', pageLimit: 20 }] as const;
  for (const behaviour of servers) {
    Object.assign(maptician.behaviour, behaviour);
    ids = mixedChanges(tenant, ids, 7);
    tenant.users.update(ids.at(-1) ?? '', { givenName: JSON.stringify(behaviour) });
    const changes = await during(async () => {
      expect(await world.sync()).toMatchObject({
        exit: 0,
        counts: { ...nothing, created: 7, updated: 22, deactivated: 7, deleted: 7, reactivated: 7 },
      });
    });
    const rows = await world.rows();
    expect(oracle.check(rows, { oneLook: true })).toEqual([]);
    oracle.accept(rows);
    expect(changes.length, `${JSON.stringify(behaviour)}: ${JSON.stringify(methodsOf(changes))}`).toBeLessThanOrEqual(
      60,
    );
    expect(changes.filter(isWrite)).toHaveLength(50);
  }
});

it('500 users who all have accounts are found by reading the list, and only whoever differs costs a request more', async () => {
  await using scim = await openScimWorld(500, { properties: everyProperty, sandbox: { maptician: { pageLimit: 20 } } });
  const { world, tenant, ids, maptician, oracle, during } = scim;
  for (const [index, id] of ids.entries()) {
    const entra = tenant.users.find(id)?.properties;
    if (entra === undefined) throw new Error('Nobody has that id.');
    const userName = entra.userPrincipalName ?? '';
    const account = maptician.create({
      // Some as somebody else typed them.
      userName: index % 50 === 3 ? userName.toUpperCase() : userName,
      active: true,
      externalId: id,
      title: entra.jobTitle ?? null,
      userType: entra.userType ?? null,
      'name.givenName': entra.givenName ?? null,
      'name.familyName': entra.surname ?? null,
      'emails[type eq "work"].value': entra.mail ?? null,
      'addresses[type eq "work"].locality': entra.city ?? null,
      'addresses[type eq "work"].region': entra.state ?? null,
      'phoneNumbers[type eq "work"].value': entra.businessPhones?.[0] ?? null,
      'phoneNumbers[type eq "mobile"].value': entra.mobilePhone ?? null,
      [`${enterprise}:employeeNumber`]: entra.employeeId ?? null,
      [`${enterprise}:organization`]: entra.companyName ?? null,
      [`${enterprise}:department`]: entra.department ?? null,
    });
    if (index % 50 === 7)
      maptician.update(account.id, { active: false, title: null, [`${enterprise}:organization`]: 'X' });
  }
  const adopted = await during(async () =>
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, failed: 0 } }),
  );
  expect(oracle.check(await world.rows(), { oneLook: true })).toEqual([]);
  expect(methodsOf(adopted)).toEqual({ GET: 26, PATCH: 20 });
});
