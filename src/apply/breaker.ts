/**
 * The circuit breaker: where users fail one after the other for reasons that are Maptician's and not theirs, the cycle stops
 * instead of trying all the rest.
 */
import type pg from 'pg';
import { type ErrorCode, errorHandling } from '../errors.ts';

/** So many users in a row, in one process. */
const inARow = 20;
/** While the job is in quarantine already, so few are enough to see that it still is. */
const inQuarantine = 3;

/** What became of operations of a cycle, in order: the class of the failure, or null. */
export type OnSettled = (cycleId: number, failures: readonly (ErrorCode | null)[]) => Promise<void>;

export function createBreaker(pool: pg.Pool): OnSettled {
  let failed = 0;
  return async (cycleId, failures) => {
    for (const code of failures) {
      // A refusal for the user's own sake says nothing of Maptician.
      if (code === null) failed = 0;
      else if (errorHandling(code).retryNow) failed += 1;
    }
    if (failed >= inQuarantine) await stopCycle(pool, cycleId, failed);
  };
}

async function stopCycle(pool: pg.Pool, cycleId: number, failed: number): Promise<void> {
  await pool.query(
    `update cycles set stop_code = 'TooManyFailures', stop_message = $2
     where id = $1 and kind <> 'on_demand' and state = 'running' and stop_code is null
       and ($3 >= ${inARow} or exists (select from job where quarantined_at is not null))`,
    [cycleId, `${failed} users in a row failed for a reason that is not theirs: the rest was not tried`, failed],
  );
}
