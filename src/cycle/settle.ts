/** Waits until the operations of a cycle have ended, and puts them into the queue again where the queue lost them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { enqueueOpen } from '../queue/outbox.ts';
import { type Stop, stopError } from '../state/cycles.ts';
import type { CycleProgress } from './cycle-context.ts';

/** So long without progress, and with an empty queue, the jobs are taken to be lost. */
const lostAfter = 3_000;
/** A worker that is stuck with what it has in hand does not keep the cycle from ending for longer. */
const stuckAfter = 15 * 60_000;
const shortestPause = 20;
const longestPause = 250;

interface Standing extends Stop {
  open: number;
  /** Maptician has asked not to be called for a while. */
  blocked: boolean;
}

/** Resolves when nothing of the cycle is open. Rejects with the reason where a job stopped the cycle. */
export async function settle(context: {
  readonly pool: pg.Pool;
  readonly queue: QueueBackend;
  readonly batchSize: number;
  readonly cycleId: number;
  readonly signal: AbortSignal;
  readonly progress: (progress: CycleProgress) => void;
}): Promise<void> {
  let total = 0;
  let before = -1;
  let movedAt = Date.now();
  let enqueuedAt = movedAt;
  for (let pause = shortestPause; ; pause = Math.min(longestPause, pause * 1.5)) {
    const { rows } = await context.pool.query<Standing>(
      `select stop_code, stop_message, stop_detail,
         (select count(*) from operations where state = 'open' and cycle_id = $1) as open,
         exists (select from request_pace where blocked_until > now()) as blocked
       from cycles where id = $1`,
      [context.cycleId],
    );
    const standing = rows[0];
    if (standing === undefined) throw new SyncError('InternalError', 'The cycle is no longer in the state database');
    const stop = stopError(standing);
    if (stop !== undefined) throw stop;
    total = Math.max(total, standing.open);
    context.progress({ phase: 'applying', done: total - standing.open, total });
    if (standing.open === 0) return;
    if (standing.open !== before || standing.blocked) {
      before = standing.open;
      movedAt = Date.now();
      enqueuedAt = movedAt;
    } else if (Date.now() - movedAt > stuckAfter) {
      throw new SyncError(
        'Timeout',
        `${standing.open} operations did not end within 15 minutes; the next cycle plans them anew`,
      );
    } else if (Date.now() - enqueuedAt > lostAfter && (await context.queue.depth('operations')) === 0) {
      await enqueueOpen(context.pool, context.queue, context.cycleId, context.batchSize);
      enqueuedAt = Date.now();
    }
    await sleep(pause, undefined, { signal: context.signal });
  }
}
