/** A cycle that is asked for several times: one, on either queue. */
import { expect, inject, it } from 'vitest';
import { isCycleRunning, readCycles } from '../../src/state/cycles.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld, showConsole } from './console-world.ts';

const queues = [
  ['Postgres', {}],
  ...(inject('redisUrl') === undefined ? [] : ([['Redis', { REDIS_URL: inject('redisUrl') ?? '' }]] as const)),
] as const;

it.each(queues)(
  'runs one cycle for many clicks, and another for the next, with the queue on %s',
  async (_, settings) => {
    const { world, console } = await openConsoleWorld(1, { settings });
    const { pool } = (await world.service()).database;
    const ask = async () => {
      const answer = await console.fetch('/api/sync', { method: 'POST' });
      const { outcome } = JSON.parse(await answer.text());
      return `${answer.status} ${outcome}`;
    };
    const clicks = await Promise.all(Array.from({ length: 5 }, ask));
    expect(clicks.sort()).toEqual(['200 waiting', '200 waiting', '200 waiting', '200 waiting', '202 asked']);
    expect((await console.post('/sync')).headers.get('location')).toBe('/?done=sync-waiting');
    expect(await console.read('/?done=sync-waiting')).toContain('was asked for already and has not begun yet');

    world.sandbox.faults.inject({ path: '/v1.0/*', fault: { kind: 'stall', milliseconds: 100 }, times: 1000 });
    await showConsole(world, { work: true });
    await waitUntil(() => isCycleRunning(pool));
    expect(await ask()).toBe('200 running');
    expect((await console.post('/sync')).headers.get('location')).toBe('/?done=sync-running');
    await waitUntil(async () => !(await isCycleRunning(pool)));
    expect(await ask()).toBe('202 asked');
    await waitUntil(async () => (await readCycles(pool, 10))[0]?.id === 2);
    await waitUntil(async () => !(await isCycleRunning(pool)));
    expect((await readCycles(pool, 10)).map(({ trigger }) => trigger)).toEqual(['console', 'console']);
  },
);
