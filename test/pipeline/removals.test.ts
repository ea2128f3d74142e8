import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { addPerson, tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

/** A world in which everybody is provisioned already. */
async function openProvisioned(people: number, settings: Record<string, string> = {}) {
  const { tenant, ids } = tenantOf(people);
  const world = await openWorld({ sandbox: { tenant }, settings });
  worlds.push(world);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: people } });
  return { world, tenant, ids };
}

async function activeIds(world: World): Promise<unknown[]> {
  return (await world.rows()).filter((row) => row.active).map((row) => row.external_id);
}

/** Runs `approve` or `reject` as an operator does. */
async function decide(world: World, command: 'approve' | 'reject'): Promise<void> {
  const { rows } = await world.pool.query<{ set: string }>(
    `select distinct set_id::text as set from maptician_sync.operations where state = 'held'`,
  );
  for (const { set } of rows) {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), command, set], {
      env: { PATH: process.env.PATH, ...world.settings },
      stdio: 'ignore',
    });
    expect(await once(child, 'close')).toEqual([0, null]);
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
    await decide(world, 'approve');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deleted: 4, deactivated: 8, held: 0 } });
    const active = await activeIds(world);
    expect(leavers.filter((id) => active.includes(id))).toEqual([]);
  });

  it('need no second approval where the cycle that was to carry them out was killed', async () => {
    const { world } = await openHeld();
    await decide(world, 'approve');
    // As a process leaves it that is killed between planning and writing.
    await world.pool.query(`update maptician_sync.operations set state = 'open' where state = 'approved'`);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deleted: 4, deactivated: 8, held: 0 } });
  });

  it('never happen once they are rejected, until those people have access again and lose it again', async () => {
    const { world, tenant, leavers } = await openHeld();
    await decide(world, 'reject');
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

  it('count along with later ones, so that a mistake in slices does not slip through', async () => {
    const { world, tenant, ids } = await openProvisioned(40);
    for (const id of ids.slice(0, 12)) tenant.users.delete(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
    for (const id of ids.slice(12, 15)) tenant.users.delete(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 15, deactivated: 0 } });
  });
});
