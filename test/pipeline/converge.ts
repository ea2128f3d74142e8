/** Runs cycles until the user store holds what the oracle says, and then one that has nothing to do. */
import { expect } from 'vitest';
import type { Oracle } from './oracle.ts';
import type { World } from './world.ts';

/** Requests of a cycle in which nothing changed, with a small tenant: app, delta, assignments, groups. */
const handfulOfRequests = 12;

/**
 * @param options.limit cycles at most
 * @param options.oneLook see OracleOptions
 */
export async function converge(
  world: World,
  oracle: Oracle,
  options: { limit: number; oneLook: boolean } = { limit: 1, oneLook: true },
): Promise<void> {
  let problems: string[] = [];
  for (let cycle = 1; cycle <= options.limit; cycle++) {
    const { exit, error } = await world.sync();
    problems = oracle.check(await world.rows(), options);
    if (exit !== 0) problems.push(`the cycle ended with exit status ${exit}: ${error?.message}`);
    if (problems.length === 0) break;
  }
  expect(problems, `after ${options.limit} cycle(s)`).toEqual([]);
  const before = await world.rows();
  oracle.accept(before);
  await expectQuietCycle(world);
  expect(await world.rows(), 'a cycle without changes writes nothing').toEqual(before);
}

/** Faults are over and pages have their usual size, so that requests can be counted; what is told twice stays. */
async function expectQuietCycle({ sandbox, sync, requests, mapticianRequests }: World): Promise<void> {
  sandbox.faults.clear();
  Object.assign(sandbox.behaviour, { userPageSize: 200, memberPageSize: 200, emptyPages: 0 });
  sandbox.requests.clear();
  expect(await sync()).toMatchObject({
    exit: 0,
    counts: { created: 0, updated: 0, deactivated: 0, reactivated: 0, deleted: 0, skipped: 0, failed: 0, held: 0 },
  });
  expect(requests()).toBeLessThanOrEqual(handfulOfRequests);
  expect(mapticianRequests()).toEqual([]);
}
