/** A world of plain people that closes itself when the test has ended. */
import { onTestFinished } from 'vitest';
import { tenantOf } from './people.ts';
import { openWorld, type WorldOptions } from './world.ts';

export async function openPeopled(people: number, options: WorldOptions = {}) {
  const { tenant, ids } = tenantOf(people);
  const world = await openWorld({ ...options, sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  onTestFinished(() => world.close());
  return { world, tenant, ids };
}
