/** E-mail addresses that change hands, on a server that wants them unique; and accounts that two users may claim. */
import { describe, expect, it } from 'vitest';
import { addPerson } from './people.ts';
import { openScimWorld, type ScimWorld } from './scim-world.ts';

const email = 'emails[type eq "work"].value';

const mailOf = ({ tenant }: ScimWorld, id: string | undefined) => tenant.users.find(id ?? '')?.properties.mail;
const nameOf = ({ tenant }: ScimWorld, id: string | undefined) =>
  tenant.users.find(id ?? '')?.properties.userPrincipalName ?? '';

describe('work e-mail addresses that change hands', () => {
  it('converge in one cycle when two people swap them, and when they swap their names as well', async () => {
    await using scim = await openScimWorld(6);
    const { world, tenant, ids, settleWithin } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    const [ann = '', bob = '', eve = '', dan = ''] = ids;
    const [mailA, mailB, mailE, mailD] = [ann, bob, eve, dan].map((id) => mailOf(scim, id));
    const [nameE, nameD] = [eve, dan].map((id) => nameOf(scim, id));
    tenant.users.update(ann, { mail: mailB ?? null });
    tenant.users.update(bob, { mail: mailA ?? null });
    tenant.users.update(eve, { mail: mailD ?? null, userPrincipalName: 'on.the.move@contoso.example' });
    tenant.users.update(dan, { mail: mailE ?? null, userPrincipalName: nameE });
    tenant.users.update(eve, { userPrincipalName: nameD });
    expect(await settleWithin(1)).toEqual([0]);
    expect((await world.sync()).counts).toMatchObject({ updated: 0, failed: 0 });
  });

  it('converge in one cycle when they move down a chain, whoever comes first', async () => {
    await using scim = await openScimWorld(8);
    const { tenant, ids, settleWithin, subjects } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    for (const order of [[...ids], ids.toReversed()]) {
      const mails = order.map((id) => mailOf(scim, id) ?? null);
      for (const [index, id] of order.entries()) {
        tenant.users.update(id, { mail: index === 0 ? `new.${order[0]}@mail.example` : (mails[index - 1] ?? null) });
      }
      expect(await settleWithin(1)).toEqual([0]);
    }
    expect(subjects()).toEqual([]);
  });

  it('pass from somebody who has no access any more, and from somebody who is hired with one that is just freed', async () => {
    await using scim = await openScimWorld(4);
    const { world, tenant, ids, maptician, settleWithin } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    const [leaver = '', mover = '', heir = ''] = ids;
    const freed = mailOf(scim, mover) ?? '';
    const left = mailOf(scim, leaver) ?? '';
    tenant.users.update(leaver, { accountEnabled: false });
    expect(await settleWithin(1)).toEqual([0]);
    tenant.users.update(heir, { mail: left });
    tenant.users.update(mover, { mail: 'moved@mail.example' });
    const hired = addPerson(tenant, { mail: freed });
    // An account without access gives its e-mail up, which the oracle does not know of.
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(maptician.user(nameOf(scim, heir)).attributes[email]).toBe(left);
    expect(maptician.user(nameOf(scim, hired)).attributes[email]).toBe(freed);
  });

  it('that two people have at once are one clear conflict, which ends as soon as one of them has another', async () => {
    await using scim = await openScimWorld(3);
    const { world, tenant, ids, settleWithin, log, during } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    const [one = '', other = ''] = ids;
    const shared = mailOf(scim, one) ?? '';
    const own = mailOf(scim, other) ?? null;
    tenant.users.update(other, { mail: shared });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    const [failure] = await log({ status: 'failure' });
    expect(failure).toMatchObject({ entraId: other, code: 'Conflict', reason: expect.stringContaining(one) });
    expect(failure?.reason, 'and no value stands in it').not.toContain(shared);
    expect(await during(() => world.sync())).toEqual([]);

    tenant.users.update(one, { mail: 'another@mail.example' });
    const exits = await settleWithin(2);
    expect(exits.at(-1)).toBe(0);
    expect(scim.maptician.user(nameOf(scim, other)).attributes[email]).toBe(shared);
    tenant.users.update(other, { mail: own });
    expect(await settleWithin(1)).toEqual([0]);
  });
});

