/** The levers on the job: pause, resume, and each scope of a restart. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCycle } from '../../jobs/run-cycle.ts';
import { restart } from '../../src/cycle/restart.ts';
import { retryNow } from '../../src/state/escrow.ts';
import { enterQuarantine, pauseJob, readJob, requestRestart, resumeJob } from '../../src/state/job.ts';
import { type ResetScope, scopesOf } from '../../src/state/reset-scope.ts';
import { waitUntil } from '../support/wait-until.ts';
import { tenantOf } from './people.ts';
import { openScimWorld, postsOf } from './scim-world.ts';
import { openWorld, type World } from './world.ts';

const stateOf = async (world: World) => (await world.service()).database.pool;

it('a paused job does nothing, on schedule and by hand, until it is resumed; what was running stops between two users', async () => {
  await using scim = await openScimWorld(40, { settings: { MAPTICIAN_REQUESTS_PER_SECOND: '20' } });
  const { world, tenant, ids, subjects, during } = scim;
  const state = await stateOf(world);
  const cycle = world.sync();
  await waitUntil(() => postsOf(world.mapticianRequests()).made.length >= 5);
  expect(await pauseJob(state)).toBe(true);
  expect(await cycle).toMatchObject({ exit: 3, state: 'interrupted', error: { code: 'Paused' } });
  // What a worker had in hand ends; the other jobs find the cycle stopped.
  const queue = await (await world.service()).queue();
  await expect.poll(() => queue.depth('operations')).toBe(0);
  expect(postsOf(world.mapticianRequests()).made.length).toBeLessThan(40);

  const context = await (await world.service()).cycleContext();
  const idle = await during(async () => {
    await runCycle(context, { data: { trigger: 'schedule' } }, new AbortController().signal);
    expect(await world.sync()).toMatchObject({ exit: 3, error: { code: 'Paused' } });
    expect(await pauseJob(state)).toBe(false);
  });
  expect(idle).toEqual([]);
  expect(subjects(), 'a pause is nobody’s mail').toEqual([]);

  await resumeJob(state);
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
  expect(await scim.settleWithin(1)).toEqual([0]);
});

describe('a restart', () => {
  let world: World;
  let links: unknown[];
  const failing = () => world.pool.query('select from maptician_sync.escrow').then(({ rowCount }) => rowCount);
  const linked = async () =>
    (await world.pool.query('select entra_id, maptician_id from maptician_sync.links order by 1')).rows;

  beforeAll(async () => {
    const { tenant, ids } = tenantOf(40);
    world = await openWorld({ sandbox: { tenant } });
    const state = await stateOf(world);
    await (await world.service()).store();
    await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
    tenant.users.update(ids[0] ?? '', { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 39, failed: 1 } });
    for (const id of ids.slice(20, 32)) tenant.unassign(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12, failed: 1 } });
    links = await linked();
    await enterQuarantine(state, { reason: 'IngestionInterrupted', code: null, message: 'for the test' });
  });
  afterAll(() => world.close());

  /** Links of whoever is to lose access stay, since nothing else knows of their accounts. */
  const stillLinked = 12;

  // In this order: each row begins where the one before it ended.
  it.each<{ scope: ResetScope; kind: string; escrow: number; adopted: number; deactivated: number }>([
    { scope: 'None', kind: 'incremental', escrow: 1, adopted: 0, deactivated: 0 },
    { scope: 'QuarantineState', kind: 'incremental', escrow: 1, adopted: 0, deactivated: 0 },
    { scope: 'Watermark', kind: 'initial', escrow: 1, adopted: 0, deactivated: 0 },
    { scope: 'ConnectorDataStore', kind: 'incremental', escrow: 1, adopted: 39 - stillLinked, deactivated: 0 },
    { scope: 'Escrows', kind: 'incremental', escrow: 0, adopted: 0, deactivated: 0 },
    { scope: 'Full', kind: 'initial', escrow: 1, adopted: 39 - stillLinked, deactivated: 0 },
    { scope: 'ForceDeletes', kind: 'incremental', escrow: 1, adopted: 0, deactivated: 12 },
  ])('of $scope', async ({ scope, kind, escrow, adopted, deactivated }) => {
    const state = await stateOf(world);
    const before = await world.rows();
    await restart(state, scopesOf([scope]), { expiryDays: 7 });
    const { cycleId, ...cycle } = await world.sync();
    expect(cycle).toMatchObject({ kind, counts: { created: 0, updated: 0, deactivated } });
    expect(await failing()).toBe(escrow);
    expect(await linked(), 'the same accounts').toEqual(links);
    const matched = await world.pool.query(
      `select from maptician_sync.provisioning_log where cycle_id = $1 and operation = 'adopt'`,
      [cycleId],
    );
    expect(matched.rowCount).toBe(adopted);
    const written = (await world.rows()).filter((row, index) => row.xmin !== before[index]?.xmin);
    expect(written).toHaveLength(deactivated);
    expect(await readJob(state)).toMatchObject({ restartScope: [] });
  });

  it('is not forgotten with a cycle that comes to nothing', async () => {
    await requestRestart(await stateOf(world), ['Watermark']);
    world.sandbox.faults.inject({ path: '/servicePrincipals*', times: 1, fault: { kind: 'status', status: 403 } });
    expect(await world.sync()).toMatchObject({ exit: 2, error: { code: 'InsufficientRights' } });
    expect(await world.sync()).toMatchObject({ exit: 1, kind: 'initial' });
  });

  it('by retry of one user, or of all, tries again at once what was refused', async () => {
    const state = await stateOf(world);
    await world.pool.query('alter table maptician.users drop constraint no_chiefs');
    expect(await world.sync(), 'before its time it is not tried').toMatchObject({ exit: 1, counts: { created: 0 } });
    expect(await retryNow(state, 'nobody@contoso.example')).toEqual([]);
    expect(await retryNow(state, undefined)).toHaveLength(1);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, failed: 0 } });
  });
});

