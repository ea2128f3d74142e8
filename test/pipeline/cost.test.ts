import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPerson } from './people.ts';
import { openWorld, type World } from './world.ts';

/** 500 assigned users in a tenant of 20,000. */
let world: World;
beforeAll(async () => {
  world = await openWorld({ sandbox: { users: 20_000, assigned: 500 } });
});
afterAll(() => world.close());

async function countRequests(work: () => Promise<unknown>): Promise<number> {
  world.sandbox.requests.clear();
  await work();
  return world.requests();
}

describe('what a cycle costs', () => {
  it('follows the assigned at first, not the tenant', async () => {
    const requests = await countRequests(async () => expect((await world.sync()).exit).toBe(0));
    expect(requests).toBeLessThanOrEqual(40);
  });

  it('is a handful of requests when nothing changed, and nothing is written to the user store', async () => {
    const before = await world.rows();
    const requests = await countRequests(async () => expect((await world.sync()).exit).toBe(0));
    expect(requests).toBeLessThanOrEqual(10);
    // A write of the same values would show in xmin.
    expect(await world.rows()).toEqual(before);
  });

  it('is a handful of requests when people change who are not assigned', async () => {
    const assigned = new Set((await world.rows()).map((row) => row.external_id));
    const others = [...world.tenant.users.all.values()].filter(({ id }) => !assigned.has(id)).slice(0, 150);
    for (const { id } of others) world.tenant.users.update(id, { city: 'Elsewhere' });
    for (let count = 0; count < 30; count++) addPerson(world.tenant, {}, false);
    const before = await world.rows();
    const requests = await countRequests(async () => expect((await world.sync()).exit).toBe(0));
    expect(requests).toBeLessThanOrEqual(10);
    expect(await world.rows()).toEqual(before);
  });

  it('is one request more for up to twenty newly assigned', async () => {
    for (let count = 0; count < 20; count++) addPerson(world.tenant);
    const requests = await countRequests(async () => {
      expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 20 } });
    });
    expect(requests).toBeLessThanOrEqual(11);
  });
});
