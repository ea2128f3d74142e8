/** Who is told of what, and when: at the end of a cycle, and when time has passed. */

import { readCycle } from '../state/cycles.ts';
import { transaction } from '../state/database.ts';
import { causesOfCycle, causesOfTime, claimFailures } from './causes.ts';
import { enqueueDeliveries, type Notifying, waitUntilSent, writeNotification } from './outbox.ts';

/** Writes and sends what a cycle's end gives cause for. Resolves when it is sent or given up for now, or after 20 seconds. */
export async function notifyOfCycle(notifying: Notifying, cycleId: number): Promise<void> {
  const { pool, channels } = notifying;
  const cycle = await readCycle(pool, cycleId);
  if (cycle === undefined) return;
  await transaction(pool, async (client) => {
    for (const cause of await causesOfCycle(client, cycle)) {
      const id = await writeNotification(client, cause, { channels, cycleId });
      if (id !== undefined && cause.claims === true) await claimFailures(client, id, cycleId);
    }
  });
  // Whoever runs a cycle by hand looks for the mails now.
  const patient = cycle.trigger !== 'sync' && cycle.trigger !== 'resync';
  await waitUntilSent(pool, await enqueueDeliveries(notifying, { patient }));
}

/** Writes what the time gives cause for, and puts into the queue what could not be sent so far. A duty. */
export async function notifyOfTime(notifying: Notifying, now = new Date()): Promise<void> {
  const { pool, channels } = notifying;
  await transaction(pool, async (client) => {
    for (const cause of await causesOfTime(client, now)) await writeNotification(client, cause, { channels });
  });
  await enqueueDeliveries(notifying, { patient: true });
}
