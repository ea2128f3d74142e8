/**
 * `kill -9` of a `sync` to Maptician over SCIM, at random moments. `npm run test:deep` kills ten times; a failure prints
 * the seed of its moments: KILL_SEED=…
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createRandom } from '../../src/sandbox/random.ts';
import { waitUntil } from '../support/wait-until.ts';
import { everyProperty, mixedChanges } from './mixed-changes.ts';
import { openScimWorld, postsOf, type ScimWorld } from './scim-world.ts';

const rounds = process.env.DEEP === 'true' ? 10 : 1;
const seed = Number(process.env.KILL_SEED ?? Date.now() % 2 ** 31);
const random = createRandom(seed);
const people = 40;

/** Kills a `sync` in a process group of its own after so many of its requests to Maptician. */
async function killAfter({ world }: ScimWorld, count: number): Promise<void> {
  const before = world.mapticianRequests().length;
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), 'sync', '--json'], {
    env: { PATH: process.env.PATH, ...world.settings },
    stdio: 'ignore',
    detached: true,
  });
  const closed = once(child, 'close');
  await waitUntil(() => child.exitCode !== null || world.mapticianRequests().length >= before + count, {
    timeout: 30_000,
  });
  if (child.exitCode === null) process.kill(-(child.pid ?? Number.NaN), 'SIGKILL');
  const [status, signal] = await closed;
  expect({ status, signal }, `seed ${seed}`).toEqual({ status: null, signal: 'SIGKILL' });
}

it.each(Array.from({ length: rounds }, (_, index) => index + 1))(
  'a sync that is killed in the middle is made up for by the next one: nobody twice, nobody lost (round %i)',
  async () => {
    await using scim = await openScimWorld(people, {
      properties: everyProperty,
      // So that there is time to kill it in the middle.
      settings: { MAPTICIAN_REQUESTS_PER_SECOND: '50' },
    });
    const { world, tenant, ids, maptician, settleWithin } = scim;
    await killAfter(scim, 3 + random.integer(people - 10));
    expect(await settleWithin(1), `seed ${seed}`).toEqual([0]);
    const { made } = postsOf(world.mapticianRequests());
    expect(new Set(made).size, `seed ${seed}`).toBe(made.length);
    expect(maptician.size).toBe(people);

    for (const id of ids.slice(0, 4)) tenant.users.update(id, { accountEnabled: false });
    await settleWithin(1);
    mixedChanges(tenant, ids, 4);
    await killAfter(scim, 2 + random.integer(20));
    expect(await settleWithin(1), `seed ${seed}`).toEqual([0]);
    expect(maptician.size, `seed ${seed}`).toBe(people);
  },
  60_000,
);