describe('a restart while access is about to end', () => {
  /** People who all have accounts; one of them is unassigned, and Maptician refuses to deactivate the account. */
  async function openRefusing() {
    const { tenant, ids } = tenantOf(12);
    const opened = await openWorld({ sandbox: { tenant } });
    expect(await opened.sync()).toMatchObject({ exit: 0 });
    const [leaver = ''] = ids;
    await opened.pool.query(
      `alter table maptician.users add constraint stays check (active or external_id <> '${leaver}')`,
    );
    const active = async () => (await opened.rows()).flatMap((row) => (row.active ? [row.external_id] : []));
    return { world: opened, tenant, ids, leaver, active };
  }

  it('forgets no failed removal', async () => {
    const { world: refusing, tenant, leaver, active } = await openRefusing();
    await using _ = refusing;
    tenant.unassign(leaver);
    expect(await refusing.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    await refusing.pool.query('alter table maptician.users drop constraint stays');
    await requestRestart(await stateOf(refusing), ['Escrows']);
    expect(await refusing.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });
    expect(await active()).not.toContain(leaver);
  });

  it('forgets no link of whoever lost access meanwhile', async () => {
    const { tenant, ids } = tenantOf(12);
    await using leaving = await openWorld({ sandbox: { tenant } });
    expect(await leaving.sync()).toMatchObject({ exit: 0 });
    const [unassigned = '', disabled = '', purged = ''] = ids;
    tenant.unassign(unassigned);
    tenant.users.update(disabled, { accountEnabled: false });
    tenant.purgeUser(purged);
    await requestRestart(await stateOf(leaving), scopesOf(['Full']));
    expect(await leaving.sync()).toMatchObject({ exit: 0, counts: { deactivated: 2, deleted: 1, created: 0 } });
  });
});
