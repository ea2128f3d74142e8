/**
 * One cycle, on schedule or because somebody asked for it now. Every replica's tick adds this job under the same id, so
 * one of them runs it.
 */

import { z } from 'zod';
import type { CycleContext } from '../src/cycle/cycle-context.ts';
import { probe } from '../src/cycle/probe.ts';
import { runCycle as run } from '../src/cycle/run-cycle.ts';
import { errorHandling, toSyncError } from '../src/errors.ts';
import type { RunningJob } from '../src/queue/backend.ts';
import { enterQuarantine, readJob, turnOf } from '../src/state/job.ts';

const cycleJob = z.object({ trigger: z.enum(['schedule', 'console']) });

export async function runCycle(
  context: CycleContext,
  { data }: Pick<RunningJob, 'data'>,
  signal: AbortSignal,
): Promise<void> {
  try {
    const { trigger } = cycleJob.parse(data);
    // Whoever asks for a cycle has it tried in quarantine, too; the cycle itself sees to a pause.
    if (trigger === 'schedule' && !(await mayRun(context, signal))) return;
    const result = await run(context, { trigger, resync: false, wait: false, signal });
    if (result === undefined) context.log.info('a cycle is running already; this one is passed over');
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
