/** Cycles: one complete pass from Entra to Maptician, as rows; and the lock that lets only one run at a time. */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { z } from 'zod';
import { type ErrorCode, errorCodes, SyncError } from '../errors.ts';
import { compareAgain } from './compare-again.ts';
import { type Queryable, transaction } from './database.ts';
import { type LockConnection, openLockConnection } from './lock-connection.ts';
import { inOtherHands, onDemandRuns } from './on-demand.ts';
import { resetState } from './reset-scope.ts';

/** What a cycle did, in users. `failed` counts who is in escrow when it ends, tried in this cycle or not. */
const cycleCounts = z.object({
  created: z.number(),
  updated: z.number(),
  deactivated: z.number(),
  reactivated: z.number(),
  deleted: z.number(),
  skipped: z.number(),
  failed: z.number(),
  held: z.number(),
});
export type CycleCounts = z.infer<typeof cycleCounts>;

/** `on_demand` is no pass over everyone: single users, provisioned by hand, beside whatever cycle runs. */
export type CycleKind = 'initial' | 'incremental' | 'on_demand';
export type CycleState = 'running' | 'succeeded' | 'partial' | 'failed' | 'interrupted';

export interface Cycle {
  readonly id: number;
  readonly kind: CycleKind;
  readonly trigger: string;
  readonly state: CycleState;
  readonly phase: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly counts: CycleCounts | null;
  readonly warnings: readonly string[];
  readonly stopCode: ErrorCode | null;
  readonly stopMessage: string | null;
  readonly stopDetail: string | null;
}

const cycleRow = z.object({
  id: z.number(),
  kind: z.enum(['initial', 'incremental', 'on_demand']),
  trigger: z.string(),
  state: z.enum(['running', 'succeeded', 'partial', 'failed', 'interrupted']),
  phase: z.string(),
  startedAt: z.date(),
  endedAt: z.date().nullable(),
  counts: cycleCounts.nullable(),
  warnings: z.array(z.string()),
  stopCode: z.enum(errorCodes).nullable(),
  stopMessage: z.string().nullable(),
  stopDetail: z.string().nullable(),
});

/** Spells "mapt": the key of the advisory lock that a running cycle holds. */
const cycleLock = 0x6d617074;

export type CycleLock = Pick<LockConnection, 'signal' | 'release'>;

/**
 * Takes the cycle lock. When its signal is aborted, another process may already be running a cycle.
 * With `wait` false resolves with undefined where another cycle runs.
 */
export async function lockCycle(
  url: string,
  options: { readonly wait: boolean; readonly signal?: AbortSignal | undefined },
): Promise<CycleLock | undefined> {
  const { client, signal, release } = await openLockConnection(url, 'a cycle');
  try {
    while (!(await tryLock(client))) {
      if (!options.wait) {
        await release();
        return undefined;
      }
      await sleep(lockPause, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  } catch (thrown) {
    await release();
    options.signal?.throwIfAborted();
    throw thrown;
  }
  return { signal, release };
}

const lockPause = 250;

async function tryLock(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [cycleLock]);
  return rows[0]?.got === true;
}

/** True while a cycle runs anywhere; a row that says so may have been left by a process that was killed. */
export async function isCycleRunning(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ running: boolean }>(
    `select exists (select from pg_locks where locktype = 'advisory' and classid = 0 and objid = $1::bigint::oid and granted
       and database = (select oid from pg_database where datname = current_database())) as running`,
    [cycleLock],
  );
  return rows[0]?.running === true;
}

/**
 * What an interrupted cycle left open is planned anew from the state as it is; what a worker has in hand at this moment
 * is left to it. What waits for an operator is decided again, too: it may have been undone at the source, or approved.
 */
