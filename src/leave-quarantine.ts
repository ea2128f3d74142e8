/** The duty that lets a job out of quarantine: when its time has come, a cycle is asked for, which first looks whether it may run. */
import type pg from 'pg';
import type { Duty } from './duties.ts';
import type { Log } from './log.ts';
import type { QueueBackend } from './queue/backend.ts';
import { disableJob, readJob, turnOf } from './state/job.ts';

export function leaveQuarantine(pool: pg.Pool, queue: QueueBackend, log: Log): Duty {
  return {
    name: 'quarantine',
    run: async () => {
      const now = new Date();
      if (await disableJob(pool, now))
        log.error('in quarantine for four weeks: provisioning is disabled until it is resumed');
      const job = await readJob(pool);
      if (turnOf(job, now) !== 'probe') return;
      // The same minute gives the same id on every replica, so one of them makes it; what came to nothing is made again.
      const id = `attempt-${job.quarantine?.nextAttempt?.getTime()}-${Math.floor(now.getTime() / 60_000)}`;
      await queue.add('cycles', [{ name: 'run-cycle', data: { trigger: 'schedule' }, id, attempts: 1 }]);
    },
  };
}
