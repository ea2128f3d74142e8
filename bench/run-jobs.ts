/** Enqueues operations as jobs of one and times them to the last one's end. */
import type { WrittenOperation } from '../src/cycle/plan-pass.ts';
import type { QueueBackend, RunningJob } from '../src/queue/backend.ts';
import { enqueueOperations } from '../src/queue/outbox.ts';

/** As many as planning enqueues at once. */
const chunk = 1000;

/** Resolves with the milliseconds it took. A job that is tried again makes it never end, so that nothing looks fast. */
export async function runJobs(
  queue: QueueBackend,
  operations: readonly WrittenOperation[],
  work: (job: RunningJob) => Promise<void>,
  concurrency: number,
): Promise<number> {
  const began = performance.now();
  let left = operations.length;
  const done = Promise.withResolvers<void>();
  const stop = queue.work(
    'operations',
    async (job) => {
      await work(job);
      left -= 1;
      if (left === 0) done.resolve();
    },
    concurrency,
  );
  for (let start = 0; start < operations.length; start += chunk) {
    await enqueueOperations(queue, operations.slice(start, start + chunk), 1);
  }
  await done.promise;
  const milliseconds = performance.now() - began;
  await stop();
  return milliseconds;
}
