/** The job as a whole: whether it is paused or in quarantine, and what the next cycle resets first. One row. */
import { z } from 'zod';
import { type ErrorCode, errorCodes } from '../errors.ts';
import { isDisabled, nextAttempt, type QuarantineReason, quarantineReasons } from '../plan/quarantine.ts';
import type { Queryable } from './database.ts';
import { retryNow } from './escrow.ts';
import { type ResetScope, resetScopes } from './reset-scope.ts';

interface Quarantine {
  readonly reason: QuarantineReason;
  /** The error behind it; null where it is the number of failures. */
  readonly code: ErrorCode | null;
  readonly message: string;
  readonly since: Date;
  /** How often in a row it was tried and could not leave it. */
  readonly count: number;
  /** When it is tried again by itself; null: not before somebody says so. */
  readonly nextAttempt: Date | null;
  /** Since when nothing is tried any more. */
  readonly disabledAt: Date | null;
}

export interface Job {
  readonly pausedAt: Date | null;
  readonly quarantine: Quarantine | null;
  /** So many failed in an initial cycle that their escrows were cleared; it waits for a person. */
  readonly escrowsPruned: boolean;
  /** What the next cycle resets first. */
  readonly restartScope: readonly ResetScope[];
}

const jobRow = z.object({
  paused_at: z.date().nullable(),
  quarantined_at: z.date().nullable(),
  quarantine_reason: z.enum(quarantineReasons).nullable(),
  quarantine_code: z.enum(errorCodes).nullable(),
  quarantine_message: z.string().nullable(),
  quarantine_count: z.number(),
  next_attempt_at: z.date().nullable(),
  disabled_at: z.date().nullable(),
  escrows_pruned: z.boolean(),
  restart_scope: z.array(z.enum(resetScopes)),
});

export async function readJob(db: Queryable): Promise<Job> {
  const { rows } = await db.query('select * from job');
  const row = jobRow.parse(rows[0]);
  return {
    pausedAt: row.paused_at,
    quarantine:
      row.quarantined_at === null || row.quarantine_reason === null
        ? null
        : {
            reason: row.quarantine_reason,
            code: row.quarantine_code,
            message: row.quarantine_message ?? '',
            since: row.quarantined_at,
            count: row.quarantine_count,
            nextAttempt: row.next_attempt_at,
            disabledAt: row.disabled_at,
          },
    escrowsPruned: row.escrows_pruned,
    restartScope: row.restart_scope,
  };
}

/** What a tick of the schedule does: a cycle, a cheap try whether one could run, or nothing. */
export function turnOf({ pausedAt, quarantine }: Job, now: Date): 'cycle' | 'probe' | 'paused' | 'quarantined' {
  if (pausedAt !== null) return 'paused';
  if (quarantine === null) return 'cycle';
  const { disabledAt, nextAttempt: due } = quarantine;
  return disabledAt === null && due !== null && due <= now ? 'probe' : 'quarantined';
}

/** Pauses the job, and stops a running cycle between two users. Resolves with false where it was paused already. */
export async function pauseJob(db: Queryable): Promise<boolean> {
  const { rowCount } = await db.query('update job set paused_at = now() where paused_at is null');
  await db.query(
    `update cycles set stop_code = 'Paused', stop_message = 'Provisioning was paused; what is left is done when it goes on'
     where state = 'running' and kind <> 'on_demand' and stop_code is null`,
  );
  return rowCount === 1;
}

/** Lets the job go on: out of pause, and out of quarantine; then whoever failed is tried again, since the cause is mended. */
export async function resumeJob(db: Queryable): Promise<void> {
  const { quarantine } = await readJob(db);
  await db.query('update job set paused_at = null');
  if (quarantine === null) return;
  await leaveQuarantine(db);
  await retryNow(db, undefined);
}

/**
 * Lets a paused job go on, and asks the next cycle for a reset beside what was asked for before; a quarantine ends at once.
 * What is held is for cycle/restart.ts.
 */
export async function requestRestart(db: Queryable, scopes: readonly ResetScope[]): Promise<void> {
  await db.query(
    `update job set paused_at = null, restart_scope = array(select distinct unnest(restart_scope || $1::text[]) order by 1)`,
    [scopes.filter((scope) => scope !== 'QuarantineState' && scope !== 'ForceDeletes')],
  );
  if (scopes.length === 0 || scopes.includes('QuarantineState')) await leaveQuarantine(db);
}

/** Puts the job into quarantine, or keeps it there: then it is tried again later than the last time. */
export async function enterQuarantine(
  db: Queryable,
  cause: {
    readonly reason: QuarantineReason;
    readonly code: ErrorCode | null;
    readonly message: string;
    /** Not tried again before somebody says so. */
    readonly waits?: boolean;
  },
): Promise<void> {
  const { quarantine } = await readJob(db);
  const now = new Date();
  const count = (quarantine?.count ?? 0) + 1;
  // What waits for a person goes on waiting, whoever tried it by hand.
  const waited = quarantine !== null && quarantine.nextAttempt === null;
  await db.query(
    `update job set quarantined_at = coalesce(quarantined_at, $1), quarantine_reason = $2, quarantine_code = $3,
       quarantine_message = $4, quarantine_count = $5, next_attempt_at = $6, escrows_pruned = escrows_pruned or $7`,
    [
      now,
      cause.reason,
      cause.code,
      cause.message,
      count,
      cause.waits === true || waited ? null : nextAttempt(count, now),
      cause.waits === true,
    ],
  );
}

/** Whoever was in quarantine for four weeks is disabled. Resolves with true where that is so since now. */
export async function disableJob(db: Queryable, now: Date): Promise<boolean> {
  const { quarantine } = await readJob(db);
  if (quarantine === null || quarantine.disabledAt !== null || !isDisabled(quarantine.since, now)) return false;
  await db.query('update job set disabled_at = $1, next_attempt_at = null where disabled_at is null', [now]);
  return true;
}

export async function leaveQuarantine(db: Queryable): Promise<void> {
  await db.query(
    `update job set quarantined_at = null, quarantine_reason = null, quarantine_code = null, quarantine_message = null,
       quarantine_count = 0, next_attempt_at = null, disabled_at = null, escrows_pruned = false
     where quarantined_at is not null`,
  );
}
