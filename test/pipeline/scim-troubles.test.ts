/** What does not pass by itself: a server that is down for longer, a token that turns bad, and whoever edits Maptician by hand. */
import { describe, expect, it } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';
import { everyProperty } from './mixed-changes.ts';
import { expectNobodyTwice, isWrite, openScimWorld, postsOf } from './scim-world.ts';

const path = '/scim/v2/Users*';
const always = 1_000_000;
/** So that there is time to do something in the middle. */
const slowly = { MAPTICIAN_REQUESTS_PER_SECOND: '50' };
const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

describe('what lasts', () => {
  it('longer than a cycle is told of, and made up for by the next one', async () => {
    await using scim = await openScimWorld(4);
    const { world, faults, settleWithin, subjects, escrow } = scim;
    faults.inject({ path, method: 'POST', after: 1, times: always, fault: { kind: 'status', status: 500 } });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 1, failed: 3 } });
    expect(await escrow()).toHaveLength(3);
    expect(subjects()).toHaveLength(1);
    faults.clear();
    expect(await settleWithin(1)).toEqual([0]);
    expect(await escrow()).toEqual([]);
    expect(subjects()).toHaveLength(2);
    expectNobodyTwice(scim);
  });

  it.each([
    { named: 'a token that turns bad', status: 401, code: 'Unauthorized' },
    { named: 'a token that may not write any more', status: 403, code: 'InsufficientRights' },
  ])(
    '$named stops the cycle at once with one mail, blames nobody, and is well when it is good again',
    async (given) => {
      await using scim = await openScimWorld(40, { properties: everyProperty, settings: slowly });
      const { world, maptician, faults, subjects, escrow, settleWithin } = scim;
      const { token } = maptician;
      const turnBad = () =>
        given.status === 401
          ? maptician.setToken('another')
          : faults.inject({ path, times: always, fault: { kind: 'status', status: given.status } });
      const cycle = world.sync();
      await waitUntil(() => postsOf(world.mapticianRequests()).made.length >= 5);
      turnBad();
      const result = await cycle;
      expect(result).toMatchObject({ exit: 2, error: { code: given.code }, counts: { failed: 0 } });
      const refused = world.mapticianRequests().filter(({ status }) => status === given.status);
      expect(refused.length, 'at once: what was in hand, and no more').toBeLessThanOrEqual(10);
      for (let run = 1; run <= 2; run++)
        expect(await world.sync()).toMatchObject({ exit: 2, error: { code: given.code }, counts: { failed: 0 } });
      expect(subjects()).toEqual([expect.stringContaining(given.code)]);
      expect(await escrow()).toEqual([]);
      expect(await scim.log({ status: 'failure' })).toEqual([]);

      faults.clear();
      maptician.setToken(token);
      expect(await settleWithin(1)).toEqual([0]);
      expect(subjects()).toHaveLength(2);
      expect(await settleWithin(1)).toEqual([0]);
      expect(subjects()).toHaveLength(2);
      expectNobodyTwice(scim);
    },
  );
});

describe('what somebody does in Maptician', () => {
  it('deleted accounts are made anew in the cycle that finds them gone, whatever it wanted of them', async () => {
    await using scim = await openScimWorld(8, { properties: everyProperty });
    const { world, tenant, ids, maptician, oracle, settleWithin, log } = scim;
    await settleWithin(1);
    const [changed = '', disabled = '', purged = '', quiet = ''] = ids;
    const accountOf = (id: string) =>
      maptician.users().find(({ attributes }) => attributes.externalId === id)?.id ?? 'none';
    for (const id of [changed, disabled, purged, quiet]) maptician.delete(accountOf(id));
    tenant.users.update(changed, { jobTitle: 'Chief', mobilePhone: null });
    tenant.users.update(disabled, { accountEnabled: false });
    tenant.purgeUser(purged);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { failed: 0, created: 1 } });
    expect(maptician.user(accountOf(changed)).attributes.title).toBe('Chief');
    expect([disabled, purged, quiet].map(accountOf), 'who has no access needs no account').toEqual(
      Array(3).fill('none'),
    );
    expect((await log({ status: 'warning' })).map(({ entraId, operation }) => [entraId, operation])).toEqual(
      expect.arrayContaining([
        [changed, 'unlink'],
        [disabled, 'unlink'],
      ]),
    );
    // Of whom nothing changed nobody looks, until a resync does.
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { failed: 0, created: 1 } });
    expect(oracle.check(await world.rows(), { oneLook: false })).toEqual([`${disabled} has lost its account`]);
  });

  it('edits, renames and values in the way are mended by a resync, and by an update of what it writes anyway', async () => {
    await using scim = await openScimWorld(12, { properties: everyProperty });
    const { world, tenant, ids, maptician, oracle, settleWithin, during } = scim;
    await settleWithin(1);
    const nameOf = (id = '') => tenant.users.get(id)?.properties.userPrincipalName ?? '';
    maptician.update(nameOf(ids[0]), { title: 'by hand', [`${enterprise}:department`]: null });
    maptician.update(nameOf(ids[1]), { active: false, 'phoneNumbers[type eq "mobile"].value': null });
    maptician.update(nameOf(ids[2]), { userName: 'somebody@else.example' });
    maptician.update(nameOf(ids[3]), { 'emails[type eq "work"].value': null });
    maptician.update(nameOf(ids[4]), { externalId: 'something else' });
    maptician.update(nameOf(ids[5]), {
      'addresses[type eq "work"].locality': null,
      'addresses[type eq "work"].region': null,
    });
    // Typed values that are gone are changed in Entra: a server may find nothing to replace there.
    tenant.users.update(ids[3] ?? '', { mail: 'new@mail.example' });
    tenant.users.update(ids[5] ?? '', { city: 'Lagos' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 2, failed: 0 } });
    expect(maptician.user(nameOf(ids[3])).attributes['emails[type eq "work"].value']).toBe('new@mail.example');
    expect(maptician.user(nameOf(ids[5])).attributes['addresses[type eq "work"].locality']).toBe('Lagos');

    const mending = await during(async () =>
      expect(await world.sync({ resync: true })).toMatchObject({
        exit: 0,
        counts: { updated: 4, reactivated: 1, failed: 0 },
      }),
    );
    expect(mending.filter(isWrite)).toHaveLength(5);
    expect(oracle.check(await world.rows(), { oneLook: false })).toEqual([]);
    const again = await during(() => world.sync({ resync: true }));
    expect(again.filter(isWrite)).toEqual([]);
  });
});
