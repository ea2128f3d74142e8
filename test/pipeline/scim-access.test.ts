/** Access that must end, names that are free again, and servers that refuse to list. */
import { describe, expect, it } from 'vitest';
import { addPerson } from './people.ts';
import { openScimWorld, postsOf } from './scim-world.ts';

describe('a deactivation that Maptician takes and does not carry out', () => {
  it('is a failure each time and for everybody, and no value that it may keep', async () => {
    await using scim = await openScimWorld(4);
    const { world, tenant, ids, maptician, settleWithin, escrow } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    maptician.behaviour.dropsAttribute = ['active'];
    const [first = '', second = ''] = ids;
    tenant.users.update(first, { accountEnabled: false });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { deactivated: 0, failed: 1 } });
    tenant.users.update(second, { accountEnabled: false });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { deactivated: 0, failed: 2 } });
    expect((await escrow()).map(({ entraId }) => entraId).sort()).toEqual([first, second].sort());
    maptician.behaviour.dropsAttribute = [];
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { deactivated: 2, failed: 0 } });
  });
});

describe('a name that is free again because its account is deleted in the same cycle', () => {
  it('goes to the one who has it now, with a new account', async () => {
    await using scim = await openScimWorld(4);
    const { world, tenant, ids, maptician, settleWithin } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    const [purged = ''] = ids;
    const userPrincipalName = tenant.users.find(purged)?.properties.userPrincipalName ?? '';
    const { id: before } = maptician.user(userPrincipalName);
    tenant.users.delete(purged);
    tenant.purgeUser(purged);
    const heir = addPerson(tenant, { userPrincipalName });
    for (let index = 0; index < 4; index++) addPerson(tenant);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 5, deleted: 1, failed: 0 } });
    const account = maptician.user(userPrincipalName);
    expect(account.attributes.externalId).toBe(heir);
    expect(account.id).not.toBe(before);
  });
});

describe('a server that refuses to list all users', () => {
  it('is asked for each user instead, and a conflict stays one clear conflict', async () => {
    await using scim = await openScimWorld(5);
    const { world, tenant, maptician, faults, during, escrow } = scim;
    faults.inject({
      method: 'GET',
      path: '/scim/v2/Users',
      query: 'startIndex',
      probability: 1,
      fault: { kind: 'status', status: 400 },
    });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 5 } });
    const mail = 'taken@mail.example';
    maptician.create({ userName: 'somebody@else.example', 'emails[type eq "work"].value': mail });
    const refused = addPerson(tenant, { mail });
    const sent = await during(async () => {
      for (let run = 0; run < 3; run++) expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    });
    expect(postsOf(sent).refused).toHaveLength(1);
    expect(await escrow()).toEqual([{ entraId: refused, code: 'Conflict' }]);
  });
});
