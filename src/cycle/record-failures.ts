/** Users who failed before there was an operation: in escrow, and in the log. */
import type pg from 'pg';
import type { PullResult } from '../directory/pull.ts';
import { transaction } from '../state/database.ts';
import { type Failure, settleEscrow } from '../state/escrow.ts';
import { writeLog } from '../state/provisioning-log.ts';
import type { PlanPass } from './plan-pass.ts';

/** Users who could not be read keep their state, and are in escrow until they are read. */
export async function recordUnread(pool: pg.Pool, cycleId: number, result: PullResult): Promise<void> {
  if (result.unread.length === 0) return;
  const failures = result.unread.map(({ id, code, reason }) => ({
    entraId: id,
    action: 'other' as const,
    code,
    reason,
  }));
  await recordFailures(pool, cycleId, 'read', failures);
}

async function recordFailures(
  pool: pg.Pool,
  cycleId: number,
  operation: 'read' | 'plan',
  failures: readonly Failure[],
): Promise<void> {
  await transaction(pool, async (client) => {
    await writeLog(
      client,
      cycleId,
      failures.map(({ entraId, code, reason, httpStatus }) => ({
        action: 'other',
        operation,
        status: 'failure',
        entraId,
        userName: null,
        mapticianId: null,
        code,
        reason,
        httpStatus,
      })),
    );
    await settleEscrow(client, { cycleId, failures, succeeded: [] });
  });
}

/** Whoever still waits when nothing moves any more: the holder of the name could not be renamed or is held. */
export async function giveUpWaiting(pool: pg.Pool, cycleId: number, pass: PlanPass): Promise<void> {
  const failures = pass.waiting.map(({ id, waiting: { holder, attribute } }) => ({
    entraId: id,
    action: 'other' as const,
    code: 'Conflict' as const,
    reason: `the ${attribute === 'userName' ? 'userName' : 'work e-mail'} is held by the account of ${holder.entraId}, which could not give it up in this cycle`,
    waitsFor: holder.entraId,
  }));
  await recordFailures(pool, cycleId, 'plan', failures);
}
