/** Drift on schedule, under the same id on every replica, so that one of them looks; and, as a setting says, its repair. */

import type { CycleContext } from '../src/cycle/cycle-context.ts';
import { checkDrift as check } from '../src/cycle/drift.ts';
import { runCycle } from '../src/cycle/run-cycle.ts';
import { toSyncError } from '../src/errors.ts';
import type { DriftAction } from '../src/state/drift.ts';
import { readJob, turnOf } from '../src/state/job.ts';

export async function checkDrift(
  context: CycleContext & { readonly action: DriftAction },
  signal: AbortSignal,
): Promise<void> {
  const { action, log, pool } = context;
  try {
    // In quarantine nothing is sent but cheap probes.
    if (turnOf(await readJob(pool), new Date()) !== 'cycle') {
      log.info('provisioning is paused or in quarantine: drift is not looked for');
      return;
    }
    const { drift } = await check(context, { action, signal });
    const found = Object.values(drift).some((users) => users > 0);
    if (action === 'repair' && found) await runCycle(context, { trigger: 'drift', resync: false, wait: true, signal });
  } catch (thrown) {
    const { code } = toSyncError(thrown);
    log.error({ code }, 'drift could not be looked for');
    // The queue keeps a job's error: it says the class and no more.
    throw new Error(code);
  }
}
