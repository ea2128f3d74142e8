/** What `plan` says, before a first cycle and before a move to Maptician over SCIM. */
import { describe, expect, it } from 'vitest';
import type { CycleContext } from '../../src/cycle/cycle-context.ts';
import { planOnly } from '../../src/cycle/plan-only.ts';
import { planPass } from '../../src/cycle/plan-pass.ts';
import { pull } from '../../src/directory/pull.ts';
import { enqueueOperations } from '../../src/queue/outbox.ts';
import { beginCycle } from '../../src/state/cycles.ts';
import { addPerson } from './people.ts';
import { doneLines, plannedLines, planOf as planOperations } from './planned.ts';
import { openScimWorld } from './scim-world.ts';
import type { World } from './world.ts';

/** User by user: what is planned, and how many accounts each has already. */
async function planOf(world: World) {
  const planned: { id: string; kind: string; existing: number }[] = [];
  const result = await planOnly(await (await world.service()).cycleContext(), {
    each: (batch) => {
      for (const { subject, decision, existing } of batch) {
        planned.push({ id: subject.id, kind: decision.kind, existing: existing?.users.length ?? 0 });
      }
    },
  });
  return { ...result, planned };
}

describe('a dry run', () => {
  it('tells who has an account already and would be adopted, and sends Maptician nothing but reads', async () => {
    await using scim = await openScimWorld(12);
    const { world, tenant, ids, maptician, during } = scim;
    const names = ids.map((id) => tenant.users.find(id)?.properties.userPrincipalName ?? '');
    for (const userName of names.slice(0, 5)) maptician.create({ userName: userName.toUpperCase(), active: true });
    const sent = await during(async () => {
      const { planned } = await planOf(world);
      expect(planned).toHaveLength(12);
      expect(planned.every(({ kind }) => kind === 'create')).toBe(true);
      expect(
        planned
          .filter(({ existing }) => existing === 1)
          .map(({ id }) => id)
          .sort(),
      ).toEqual(ids.slice(0, 5).sort());
    });
    expect(new Set(sent.map(({ method }) => method))).toEqual(new Set(['GET']));
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 7, updated: 5 } });
    expect((await planOf(world)).planned).toEqual([]);
  });

  it('tells of an account with the e-mail alone, too, where the accounts are listed anyway', async () => {
    await using scim = await openScimWorld(3);
    const { world, tenant, maptician, ids } = scim;
    const email = 'emails[type eq "work"].value';
    await world.sync();
    const mailOf = (index: number) => tenant.users.find(ids[index] ?? '')?.properties.mail ?? '';
    for (const name of ['hand', 'local']) {
      maptician.create({ userName: name, [email]: `${name}@mail.example`, active: true });
      addPerson(tenant, { userPrincipalName: `${name}@contoso.example`, mail: `${name.toUpperCase()}@mail.example` });
    }
    // Somebody who has access keeps an account with that e-mail.
    addPerson(tenant, { userPrincipalName: 'twin@contoso.example', mail: mailOf(0) });
    const { operations } = await planOperations(world);
    expect(operations.map(({ action, userName }) => `${action} ${userName}`).toSorted()).toEqual([
      'adopt hand@contoso.example',
      'adopt local@contoso.example',
      'create twin@contoso.example',
    ]);
    const { cycleId } = await world.sync();
    const done = (await doneLines(world, cycleId)).filter((line) => !line.includes('| fail |'));
    expect(done).toEqual(plannedLines(operations.filter(({ action }) => action === 'adopt')));
  });

  it('does not go by what a dry run that was killed had listed', async () => {
    await using scim = await openScimWorld(6);
    const { world, tenant, ids, maptician } = scim;
    await planOf(world);
    await world.pool.query(`insert into maptician_sync.account_listing (cycle_id, complete) values (0, true)`);
    maptician.create({ userName: tenant.users.find(ids[0] ?? '')?.properties.userPrincipalName ?? '', active: true });
    const { planned } = await planOf(world);
    expect(planned.filter(({ existing }) => existing === 1)).toHaveLength(1);
  });

  it('before a move to another user store is of everyone, and the move does what it said', async () => {
    await using scim = await openScimWorld(8);
    const { world, tenant, ids, maptician } = scim;
    const { MAPTICIAN_TENANT_URL = '', MAPTICIAN_SECRET_TOKEN = '' } = world.settings;
    await world.restart({ MAPTICIAN_TENANT_URL: '', MAPTICIAN_SECRET_TOKEN: '' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 8 } });
    expect((await planOf(world)).planned).toEqual([]);

    await world.restart({ MAPTICIAN_TENANT_URL, MAPTICIAN_SECRET_TOKEN });
    maptician.create({ userName: tenant.users.find(ids[0] ?? '')?.properties.userPrincipalName ?? '', active: true });
    const { planned, warnings } = await planOf(world);
    expect(planned.map(({ kind }) => kind)).toEqual(Array.from({ length: 8 }, () => 'create'));
    expect(planned.filter(({ existing }) => existing === 1)).toHaveLength(1);
    expect(warnings.join()).toContain('another user store');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 7, updated: 1 } });

    await world.restart({ MAPTICIAN_TENANT_URL: `${MAPTICIAN_TENANT_URL}?tenant=b` });
    maptician.clear();
    expect(await world.sync(), 'another tenant in the query is another store').toMatchObject({
      exit: 0,
      counts: { created: 8 },
    });
  });
});

describe('a worker that was started with other settings', () => {
  it("leaves another user store's operations alone", async () => {
    await using scim = await openScimWorld(3);
    const { world, maptician } = scim;
    const service = await world.service();
    const context = await service.cycleContext();
    await service.work({ cycles: false, signal: new AbortController().signal });
    await world.pool.query(`insert into maptician_sync.facts values ('user_store', 'another')`);
    const { operationsLeft } = await holdJobs(world, context);
    expect(operationsLeft).toBe(3);
    expect(maptician.size).toBe(0);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
  });
});

/** Plans as a cycle for that store would, and waits until its jobs have been taken. */
async function holdJobs(world: World, context: CycleContext) {
  const cycleId = await beginCycle(context.pool, 'sync');
  const directory = await context.openDirectory({
    signal: new AbortController().signal,
    progress: () => undefined,
    warn: () => undefined,
  });
  await pull(directory, { resync: true });
  await planPass(context.pool, context.rules, cycleId, {
    stages: () => false,
    opened: (operations) => enqueueOperations(context.queue, operations, 1),
  });
  await expect.poll(() => context.queue.depth('operations')).toBe(0);
  const { rowCount } = await world.pool.query('select from maptician_sync.operations');
  return { operationsLeft: rowCount };
}
