/** A console over a queue in which one job has failed for good. */

import type { WorldOptions } from '../pipeline/world.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld } from './console-world.ts';

export async function openFailedJob(options: Pick<WorldOptions, 'queue' | 'settings'> = {}) {
  const opened = await openConsoleWorld(1, { ...options, work: true });
  const service = await opened.world.service();
  const queue = (await service.queue()).queue('operations');
  // A job without operations, as no version of ours puts it there.
  await queue.add('create-users', { operations: [] }, { jobId: 'broken-1', attempts: 1 });
  const job = async () => {
    const found = await queue.getJob('broken-1');
    return { state: await found?.getState(), tries: found?.attemptsStarted };
  };
  await waitUntil(async () => (await job()).state === 'failed', { message: 'the job to fail' });
  const audit = async () =>
    (await service.database.pool.query('select actor, action, subject from audit order by id')).rows;
  return { ...opened, service, job, audit };
}