export async function recoverOperations(db: Queryable): Promise<void> {
  // A removal that was let through once needs no second word.
  await db.query(
    `update operations set state = 'approved' where id in (
       select id from operations o where state = 'open' and kind in ('deactivate', 'delete') and not ${inOtherHands}
       for update skip locked)`,
  );
  await db.query(
    `with left_over as (
       delete from operations where id in (
         select id from operations o where state in ('open', 'staged') and not ${inOtherHands} for update skip locked)
       returning entra_id)
     insert into to_compare select entra_id from left_over on conflict do nothing`,
  );
  await compareAgain(db, `select entra_id from operations where state in ('held', 'approved')`);
}

/**
 * What another cycle left open and no worker has in hand is planned anew in this one: a killed process may keep its rows
 * locked for a moment after the cycle has begun. Resolves with how many those are, and how many are still in hand.
 */
export async function recoverLeftOver(db: Queryable, cycleId: number): Promise<{ freed: number; inHand: number }> {
  const { rows } = await db.query<{ freed: number; open: number }>(
    `with freed as (
       select id, entra_id, kind in ('deactivate', 'delete') as removal from operations o
       where state = 'open' and cycle_id <> $1 and not ${inOtherHands} for update skip locked
     ), approved as (
       update operations set state = 'approved' where id in (select id from freed where removal)
     ), dropped as (
       delete from operations where id in (select id from freed where not removal)
     ), marked as (
       insert into to_compare select entra_id from freed on conflict do nothing
     )
     select (select count(*) from freed) as freed,
       (select count(*) from operations where state = 'open' and cycle_id <> $1) as open`,
    [cycleId],
  );
  const { freed = 0, open = 0 } = rows[0] ?? {};
  return { freed, inHand: open - freed };
}

/** Begins a cycle, under the lock. Resolves with its id. */
export async function beginCycle(pool: pg.Pool, trigger: string): Promise<number> {
  return transaction(pool, async (client) => {
    const { rows: killed } = await client.query<{ id: number }>(
      `update cycles set state = 'interrupted', ended_at = now()
       where state = 'running' and not ${onDemandRuns('cycles')} returning id`,
    );
    for (const { id } of killed) {
      const counts = JSON.stringify(await countCycle(client, id));
      await client.query('update cycles set counts = $2 where id = $1', [id, counts]);
    }
    await resetState(client);
    await recoverOperations(client);
    await client.query('update to_compare set contested = 0 where contested > 0');
    const { rows } = await client.query<{ id: number }>(
      `insert into cycles (kind, trigger, log_from)
       select 'incremental', $1, coalesce(max(id), 0) from provisioning_log returning id`,
      [trigger],
    );
    return rows[0]?.id ?? 0;
  });
}

/** Writes how far a cycle is. Resolves with why it is to stop, where somebody said so. */
export async function writeProgress(
  db: Queryable,
  id: number,
  progress: { readonly phase: string; readonly done: number; readonly total: number | undefined } | undefined,
): Promise<SyncError | undefined> {
  const { rows } = await db.query<Stop>(
    `update cycles set phase = coalesce($2, phase), progress_done = $3, progress_total = $4, progress_at = now()
     where id = $1 and state = 'running' returning stop_code, stop_message, stop_detail`,
    [id, progress?.phase ?? null, progress?.done ?? null, progress?.total ?? null],
  );
  return rows[0] === undefined ? undefined : stopError(rows[0]);
}

/** Why a cycle is to stop, as its row has it. */
export interface Stop {
  readonly stop_code: ErrorCode | null;
  readonly stop_message: string | null;
  readonly stop_detail: string | null;
}

/** The same as an error; undefined where nobody said so. */
export function stopError({
  stop_code: code,
  stop_message: message,
  stop_detail: detail,
}: Stop): SyncError | undefined {
  return code === null ? undefined : new SyncError(code, message ?? code, detail === null ? {} : { detail });
}

/** Why a cycle was stopped by a job or a person; undefined where it was not. */
export async function stopOf(db: Queryable, id: number): Promise<SyncError | undefined> {
  const { rows } = await db.query<Stop>('select stop_code, stop_message, stop_detail from cycles where id = $1', [id]);
  return rows[0] === undefined ? undefined : stopError(rows[0]);
}

