/** Accounts that are in the way of new ones, and servers that do not find what they have. */
import { describe, expect, it } from 'vitest';
import type { MapticianBehaviour } from '../../src/sandbox/maptician/behaviour.ts';
import { addPerson } from './people.ts';
import { isWrite, methodsOf, openScimWorld, postsOf } from './scim-world.ts';

const email = 'emails[type eq "work"].value';

describe('a new Entra user whose e-mail an account has', () => {
  it('is the person who had it before, where that one is gone: the account is adopted', async () => {
    await using scim = await openScimWorld(4);
    const { world, tenant, ids, maptician, during, log } = scim;
    const [left = '', made = 'by hand'] = [
      ids[1],
      maptician.create({ userName: 'by.hand', [email]: 'Hand@mail.example' }).id,
    ];
    await world.sync();
    const { mail = '', userPrincipalName: oldName } = tenant.users.find(left)?.properties ?? {};
    const account = maptician.user(oldName ?? '');
    tenant.users.delete(left);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });

    const returned = addPerson(tenant, { mail, userPrincipalName: 'returned@contoso.example' });
    const known = addPerson(tenant, { mail: 'hand@mail.example', userPrincipalName: 'hand@contoso.example' });
    const sent = await during(async () =>
      expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, failed: 0 } }),
    );
    expect(postsOf(sent).made).toEqual([]);
    expect(maptician.user('returned@contoso.example')).toMatchObject({
      id: account.id,
      attributes: { externalId: returned, active: true, [email]: mail },
    });
    expect(maptician.user('hand@contoso.example')).toMatchObject({ id: made, attributes: { externalId: known } });
    expect(maptician.size).toBe(5);
    const adopted = (await log()).filter(({ operation }) => operation === 'adopt');
    expect(adopted.find(({ entraId }) => entraId === returned)?.reason).toContain(
      `the account of ${left} passed to this user`,
    );
    expect(adopted.find(({ entraId }) => entraId === known)?.reason).toContain(
      'an existing account with this e-mail was adopted',
    );
    expect((await during(() => world.sync())).filter(isWrite)).toEqual([]);
  });

  it('fails with one clear conflict where that account is the one of somebody who has access', async () => {
    await using scim = await openScimWorld(3);
    const { world, tenant, ids, during, log } = scim;
    await world.sync();
    const before = await world.rows();
    const [holder = ''] = ids;
    const twin = addPerson(tenant, {
      mail: tenant.users.find(holder)?.properties.mail,
      userPrincipalName: 'twin@contoso.example',
    });
    const sent = await during(async () => expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } }));
    expect(methodsOf(sent)).toMatchObject({ POST: 1 });
    expect(await world.rows()).toEqual(before);
    const failures = await log({ status: 'failure' });
    expect(failures).toMatchObject([{ entraId: twin, code: 'Conflict', reason: expect.stringContaining(holder) }]);
    for (let run = 1; run <= 2; run++) {
      const again = await during(async () =>
        expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } }),
      );
      expect(again).toEqual([]);
    }
    expect(await log({ status: 'failure' })).toHaveLength(1);
    expect(scim.subjects()).toHaveLength(1);

    tenant.users.update(twin, { mail: 'twin@mail.example' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, failed: 0 } });
  });
});

describe('a server whose filter finds nothing', () => {
  it('and whose list has everyone: accounts are adopted from the list', async () => {
    await using scim = await openScimWorld(3, { sandbox: { maptician: { filterFindsNothing: true } } });
    const { world, tenant, ids, maptician } = scim;
    for (const id of ids) maptician.create({ userName: tenant.users.find(id)?.properties.userPrincipalName ?? '' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0 } });
    const late = addPerson(tenant);
    maptician.create({ userName: tenant.users.find(late)?.properties.userPrincipalName?.toUpperCase() ?? '' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0 } });
    expect(maptician.size).toBe(4);
    expect(scim.oracle.check(await world.rows(), { oneLook: true })).toEqual([]);
  });

  it('and whose list has no end: one clear error a user, and no loop', async () => {
    const maptician = { filterFindsNothing: true, repeatsFirstPage: true, pageLimit: 1 };
    await using scim = await openScimWorld(4, { sandbox: { maptician } });
    const { world, tenant, ids, during, log } = scim;
    for (const id of ids)
      scim.maptician.create({ userName: tenant.users.find(id)?.properties.userPrincipalName ?? '' });
    const before = await world.rows();
    // One of them stands on the only page there is.
    const sent = await during(async () =>
      expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 0, failed: 3 } }),
    );
    expect(sent.length).toBeLessThanOrEqual(ids.length * 6);
    const failures = await log({ status: 'failure' });
    expect(failures.map(({ code, httpStatus }) => [code, httpStatus])).toEqual(Array(3).fill(['Conflict', 409]));
    for (let run = 1; run <= 2; run++) {
      const again = await during(async () =>
        expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 3 } }),
      );
      expect(again).toEqual([]);
    }
    expect(await log({ status: 'failure' })).toHaveLength(3);
    expect((await world.rows()).filter(({ id }, index) => before[index]?.id === id)).toHaveLength(4);
    expect(scim.subjects()).toHaveLength(1);
  });
});

describe('a server that lists or filters badly', () => {
  const deviations: Partial<MapticianBehaviour>[] = [
    { repeatsFirstPage: true },
    { wrongTotal: 3 },
    { wrongTotal: -3 },
    { ignoresFilter: true, repeatsFirstPagePastTheEnd: true },
    { caseSensitiveFilter: true, conflictWithoutScimType: true, wrongTotal: 3 },
  ];
  it.each(deviations.map((behaviour) => ({ named: JSON.stringify(behaviour), behaviour })))(
    '$named: users are found, and nobody is made twice',
    async ({ behaviour }) => {
      await using scim = await openScimWorld(12, { sandbox: { maptician: { pageLimit: 5, ...behaviour } } });
      const { world, tenant, ids, maptician, oracle, during } = scim;
      const nameOf = (id: string) => tenant.users.find(id)?.properties.userPrincipalName ?? '';
      for (const [index, id] of ids.entries()) {
        maptician.create({ userName: `other${index}` });
        if (index % 2 === 0) maptician.create({ userName: nameOf(id).toUpperCase(), title: 'Old' });
      }
      const first = await during(async () =>
        expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 6 } }),
      );
      expect(postsOf(first).made).toHaveLength(6);

      const late = [addPerson(tenant), addPerson(tenant)];
      for (const id of late.slice(1)) maptician.create({ userName: nameOf(id).toUpperCase() });
      const [renamed = '', purged = ''] = ids;
      tenant.users.update(renamed, { userPrincipalName: 'renamed@contoso.example', jobTitle: 'Chief' });
      tenant.purgeUser(purged);
      expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, deleted: 1, failed: 0 } });

      const mine = (await world.rows()).filter(({ user_name }) => !`${user_name}`.startsWith('other'));
      expect(mine).toHaveLength(13);
      expect(oracle.check(mine, { oneLook: true })).toEqual([]);
      const resync = await during(async () => expect(await world.sync({ resync: true })).toMatchObject({ exit: 0 }));
      expect(resync.filter(isWrite)).toEqual([]);
    },
  );
});
