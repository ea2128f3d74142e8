/** What the schedule puts into the queue. */
import type { QueueBackend } from './backend.ts';

export const scheduledJobs = { cycle: 'run-cycle', drift: 'check-drift' } as const;
export type ScheduledJob = (typeof scheduledJobs)[keyof typeof scheduledJobs];

/** The same minute gives the same id on every replica, so one of them runs it. */
export async function addTick(queue: QueueBackend, job: ScheduledJob, time: Date): Promise<void> {
  const minute = time.toISOString().slice(0, 16).replaceAll(':', '');
  const id = job === 'run-cycle' ? `tick-${minute}` : `${job}-${minute}`;
  // A cycle that is stopped is made up for by the next; the next check would be tomorrow's.
  const attempts = job === 'run-cycle' ? 1 : 3;
  await queue.add('cycles', [{ name: job, data: { trigger: 'schedule' }, id, attempts }]);
}
