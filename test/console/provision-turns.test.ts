/** Many who have somebody provisioned at the same moment: no more than the state database has connections for. */
import { expect, it } from 'vitest';
import { openTurns } from '../../src/console/provision-turns.ts';
import { openConsoleWorld } from './console-world.ts';

it('provisions a few at a time beside a cycle, lets a few wait, and has the others come again', async () => {
  const { world, tenant, ids, console } = await openConsoleWorld(20);
  await world.sync();
  for (const id of ids) tenant.users.update(id, { jobTitle: 'Surveyor' });
  world.sandbox.faults.inject({ path: '/v1.0/$batch', fault: { kind: 'stall', milliseconds: 250 }, times: 1000 });
  world.sandbox.faults.inject({ path: '/v1.0/users/*', fault: { kind: 'stall', milliseconds: 250 }, times: 1000 });
  const asked = Array.from({ length: 32 }, (_, place) => ids[place % ids.length] ?? '');
  const many = Promise.all(
    asked.map(async (id) => {
      const answer = await console.fetch(`/api/users/${id}/provision`, {
        method: 'POST',
        body: JSON.stringify({ dryRun: false }),
        headers: { 'Content-Type': 'application/json' },
      });
      return { status: answer.status, comeAgain: answer.headers.get('Retry-After'), text: await answer.text() };
    }),
  );
  const cycle = world.sync();
  const answers = await many;
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.filter(({ status }) => status === 200).length).toBe(answers.length - refused.length);
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThanOrEqual(8);
  expect(refused[0]).toMatchObject({ comeAgain: '10', text: expect.stringContaining('Try again in 10 seconds') });
  expect(await cycle).toMatchObject({ exit: 0 });
  const { rows } = await world.pool.query('select quarantine_reason from maptician_sync.job');
  expect(rows).toEqual([{ quarantine_reason: null }]);
});

it('gives a place to whoever waits longest, and none to whoever has gone', async () => {
  const turns = openTurns({ running: 1, waiting: 2, refusal: 'Come later.', comeAgainAfter: 7 });
  const stay = new AbortController();
  const goes = new AbortController();
  const done: string[] = [];
  const first = Promise.withResolvers<void>();
  const waits: string[] = [];
  const take = (name: string, signal: AbortSignal, work = Promise.resolve()) =>
    turns.take(() => work.then(() => void done.push(name)), { signal, onWait: () => waits.push(name) });
  const one = take('one', stay.signal, first.promise);
  const two = take('two', goes.signal);
  const three = take('three', stay.signal);
  expect(waits).toEqual(['two', 'three']);
  expect(() => turns.refuseWhenFull()).toThrow('Come later.');
  await expect(take('four', stay.signal)).rejects.toMatchObject({ status: 429 });
  goes.abort();
  await expect(two).rejects.toMatchObject({ code: 'Interrupted' });
  const five = take('five', stay.signal);
  first.resolve();
  await Promise.all([one, three, five]);
  expect(done).toEqual(['one', 'three', 'five']);
  await take('six', stay.signal);
  expect(waits).toEqual(['two', 'three', 'five']);
});
