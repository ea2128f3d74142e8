import { describe, expect, it } from 'vitest';
import { answerHeld } from '../../src/cycle/answer-held.ts';
import { retryNow } from '../../src/state/escrow.ts';
import { readHeldSets } from '../../src/state/held-sets.ts';
import { passTime } from '../support/pass-time.ts';
import { addPerson } from './people.ts';
import { openPeopled } from './peopled-world.ts';
import type { World } from './world.ts';

/** A world in which everybody is provisioned already. */
async function openProvisioned(people: number, settings: Record<string, string> = {}) {
  const opened = await openPeopled(people, { settings });
  expect(await opened.world.sync()).toMatchObject({ exit: 0, counts: { created: people } });
  return opened;
}

async function activeIds(world: World): Promise<unknown[]> {
  return (await world.rows()).filter((row) => row.active).map((row) => row.external_id);
}

/** As `approve` and `reject` do. */
async function decide(world: World, answer: 'approved' | 'rejected'): Promise<void> {
  const { pool } = (await world.service()).database;
  for (const { set } of await readHeldSets(pool)) {
    await answerHeld(pool, { answer, set, users: undefined, expiryDays: 7 });
  }
}

describe('the limit on removals', () => {
  it.each([
    { limit: 'count', people: 60, settings: { REMOVAL_LIMIT_COUNT: '20', REMOVAL_LIMIT_PERCENT: '100' }, allowed: 20 },
    { limit: 'percentage', people: 60, settings: {}, allowed: 15 },
    { limit: 'floor', people: 20, settings: {}, allowed: 9 },
  ])('by $limit lets $allowed pass and holds one more', async ({ people, settings, allowed }) => {
    const { world, tenant, ids } = await openProvisioned(people, settings);
    const leavers = ids.slice(0, allowed);
    for (const id of leavers) tenant.users.delete(id);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: allowed, held: 0 } });
    for (const id of leavers) tenant.restoreUser(id);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { reactivated: allowed } });
    for (const id of ids.slice(0, allowed + 1)) tenant.users.delete(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { deactivated: 0, held: allowed + 1 } });
  });
});

it('the limit over a day is net of whoever has access again, and ends with the day', async () => {
  const { world, tenant, ids } = await openProvisioned(60, {
    REMOVAL_LIMIT_PERCENT: '100',
    REMOVAL_LIMIT_DAY_PERCENT: '50',
  });
  const remove = async (from: number, to: number) => {
    for (const id of ids.slice(from, to)) tenant.users.delete(id);
    return world.sync();
  };
  expect(await remove(0, 30)).toMatchObject({ exit: 0, counts: { deactivated: 30 } });
  for (const id of ids.slice(0, 5)) tenant.restoreUser(id);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { reactivated: 5 } });
  expect(await remove(30, 54)).toMatchObject({ exit: 0, counts: { deactivated: 24 } });
  expect(await remove(54, 55)).toMatchObject({ exit: 3, counts: { deactivated: 0, held: 1 } });
  tenant.restoreUser(ids[54] ?? '');
  await passTime(world.pool, '25 hours');
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { held: 0 } });
  expect(await remove(54, 56)).toMatchObject({ exit: 0, counts: { deactivated: 2 } });
});

describe('a source that looks empty', () => {
  const nobody = `filters:
  - title: Nobody
    clauses:
      - { attribute: department, operator: EQUALS, value: Nowhere }
`;
  const empty: [string, (world: World, ids: readonly string[]) => Promise<void>, string, Record<string, string>?][] = [
    [
      'an app without assignments',
      async ({ tenant }, ids) => ids.forEach((id) => void tenant.unassign(id)),
      'Entra lists no assignment of the app any more',
    ],
    [
      'a filter that lets nobody in',
      ({ restart }) => restart({}, { filters: nobody }),
      'the scoping filters let nobody in',
    ],
    [
      'a tenant without users',
      async ({ tenant }, ids) => ids.forEach((id) => void tenant.users.delete(id)),
      'Entra lists no users any more',
      { SYNC_SCOPE: 'all' },
    ],
  ];
  it.each(empty)('%s deactivates nobody, and one mail says why', async (_name, empties, reason, settings) => {
    const { world, ids } = await openProvisioned(6, settings);
    await empties(world, ids);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { deactivated: 0, held: 6 } });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { deactivated: 0, held: 6 } });
    expect(await activeIds(world)).toHaveLength(6);
    expect(world.sandbox.mailbox.mails().map(({ text }) => text)).toEqual([expect.stringContaining(reason)]);
  });
});

