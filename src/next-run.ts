/** When something happens next by itself. */
import { nextTick } from './schedule.ts';
import type { Standing } from './state/standing.ts';

/** On schedule; in quarantine when it is tried next; undefined where nothing is tried by itself. */
export async function nextRunOf(
  { job }: Pick<Standing, 'job'>,
  schedule: readonly string[],
): Promise<Date | undefined> {
  if (job.pausedAt !== null) return undefined;
  return job.quarantine === null ? nextTick(schedule) : (job.quarantine.nextAttempt ?? undefined);
}
