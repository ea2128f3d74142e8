/** One cycle on schedule. Every replica's tick adds this job under the same id, so one of them runs it. */

import type { CycleContext } from '../src/cycle/cycle-context.ts';
import { probe } from '../src/cycle/probe.ts';
import { runCycle as run } from '../src/cycle/run-cycle.ts';
import { errorHandling, toSyncError } from '../src/errors.ts';
import { enterQuarantine, readJob, turnOf } from '../src/state/job.ts';

export async function runCycle(context: CycleContext, signal: AbortSignal): Promise<void> {
  try {
    if (!(await mayRun(context, signal))) return;
    const result = await run(context, { trigger: 'schedule', resync: false, wait: false, signal });
    if (result === undefined) context.log.info('a cycle is running already; this tick is passed over');
  } catch (thrown) {
    const { code } = toSyncError(thrown);
    context.log.error({ code }, 'the cycle could not be run or recorded');
    // The queue keeps a job's error: it says the class and no more.
    throw new Error(code);
  }
}

/** Not while paused; in quarantine only when its time has come, and both sides answer. */
async function mayRun(context: CycleContext, signal: AbortSignal): Promise<boolean> {
  const turn = turnOf(await readJob(context.pool), new Date());
  if (turn === 'cycle') return true;
  if (turn !== 'probe') {
    context.log.info(`provisioning is ${turn}; this tick is passed over`);
    return false;
  }
  try {
    await probe(context, signal);
    return true;
  } catch (thrown) {
    const { code, message } = toSyncError(thrown);
    if (signal.aborted || !errorHandling(code).quarantines) throw thrown;
    context.log.warn({ code }, 'still in quarantine');
    await enterQuarantine(context.pool, { reason: 'EncounteredQuarantineException', code, message });
    return false;
  }
}
