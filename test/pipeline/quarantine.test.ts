/** A job that is sick as a whole: the circuit breaker, the thresholds, the tries to leave quarantine, and the way out. */
import { describe, expect, it } from 'vitest';
import { runCycle } from '../../jobs/run-cycle.ts';
import { leaveQuarantine } from '../../src/leave-quarantine.ts';
import { readJob, resumeJob } from '../../src/state/job.ts';
import { readStanding } from '../../src/state/standing.ts';
import { passTime } from '../support/pass-time.ts';
import { openWithGoneStore } from './gone-store.ts';
import { openPeopled } from './peopled-world.ts';
import { openScimWorld } from './scim-world.ts';
import type { World } from './world.ts';

const jobOf = async (world: World) => readJob((await world.service()).database.pool);
const standingOf = async (world: World) => readStanding((await world.service()).database.pool);

/** A tick of the schedule. */
async function tick(world: World): Promise<void> {
  await runCycle(
    await (await world.service()).cycleContext(),
    { data: { trigger: 'schedule' } },
    new AbortController().signal,
  );
}

/** A round of the duty of a service that runs, and whether it asked for a cycle. */
async function asksForCycle(world: World): Promise<boolean> {
  const { database, queue, log } = await world.service();
  const backend = await queue();
  let asked = false;
  const add: typeof backend.add = async () => {
    asked = true;
  };
  await leaveQuarantine(database.pool, { ...backend, add }, log).run(new AbortController().signal);
  return asked;
}

describe('Maptician that fails for everybody', () => {
  it('stops the cycle after 20 users in a row; it is probed in a request or two, and the rest is done when it is well', async () => {
    await using scim = await openScimWorld(40);
    const { world, maptician, faults, escrow, during, subjects } = scim;
    faults.inject({
      path: '/scim/v2/Users*',
      method: 'POST',
      times: 1_000_000,
      fault: { kind: 'status', status: 500 },
    });
    const result = await world.sync();
    expect(result).toMatchObject({ exit: 3, error: { code: 'TooManyFailures' }, state: 'failed' });
    expect((await escrow()).length).toBeGreaterThanOrEqual(20);
    expect(subjects()).toHaveLength(1);
    expect((await jobOf(world)).quarantine).toMatchObject({ reason: 'EncounteredEscrowProportionThreshold', count: 1 });
    expect((await standingOf(world)).state).toBe('quarantined');

    expect(await during(() => tick(world)), 'before its time nothing is tried').toEqual([]);
    await passTime(world.pool, '2 minutes');
    const { token } = maptician;
    maptician.setToken('another');
    expect(await asksForCycle(world)).toBe(true);
    expect(await during(() => tick(world)), 'one look whether a cycle could run').toHaveLength(1);
    expect((await jobOf(world)).quarantine).toMatchObject({ count: 2 });
    expect(await asksForCycle(world)).toBe(false);

    maptician.setToken(token);
    await passTime(world.pool, '10 minutes');
    const few = await during(() => tick(world));
    const posts = few.filter(({ method }) => method === 'POST');
    expect(posts.length, 'and of a cycle then only so much as shows that it is still down').toBeLessThanOrEqual(20);
    expect((await jobOf(world)).quarantine).toMatchObject({ count: 3 });

    faults.clear();
    await passTime(world.pool, '10 minutes');
    await tick(world);
    expect((await jobOf(world)).quarantine).toBeNull();
    expect((await standingOf(world)).state).toBe('healthy');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, failed: 0 } });
  });
});

