/**
 * The circuit breaker: where users fail one after the other for reasons that are Maptician's and not theirs, the cycle stops
 * instead of trying all the rest.
 */
import type pg from 'pg';
import { type ErrorCode, errorHandling } from '../errors.ts';
import type { OperationKind } from '../plan/decide.ts';
import type { LogStatus } from '../state/provisioning-log.ts';

/** So many users in a row, in one process. */
const inARow = 20;
/** While the job is in quarantine already, so few are enough to see that it still is. */
const inQuarantine = 3;

/** What became of one user's operation: the class of the failure, or null. */
interface Tried {
  readonly user: string;
  readonly code: ErrorCode | null;
}

/** The same with what it was, and what the provisioning log calls it. */
export interface TriedOperation extends Tried {
  readonly kind: OperationKind;
  readonly status: LogStatus;
}

/** Told of operations of a cycle, in order: those that ended, and those that are tried again within the cycle. */
export type OnTried<T extends Tried = Tried> = (
  cycleId: number,
  tried: { readonly settled: readonly T[]; readonly again: readonly T[] },
) => Promise<void>;

export function createBreaker(pool: pg.Pool): OnTried {
  let counted: number | undefined;
  // Users since the last success: one who fails each time is no outage.
  const failed = new Set<string>();
  const failing = new Set<string>();
  const begin = () => {
    failed.clear();
    failing.clear();
  };
  return async (cycleId, { settled, again }) => {
    if (cycleId !== counted) begin();
    counted = cycleId;
    for (const { user, code } of settled) {
      if (code === null) begin();
      // A refusal for the user's own sake says nothing of Maptician.
      else if (errorHandling(code).retryNow) failed.add(user);
    }
    for (const { user } of again) failing.add(user);
    const users = failed.size;
    if (users >= inARow || new Set([...failed, ...failing]).size >= inQuarantine) await stopCycle(pool, cycleId, users);
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
