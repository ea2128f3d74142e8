import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { remember } from '../../src/telemetry/remember.ts';
import { waitUntil } from '../support/wait-until.ts';

/** A reading that takes so many milliseconds, and how often it was begun. */
function reading(milliseconds: number) {
  const done = { begun: 0, fails: false };
  const ask = remember(async () => {
    done.begun++;
    const turn = done.begun;
    await sleep(milliseconds);
    if (done.fails) throw new Error('for the test');
    return turn;
  });
  return { done, ask };
}

it('what is cheap is read each time', async () => {
  const { ask } = reading(0);
  expect((await ask())?.value).toBe(1);
  expect((await ask())?.value).toBe(2);
});

it('what is dear is read once for everybody who asks, and kept; nobody waits long for it', async () => {
  const { ask, done } = reading(300);
  expect(await Promise.all([ask(), ask()])).toEqual([undefined, undefined]);
  await waitUntil(async () => (await ask())?.value === 1, { message: 'the reading' });
  await ask();
  expect(done.begun).toBe(1);
});

it('what can be read no more is not said any more', async () => {
  const { ask, done } = reading(0);
  await ask();
  done.fails = true;
  expect(await ask()).toBeUndefined();
  done.fails = false;
  expect((await ask())?.value).toBe(3);
});
