/** One cycle on schedule. Every replica's tick adds this job under the same id, so one of them runs it. */
import { type CycleContext, runCycle as run } from '../src/cycle/run-cycle.ts';
import { toSyncError } from '../src/errors.ts';

export async function runCycle(context: CycleContext, signal: AbortSignal): Promise<void> {
  try {
    const result = await run(context, { trigger: 'schedule', resync: false, wait: false, signal });
    if (result === undefined) context.log.info('a cycle is running already; this tick is passed over');
  } catch (thrown) {
    const { code } = toSyncError(thrown);
    context.log.error({ code }, 'the cycle could not be run or recorded');
    // The queue keeps a job's error: it says the class and no more.
    throw new Error(code);
  }
}
