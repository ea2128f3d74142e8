/** One cycle on schedule. Every replica's tick adds this job under the same id, so one of them runs it. */
import { type CycleContext, runCycle as run } from '../src/cycle/run-cycle.ts';

export async function runCycle(context: CycleContext, signal: AbortSignal): Promise<void> {
  const result = await run(context, { trigger: 'schedule', resync: false, wait: false, signal });
  if (result === undefined) context.log.info('a cycle is running already; this tick is passed over');
}
