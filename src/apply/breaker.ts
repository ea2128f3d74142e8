/**
 * The circuit breaker: where users fail one after the other for reasons that are Maptician's and not theirs, the cycle stops
 * instead of trying all the rest.
 */
import type pg from 'pg';
import { type ErrorCode, errorHandling } from '../errors.ts';

/** So many users in a row, in one process. */
const inARow = 20;
/** While the job is in quarantine already, so few tries are enough to see that it still is. */
const inQuarantine = 3;

/** What became of operations of a cycle, in order: the class of the failure, or null. */
interface Tried {
  readonly settled: readonly (ErrorCode | null)[];
  /** Failures that are tried again within the cycle. */
  readonly again: readonly ErrorCode[];
}

export type OnTried = (cycleId: number, tried: Tried) => Promise<void>;

export function createBreaker(pool: pg.Pool): OnTried {
  let users = 0;
  let tries = 0;
  return async (cycleId, { settled, again }) => {
    for (const code of settled) {
      // A refusal for the user's own sake says nothing of Maptician.
      if (code !== null && !errorHandling(code).retryNow) continue;
      users = code === null ? 0 : users + 1;
      tries = code === null ? 0 : tries + 1;
    }
    tries += again.length;
    if (users >= inARow || tries >= inQuarantine) await stopCycle(pool, cycleId, users);
  };
}

async function stopCycle(pool: pg.Pool, cycleId: number, users: number): Promise<void> {
  const message =
    users >= inARow
      ? `${users} users in a row failed for a reason that is not theirs: the rest was not tried`
      : 'Users still fail for a reason that is not theirs: the rest was not tried';
  await pool.query(
    `update cycles set stop_code = 'TooManyFailures', stop_message = $2
     where id = $1 and kind <> 'on_demand' and state = 'running' and stop_code is null
       and ($3 >= ${inARow} or exists (select from job where quarantined_at is not null))`,
    [cycleId, message, users],
  );
}
