/** Two processes that work for one user store keep one pace. */
import { expect, it } from 'vitest';
import { createLog } from '../../src/log.ts';
import type { UserStore } from '../../src/maptician/user-store.ts';
import { openService } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { openScimWorld } from './scim-world.ts';

const people = 60;
const perSecond = 20;
/** Timers and sockets of a busy machine let requests bunch up a little. */
const tolerance = 3;

/** Counts the accounts that this store makes. */
function countCreates(store: UserStore): { readonly created: number } {
  const counted = { created: 0 };
  const { create } = store;
  Object.assign(store, {
    create: (...[requests, lookUp]: Parameters<typeof create>) => {
      counted.created += requests.length;
      return create(requests, lookUp);
    },
  });
  return counted;
}

it('together they never send more than the ceiling, and share the work', async () => {
  await using scim = await openScimWorld(people, { settings: { MAPTICIAN_REQUESTS_PER_SECOND: `${perSecond}` } });
  const { world, settleWithin } = scim;
  const first = countCreates(await (await world.service()).store());
  const other = await openService({
    settings: loadSettings({ env: world.settings }),
    log: createLog('error', { write: () => undefined }),
  });
  try {
    const second = countCreates(await other.store());
    await other.work({ cycles: false, signal: new AbortController().signal });
    expect(await settleWithin(1)).toEqual([0]);
    expect(first.created + second.created).toBe(people);
    expect(first.created).toBeGreaterThan(people / 10);
    expect(second.created).toBeGreaterThan(people / 10);
  } finally {
    await other.close();
  }
  const times = world.mapticianRequests().map(({ at }) => at);
  const busiest = Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + 1000).length));
  expect(busiest).toBeLessThanOrEqual(perSecond + tolerance);
  expect(busiest, 'and no less than it may').toBeGreaterThan(perSecond / 2);
});