describe('a user store that is gone for a month', () => {
  it('is tried 37 times more, then no more; a sync by hand still tries, and makes it well', async () => {
    const { world } = await openWithGoneStore();
    const began = (await jobOf(world)).quarantine;
    expect(began).toMatchObject({ reason: 'EncounteredQuarantineException', count: 1 });
    const requests = world.requests();
    let tries = 0;
    for (let hours = 0; hours < 30 * 24; ) {
      const { quarantine } = await jobOf(world);
      const wait = quarantine?.nextAttempt == null ? 24 : (quarantine.nextAttempt.getTime() - Date.now()) / 3_600_000;
      await passTime(world.pool, `${Math.max(wait, 0.001)} hours`);
      hours += wait;
      if (!(await asksForCycle(world))) continue;
      tries += 1;
      await tick(world);
    }
    expect(tries).toBe(37);
    expect(world.requests(), 'and Graph not once').toBe(requests);
    expect((await standingOf(world)).state).toBe('disabled');
    expect(await world.sync()).toMatchObject({ exit: 2 });
    await world.restart({ MAPTICIAN_DATABASE_URL: world.databaseUrl });
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect((await standingOf(world)).state).toBe('healthy');
  });
});

describe('many users who fail for their own sake', () => {
  const refused = { store: 'refuses' } as const;
  async function openRefusing(people: number, bad: number) {
    const opened = await openPeopled(people);
    const { world, tenant, ids } = opened;
    await (await world.service()).store();
    await world.pool.query(`alter table maptician.users add constraint no_${refused.store} check (title <> 'Chief')`);
    for (const id of ids.slice(0, bad)) tenant.users.update(id, { jobTitle: 'Chief' });
    return { ...opened, mend: () => world.pool.query('alter table maptician.users drop constraint no_refuses') };
  }

  it('are nothing but failures below 20', async () => {
    const { world } = await openRefusing(30, 19);
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 11, failed: 19 } });
    expect((await jobOf(world)).quarantine).toBeNull();
  });

  it('in an initial cycle let it finish; then escrows are cleared, and it waits for a person', async () => {
    const { world, mend } = await openRefusing(50, 21);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { created: 29, failed: 21 } });
    expect(await jobOf(world)).toMatchObject({ escrowsPruned: true, quarantine: { nextAttempt: null } });
    expect((await world.pool.query('select from maptician_sync.escrow')).rowCount).toBe(0);
    await passTime(world.pool, '2 days');
    await tick(world);
    expect(await world.rows(), 'nothing is tried by itself').toHaveLength(29);
    await mend();
    await resumeJob((await world.service()).database.pool);
    await tick(world);
    expect(await world.rows()).toHaveLength(50);
    expect(await jobOf(world)).toMatchObject({ escrowsPruned: false, quarantine: null });
  });

  it('are all tried again after a resume, since the cause is mended by then', async () => {
    const { world, tenant, ids, mend } = await openRefusing(50, 0);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    for (const id of ids.slice(0, 21)) tenant.users.update(id, { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { failed: 21 } });
    await mend();
    await resumeJob((await world.service()).database.pool);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 21, failed: 0 } });
  });

  it('in a later cycle put the job into quarantine, which ends with the failures', async () => {
    const { world, tenant, ids } = await openRefusing(50, 0);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    for (const id of ids.slice(0, 21)) tenant.users.update(id, { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { failed: 21 } });
    expect((await jobOf(world)).quarantine).toMatchObject({
      reason: 'EncounteredEscrowProportionThreshold',
      code: null,
    });
    tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
    tenant.users.update(ids[1] ?? '', { jobTitle: 'Surveyor' });
    expect(await world.sync(), 'a sync by hand goes on as always').toMatchObject({ exit: 1, counts: { failed: 19 } });
    expect((await jobOf(world)).quarantine).toBeNull();
  });
});

it('an app that cannot be found any more changes nobody, and ends with 3', async () => {
  const { world } = await openPeopled(12);
  expect(await world.sync()).toMatchObject({ exit: 0 });
  const rows = await world.rows();
  await world.restart({ ENTRA_APP_ID: '8e4b3c7a-0000-4000-8000-000000000000', ENTRA_SERVICE_PRINCIPAL_ID: '' });
  for (let run = 1; run <= 2; run++) {
    expect(await world.sync()).toMatchObject({ exit: 3, error: { code: 'IngestionInterrupted' } });
  }
  expect(await world.rows()).toEqual(rows);
  expect(world.sandbox.mailbox.mails()).toHaveLength(1);
});
