/** BullMQ's own rate: as many jobs, of the same payload and options and at the same concurrency, that do nothing. */
import { z } from 'zod';
import { createLog } from '../../src/log.ts';
import { concurrency } from '../../src/maptician/open-user-store.ts';
import { openQueueBackend } from '../../src/queue/backend.ts';
import { answer, readInput } from '../child.ts';
import { runJobs } from '../run-jobs.ts';

const { jobs } = readInput(z.object({ jobs: z.number() }));
const queue = await openQueueBackend({
  redisUrl: process.env.REDIS_URL,
  instance: 'bench',
  databaseUrl: process.env.DATABASE_URL ?? '',
  log: createLog('warn'),
});
const operations = Array.from({ length: jobs }, (_, index) => ({ id: index + 1, kind: 'create' as const }));
const milliseconds = await runJobs(queue, operations, async () => undefined, concurrency.postgres);
await queue.close();
await answer({ jobs, milliseconds });
process.disconnect();