export async function updateCycle(
  db: Queryable,
  id: number,
  change: { readonly kind?: CycleKind; readonly phase?: string },
): Promise<void> {
  await db.query('update cycles set kind = coalesce($2, kind), phase = coalesce($3, phase) where id = $1', [
    id,
    change.kind ?? null,
    change.phase ?? null,
  ]);
}

export async function endCycle(
  db: Queryable,
  id: number,
  end: {
    readonly state: Exclude<CycleState, 'running'>;
    readonly counts: CycleCounts;
    readonly warnings: readonly string[];
    readonly error?: SyncError | undefined;
  },
): Promise<void> {
  await db.query(
    `update cycles set state = $2, counts = $3, warnings = $4, ended_at = now(), phase = 'ended',
       stop_code = coalesce($5, stop_code), stop_message = coalesce($6, stop_message), stop_detail = coalesce($7, stop_detail)
     where id = $1`,
    [
      id,
      end.state,
      JSON.stringify(end.counts),
      JSON.stringify(end.warnings),
      end.error?.code ?? null,
      end.error?.message ?? null,
      end.error?.detail ?? null,
    ],
  );
}

/** Stops the cycle that the operations belong to: its jobs leave what is open as it is, and the cycle ends. */
export async function stopCycleOf(db: Queryable, operations: readonly number[], error: SyncError): Promise<void> {
  await db.query(
    `update cycles set stop_code = $2, stop_message = $3, stop_detail = $4
     where stop_code is null and id in (select cycle_id from operations where id = any($1))`,
    [operations, error.code, error.message, error.detail ?? null],
  );
}

/** Counts what a cycle did from its log, and who is in escrow or held now. */
export async function countCycle(db: Queryable, id: number): Promise<CycleCounts> {
  const { rows } = await db.query(
    `select
       count(*) filter (where operation = 'create' and status = 'success') as created,
       count(*) filter (where operation in ('update', 'adopt') and status = 'success') as updated,
       count(*) filter (where operation = 'deactivate' and status = 'success') as deactivated,
       count(*) filter (where operation = 'reactivate' and status = 'success') as reactivated,
       count(*) filter (where operation = 'delete' and status = 'success') as deleted,
       count(*) filter (where status = 'skipped') as skipped,
       (select count(*) from escrow) as failed,
       (select count(*) from operations where state = 'held') as held
     from provisioning_log where cycle_id = $1 and id > (select log_from from cycles where id = $1)`,
    [id],
  );
  return cycleCounts.parse(rows[0]);
}

/** Whether a cycle has ever come to its end, users who failed in it or not. */
export async function hasFinished(db: Queryable): Promise<boolean> {
  const { rows } = await db.query<{ finished: boolean }>(
    `select exists (select from cycles where state in ('succeeded', 'partial') and kind <> 'on_demand') as finished`,
  );
  return rows[0]?.finished === true;
}

/**
 * The newest cycles, newest first; what was provisioned on demand is none.
 * @param before only those with a smaller id
 */
export async function readCycles(db: Queryable, limit: number, before?: number): Promise<Cycle[]> {
  const { rows } = await db.query(
    `select id, kind, trigger, state, phase, started_at as "startedAt", ended_at as "endedAt", counts, warnings,
       stop_code as "stopCode", stop_message as "stopMessage", stop_detail as "stopDetail"
     from cycles where kind <> 'on_demand'${before === undefined ? '' : ' and id < $2'} order by id desc limit $1`,
    [limit, ...(before === undefined ? [] : [before])],
  );
  return rows.map((row) => cycleRow.parse(row));
}

export async function readCycle(db: Queryable, id: number): Promise<Cycle | undefined> {
  const { rows } = await db.query(
    `select id, kind, trigger, state, phase, started_at as "startedAt", ended_at as "endedAt", counts, warnings,
       stop_code as "stopCode", stop_message as "stopMessage", stop_detail as "stopDetail"
     from cycles where id = $1`,
    [id],
  );
  return rows[0] === undefined ? undefined : cycleRow.parse(rows[0]);
}
