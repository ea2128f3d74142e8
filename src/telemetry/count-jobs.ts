/** How many jobs there are, by BullMQ's state of them. */
import { jobCounts, type QueueBackend, type QueueName, queueNames } from '../queue/backend.ts';

export type CountedJobs = readonly { readonly queue: QueueName; readonly state: string; readonly jobs: number }[];

export async function countJobs(backend: QueueBackend): Promise<CountedJobs> {
  const counts = await Promise.all(
    queueNames.map(async (name) => {
      const states = await jobCounts(backend.queue(name));
      return Object.entries(states).map(([state, jobs]) => ({ queue: name, state, jobs }));
    }),
  );
  return counts.flat();
}
