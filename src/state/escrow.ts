/**
 * Escrow: users whose provisioning failed, until a change or a retry mends it. Retry times by Microsoft's quarantine
 * page (https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status#retry-duration):
 * 6, 12 and 24 hours after the first failure, then daily, for 28 days; what may pass by itself is retried at the next cycle
 * for as long.
 */
import { type ErrorCode, errorHandling } from '../errors.ts';
import { compareAgain } from './compare-again.ts';
import type { Queryable } from './database.ts';
import type { LogAction } from './provisioning-log.ts';
import type { FailureCause } from './user-list.ts';

export interface Failure {
  readonly entraId: string;
  readonly action: LogAction;
  readonly code: ErrorCode;
  /** The other side's own words; may hold personal data. */
  readonly reason: string;
  /** The HTTP status of the refusal, where there was one. */
  readonly httpStatus?: number | undefined;
  /** The fingerprint of what was refused, where only a change can mend it: the very same is not sent before the retry. */
  readonly payload?: string | undefined;
  /** The Entra user whose account stands in the way. */
  readonly waitsFor?: string | undefined;
}

const hour = 60 * 60 * 1000;

/** After so long a user is tried again only when something changes, or when a person says so. */
const givenUpAfter = 28 * 24 * hour;

/** When a failure is tried again by itself; null: never. `attempts` counts this failure, the first is 1. */
export function nextRetry(code: ErrorCode, firstFailedAt: Date, attempts: number, now: Date): Date | null {
  if (now.getTime() - firstFailedAt.getTime() >= givenUpAfter) return null;
  // A duplicate is mended at another user, whose change would not retry this one.
  if (errorHandling(code).nextTry === 'next cycle' || code === 'DuplicateSourceEntries') return now;
  const afterFirst = [6 * hour, 12 * hour, 24 * hour][attempts - 1];
  const next = afterFirst === undefined ? now.getTime() + 24 * hour : firstFailedAt.getTime() + afterFirst;
  return new Date(Math.max(next, now.getTime()));
}

/**
 * Records failures and lifts who succeeded (or has nothing left to do) out of escrow. The log counts the attempts from here, so
 * its entries are written first.
 */
export async function settleEscrow(
  db: Queryable,
  result: { readonly cycleId: number; readonly failures: readonly Failure[]; readonly succeeded: readonly string[] },
): Promise<void> {
  if (result.succeeded.length > 0) {
    await db.query('delete from escrow where entra_id = any($1)', [result.succeeded]);
  }
  if (result.failures.length === 0) return;
  // Of the database alone, as every other moment here: by its clock a first failure is never later than the last.
  const { rows: clock } = await db.query<{ now: Date }>('select now()');
  const now = clock[0]?.now ?? new Date();
  const { rows } = await db.query<{ entra_id: string; first_failed_at: Date; attempts: number }>(
    'select entra_id, first_failed_at, attempts from escrow where entra_id = any($1)',
    [result.failures.map((failure) => failure.entraId)],
  );
  const earlier = new Map(rows.map((row) => [row.entra_id, row]));
  const records = result.failures.map((failure) => {
    const before = earlier.get(failure.entraId);
    const first = before?.first_failed_at ?? now;
    const attempts = (before?.attempts ?? 0) + 1;
    return {
      entra_id: failure.entraId,
      action: failure.action,
      code: failure.code,
      reason: failure.reason,
      attempts,
      first_failed_at: before === undefined ? null : first,
      next_retry_at: nextRetry(failure.code, first, attempts, now),
      http_status: failure.httpStatus ?? null,
      payload: failure.payload ?? null,
      waits_for: failure.waitsFor ?? null,
    };
  });
  await db.query(
    `insert into escrow as e (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, next_retry_at,
       last_cycle_id, http_status, payload, waits_for)
     select entra_id, action, code, reason, attempts, coalesce(first_failed_at, now()), now(), next_retry_at, $1, http_status, payload, waits_for
     from jsonb_to_recordset($2) as p(entra_id uuid, action text, code text, reason text, attempts integer,
       first_failed_at timestamptz, next_retry_at timestamptz, http_status integer, payload text, waits_for uuid)
     on conflict (entra_id) do update set action = excluded.action, code = excluded.code, reason = excluded.reason,
       attempts = excluded.attempts, last_failed_at = excluded.last_failed_at, next_retry_at = excluded.next_retry_at,
       last_cycle_id = excluded.last_cycle_id, http_status = excluded.http_status, payload = excluded.payload,
       waits_for = excluded.waits_for`,
    [result.cycleId, JSON.stringify(records)],
  );
}

/** Users whose retry has come are compared again, and those in whose way an account stood that has changed since. */
export async function retryDue(db: Queryable): Promise<void> {
  await db.query(
    `update escrow e set next_retry_at = now(), payload = null, waits_for = null
     where waits_for is not null
       and not exists (select from links l where l.entra_id = e.waits_for and l.updated_at <= e.last_failed_at)`,
  );
  await compareAgain(db, 'select entra_id from escrow where next_retry_at <= now()');
}

/** Whoever waits because of what was refused is tried again, whatever it was: Maptician may take it now. */
export async function forgetPayloads(db: Queryable): Promise<void> {
  await compareAgain(db, 'select entra_id from escrow where payload is not null');
  await db.query('update escrow set payload = null where payload is not null');
}

/**
 * Has users tried again by the next cycle, whatever was refused before: the one that this object id or userName is of, also
 * where an operator had rejected what was to be done; who failed for this cause; or everyone who failed. Resolves with their
 * object ids.
 */
export async function retryNow(db: Queryable, users: string | FailureCause | undefined): Promise<string[]> {
  if (users === undefined) return tryAgain(db, 'true', []);
  if (typeof users !== 'string') {
    return tryAgain(db, 'code = $1 and http_status is not distinct from $2', [users.code, users.httpStatus]);
  }
  const named = await idsOf(db, users);
  const failed = await tryAgain(db, 'entra_id = any($1)', [named]);
  const rejected = await forgetRejections(db, named);
  await compareAgain(db, 'select unnest($1::uuid[])', [rejected]);
  return [...new Set([...failed, ...rejected])];
}

async function tryAgain(db: Queryable, condition: string, values: readonly unknown[]): Promise<string[]> {
  const { rows } = await db.query<{ entra_id: string }>(
    `update escrow set next_retry_at = now(), payload = null, waits_for = null where ${condition} returning entra_id`,
    [...values],
  );
  const ids = rows.map(({ entra_id }) => entra_id);
  await compareAgain(db, 'select unnest($1::uuid[])', [ids]);
  return ids;
}

async function idsOf(db: Queryable, user: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select id from users where id::text = lower($1) or lower(user_name) = lower($1)
     union select entra_id from links where entra_id::text = lower($1) or lower(user_name) = lower($1)
     union select entra_id from escrow where entra_id::text = lower($1)`,
    [user],
  );
  return rows.map(({ id }) => id);
}

async function forgetRejections(db: Queryable, ids: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `with answered as (delete from answers where entra_id = any($1) and answer = 'rejected' returning entra_id),
       removals as (
         update users set rejected_removal = null, rejected_reason = null
         where id = any($1) and rejected_removal is not null returning id)
     select entra_id as id from answered union select id from removals`,
    [ids],
  );
  return rows.map(({ id }) => id);
}
