import { afterEach, expect, it } from 'vitest';
import { applyOperations } from '../../src/apply/apply.ts';
import { planPass, type WrittenOperation } from '../../src/cycle/plan-pass.ts';
import { pull } from '../../src/directory/pull.ts';
import { beginCycle } from '../../src/state/cycles.ts';
import { writeFact } from '../../src/state/facts.ts';
import { tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

/** A cycle up to its outbox: everybody is to be created, and no job has run. */
async function openPlanned(people: number) {
  const { tenant } = tenantOf(people);
  const world = await openWorld({ sandbox: { tenant } });
  worlds.push(world);
  const service = await world.service();
  const directory = await service.openDirectory({
    signal: new AbortController().signal,
    progress: () => undefined,
    warn: () => undefined,
  });
  const { pool } = service.database;
  const cycleId = await beginCycle(pool, 'sync');
  await pull(directory, { resync: true });
  const operations: WrittenOperation[] = [];
  await planPass(pool, service.rules, cycleId, {
    stages: () => false,
    opened: async (opened) => void operations.push(...opened),
  });
  const storeIdentity = 'the state database';
  await writeFact(pool, 'user_store', storeIdentity);
  const context = { pool, store: await service.store(), storeIdentity, rules: service.applyRules };
  const apply = (kinds: readonly ('create' | 'update')[]) =>
    applyOperations(
      context,
      operations.map(({ id }) => id),
      { kinds, firstTry: true, lastTry: true },
    );
  return { world, apply };
}

it('a job that runs twice, and at the same time, does its work once', async () => {
  const { world, apply } = await openPlanned(30);
  await Promise.all([apply(['create']), apply(['create']), apply(['create'])]);
  await apply(['create']);
  expect(await world.rows()).toHaveLength(30);
  const { rows } = await world.pool.query('select from maptician_sync.provisioning_log');
  expect(rows).toHaveLength(30);
});

it('a job of another kind leaves operations alone that have the ids it names', async () => {
  const { world, apply } = await openPlanned(5);
  await apply(['update']);
  expect((await world.pool.query('select from maptician_sync.operations')).rowCount).toBe(5);
  await apply(['create']);
  expect(await world.rows()).toHaveLength(5);
});

it('operations whose jobs were lost are planned anew by the next cycle', async () => {
  const { world } = await openPlanned(12);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 12 } });
});
