import { expect, it } from 'vitest';
import { remember } from '../src/remember.ts';
import { waitUntil } from './support/wait-until.ts';

/** A reading that takes so many milliseconds on a clock of the test's own, and waits until it is let go. */
function reading(milliseconds: number, isCheap?: (turn: number) => boolean) {
  const done = { begun: 0, fails: false, now: 0, waits: false, go: (): void => undefined };
  const ask = remember(
    async () => {
      const turn = ++done.begun;
      if (done.waits) await new Promise<void>((resolve) => (done.go = resolve));
      done.now += milliseconds;
      if (done.fails) throw new Error('for the test');
      return turn;
    },
    { clock: () => done.now, ...(isCheap && { isCheap }) },
  );
  return { done, ask };
}

it('what is cheap is read each time', async () => {
  const { ask } = reading(49);
  expect((await ask())?.value).toBe(1);
  expect((await ask())?.value).toBe(2);
});

it('what is dear is read once for everybody who asks, and kept for a hundred times as long', async () => {
  const { ask, done } = reading(300);
  done.waits = true;
  // Nobody waits long for it, unless they say so.
  expect(await Promise.all([ask(), ask()])).toEqual([undefined, undefined]);
  const patient = ask({ first: 60_000 });
  done.go();
  expect((await patient)?.value).toBe(1);
  done.now = 300 + 29_999;
  expect((await ask())?.value).toBe(1);
  expect(done.begun).toBe(1);
  // Until there is another, the last one does.
  done.now++;
  expect((await ask({ first: 60_000 }))?.value).toBe(1);
  expect(done.begun).toBe(2);
  done.go();
  await waitUntil(async () => (await ask())?.value === 2, { message: 'the second reading' });
});

it('what is said to be cheap is read each time, and waited for, however long it took', async () => {
  const { ask } = reading(300, () => true);
  expect((await ask({ first: 60_000 }))?.value).toBe(1);
  expect((await ask({ first: 60_000 }))?.value).toBe(2);
});

it('what can be read no more is not said any more', async () => {
  const { ask, done } = reading(0);
  await ask();
  done.fails = true;
  expect(await ask()).toBeUndefined();
  done.fails = false;
  expect((await ask())?.value).toBe(3);
});