describe('an account that is found by its e-mail', () => {
  it('is active when a returning person adopts it in the cycle that deactivated it', async () => {
    await using scim = await openScimWorld(4);
    const { world, tenant, ids, maptician, settleWithin } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    const [left = ''] = ids;
    const mail = mailOf(scim, left) ?? '';
    tenant.users.delete(left);
    const back = addPerson(tenant, { mail, userPrincipalName: 'back@contoso.example' });
    for (let index = 0; index < 4; index++) addPerson(tenant);
    await world.sync();
    await world.sync();
    expect(maptician.user('back@contoso.example').attributes).toMatchObject({ active: true, externalId: back });
    expect(maptician.users().filter(({ attributes }) => attributes[email] === mail)).toHaveLength(1);
  });

  it("is not given to somebody else when its userName is another living user's", async () => {
    await using scim = await openScimWorld(0);
    const { world, tenant, maptician, log } = scim;
    const mail = 'bob@mail.example';
    const { id } = maptician.create({ userName: 'bob@contoso.example', [email]: mail, active: true });
    const admin = addPerson(tenant, { mail, userPrincipalName: 'adm-bob@contoso.example' });
    const bob = addPerson(tenant, { mail, userPrincipalName: 'bob@contoso.example' });
    for (let run = 0; run < 3; run++) await world.sync();
    expect(maptician.user('bob@contoso.example')).toMatchObject({ id, attributes: { externalId: bob } });
    expect(maptician.size).toBe(1);
    const failures = await log({ status: 'failure' });
    expect(new Set(failures.map(({ entraId }) => entraId))).toEqual(new Set([admin]));
    expect(failures[0]?.reason).toContain(bob);
  });

  it('is adopted by one of two who claim it at the same time', async () => {
    await using scim = await openScimWorld(0);
    const { world, tenant, maptician, faults } = scim;
    const mail = 'shared@mail.example';
    maptician.create({ userName: 'orphan@contoso.example', [email]: mail, active: true });
    const claimants = [addPerson(tenant, { mail }), addPerson(tenant, { mail })];
    faults.inject({
      method: 'PATCH',
      path: '/scim/v2/Users/*',
      times: 9,
      fault: { kind: 'stall', milliseconds: 300, carriedOut: 'before' },
    });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    expect(maptician.size).toBe(1);
    const [account] = maptician.users();
    const { rows } = await world.pool.query('select entra_id, maptician_id from maptician_sync.links');
    expect(rows).toEqual([{ entra_id: account?.attributes.externalId, maptician_id: account?.id }]);
    expect(claimants).toContain(account?.attributes.externalId);
  });
});

describe('an account that is not found by its id', () => {
  it('is looked up by its name before a leaver is taken to be gone', async () => {
    await using scim = await openScimWorld(3);
    const { world, tenant, ids, maptician, faults, settleWithin } = scim;
    expect(await settleWithin(1)).toEqual([0]);
    const [leaver = ''] = ids;
    const name = nameOf(scim, leaver);
    tenant.users.update(leaver, { accountEnabled: false });
    faults.inject({ method: 'PATCH', path: '/scim/v2/Users/*', times: 1, fault: { kind: 'html', status: 404 } });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });
    expect(maptician.user(name).attributes.active).toBe(false);
  });
});

describe('an account whose creation was carried out and not answered', () => {
  it('counts as created', async () => {
    await using scim = await openScimWorld(3);
    const { world, faults, maptician } = scim;
    faults.inject({ method: 'POST', path: '/scim/v2/Users', times: 3, fault: { kind: 'lost' } });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3, updated: 0, skipped: 0 } });
    expect(maptician.size).toBe(3);
  });
});