describe('removals that are held', () => {
  async function openHeld() {
    const opened = await openProvisioned(40);
    const { world, tenant, ids } = opened;
    const leavers = ids.slice(0, 12);
    for (const [index, id] of leavers.entries()) {
      if (index % 3 === 0) tenant.purgeUser(id);
      else if (index % 3 === 1) tenant.unassign(id);
      else tenant.users.update(id, { accountEnabled: false });
    }
    const hired = addPerson(tenant);
    tenant.users.update(ids[30] ?? '', { jobTitle: 'Promoted' });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { created: 1, updated: 1, held: 12 } });
    return { ...opened, leavers, hired };
  }

  it('are told of in one mail, hold nobody else up, and end every cycle with 3', async () => {
    const { world, leavers, hired, ids } = await openHeld();
    expect(await activeIds(world)).toEqual(expect.arrayContaining([...leavers, hired]));
    expect((await world.rows()).find((row) => row.external_id === ids[30])).toMatchObject({ title: 'Promoted' });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12, deactivated: 0, deleted: 0 } });
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 3, counts: { held: 12 } });
    const mails = world.sandbox.mailbox.mails();
    expect(mails).toHaveLength(1);
    for (let person = 1; person <= 12; person++) expect(mails[0]?.text).toContain(`person${person}@contoso.example`);
  });

  it('are carried out by the next cycle once they are approved', async () => {
    const { world, leavers } = await openHeld();
    await decide(world, 'approved');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deleted: 4, deactivated: 8, held: 0 } });
    const active = await activeIds(world);
    expect(leavers.filter((id) => active.includes(id))).toEqual([]);
  });

  it('need no second approval where the cycle that was to carry them out was killed', async () => {
    const { world } = await openHeld();
    await decide(world, 'approved');
    // As a process leaves it that is killed between planning and writing.
    await world.pool.query(`update maptician_sync.operations set state = 'open' where state = 'approved'`);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deleted: 4, deactivated: 8, held: 0 } });
  });

  it('that were rejected are planned anew for another reason, or when an operator says so of one', async () => {
    const { world, tenant, ids } = await openProvisioned(40);
    const leavers = ids.slice(0, 12);
    for (const id of leavers) tenant.unassign(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
    await decide(world, 'rejected');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0 } });
    const [disabled = '', wanted = '', deleted = ''] = leavers;
    tenant.users.update(disabled, { accountEnabled: false });
    tenant.users.delete(deleted);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 2 } });
    expect(await retryNow((await world.service()).database.pool, wanted)).toEqual([wanted]);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });
    expect(await activeIds(world)).toHaveLength(37);
  });

  it('never happen once they are rejected, until those people have access again and lose it again', async () => {
    const { world, tenant, leavers } = await openHeld();
    await decide(world, 'rejected');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0, deleted: 0, held: 0 } });
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { deactivated: 0, deleted: 0 } });
    expect(await activeIds(world)).toEqual(expect.arrayContaining(leavers));
    const disabled = leavers[2] ?? '';
    tenant.users.update(disabled, { accountEnabled: true });
    expect(await world.sync()).toMatchObject({ exit: 0 });
    tenant.users.update(disabled, { accountEnabled: false });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });
  });

  it('are dropped where they were undone in Entra', async () => {
    const { world, tenant, ids } = await openProvisioned(40);
    const before = await world.rows();
    for (const id of ids.slice(0, 12)) tenant.users.delete(id);
    expect((await world.sync()).exit).toBe(3);
    for (const id of ids.slice(0, 12)) tenant.restoreUser(id);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 0, reactivated: 0, held: 0 } });
    expect(await world.rows()).toEqual(before);
  });

  it('hold everything else up with WHEN_HELD=stop, until they are answered', async () => {
    const { world, tenant, ids } = await openProvisioned(40, { WHEN_HELD: 'stop' });
    for (const id of ids.slice(0, 12)) tenant.users.delete(id);
    const before = await world.rows();
    addPerson(tenant);
    tenant.users.update(ids[30] ?? '', { jobTitle: 'Promoted' });
    for (let cycle = 0; cycle < 2; cycle++) {
      expect(await world.sync()).toMatchObject({ exit: 3, counts: { created: 0, updated: 0, held: 12 } });
      expect(await world.rows()).toEqual(before);
    }
    const [mail] = world.sandbox.mailbox.mails();
    expect(mail?.text).toContain('nothing else is changed either');
    await decide(world, 'approved');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, updated: 1, deactivated: 12, held: 0 } });
  });

  it('count along with later ones, so that a mistake in slices does not slip through', async () => {
    const { world, tenant, ids } = await openProvisioned(40);
    for (const id of ids.slice(0, 12)) tenant.users.delete(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
    for (const id of ids.slice(12, 15)) tenant.users.delete(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 15, deactivated: 0 } });
  });
});
