/**
 * One cycle: pull → plan → outbox → settle. Level-triggered: what is to be done is derived from the state as it is, so
 * a cycle that was killed anywhere is finished by the next one.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { dropUnused } from '../directory/mirror.ts';
import { type PullResult, pull } from '../directory/pull.ts';
import type { PullContext } from '../directory/pull-context.ts';
import { errorHandling, recommendedAction, SyncError, toError, toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { LogKeeper } from '../log-export/keep-log.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { ChannelName } from '../notify/kinds.ts';
import { notifyOfCycle } from '../notify/notifications.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { QuarantineReason, QuarantineThresholds } from '../plan/quarantine.ts';
import { thoseYieldedTo, wavesAtMost } from '../plan/waves.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { enqueueOperations } from '../queue/outbox.ts';
import {
  beginCycle,
  type CycleCounts,
  type CycleKind,
  type CycleState,
  countCycle,
  endCycle,
  lockCycle,
  recoverLeftOver,
  updateCycle,
} from '../state/cycles.ts';
import { driftWarnings } from '../state/drift.ts';
import { forgetPayloads, retryDue } from '../state/escrow.ts';
import { forgetFact, readFact, writeFact } from '../state/facts.ts';
import { readJob } from '../state/job.ts';
import { keptWarnings } from '../state/kept-warnings.ts';
import { carryOutPlan } from './check-plan.ts';
import { openGuard, prepareGuard, stagedKinds } from './guard-removals.ts';
import type { GuardRules } from './guard-state.ts';
import { dropListing, listAccounts } from './list-accounts.ts';
import type { SavedPlan } from './open-plan.ts';
import { type Permits, type PlanPass, planPass, type WrittenOperation } from './plan-pass.ts';
import { settleQuarantine } from './quarantine.ts';
import { giveUpWaiting, recordUnread } from './record-failures.ts';
import { settle } from './settle.ts';
import { verifyLinks } from './verify-links.ts';
import { watchCycle } from './watch-cycle.ts';
import { writeYields, type Yielding } from './yields.ts';

export interface CycleContext {
  readonly pool: pg.Pool;
  readonly databaseUrl: string;
  readonly queue: QueueBackend;
  /** Rejects where the user store cannot be used; then the cycle stops, and says so. */
  readonly openStore: () => Promise<UserStore>;
  /** Which user store it is; another one has none of the accounts that the links speak of. */
  readonly storeIdentity: string;
  readonly rules: PlanRules;
  readonly thresholds: QuarantineThresholds;
  readonly guard: GuardRules;
  readonly logKeeper: LogKeeper;
  /** The ways in which people are told; with none, nobody is. */
  readonly channels: readonly ChannelName[];
  readonly log: Log;
  /** Opens the Entra side for one cycle; rejects where it cannot be reached or is misconfigured. */
  readonly openDirectory: (cycle: DirectoryCycle) => Promise<PullContext>;
}

export interface DirectoryCycle {
  readonly signal: AbortSignal;
  readonly progress: PullContext['progress'];
  readonly warn: (message: string) => void;
}

export interface CycleOptions {
  readonly trigger: 'schedule' | 'sync' | 'resync' | 'drift';
  readonly resync: boolean;
  /** Waits for a cycle that runs elsewhere; otherwise resolves with undefined. */
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: CycleProgress) => void) | undefined;
  /** Carries out exactly this, or stops with PlanOutdated. */
  readonly plan?: SavedPlan | undefined;
}

export interface CycleProgress {
  readonly phase: string;
  readonly done: number;
  /** Unknown while a list is still being read. */
  readonly total: number | undefined;
}

export interface CycleResult {
  readonly cycleId: number;
  readonly kind: CycleKind;
  readonly state: Exclude<CycleState, 'running'>;
  readonly counts: CycleCounts;
  readonly warnings: readonly string[];
  readonly durationMs: number;
  /** Why the cycle stopped, where it did. */
  readonly error: SyncError | undefined;
  /** Why the job is in quarantine now, where this cycle found that it is to be. */
  readonly quarantine: QuarantineReason | undefined;
}

/** Milliseconds that a cycle's end waits for operations of an earlier cycle that are still in a worker's hand. */
const leftOverWithin = 10_000;
const leftOverPause = 100;

/**
 * Runs one cycle under the cycle lock. Resolves also when the cycle failed: the reason is in `error`. Undefined where
 * another cycle runs and `wait` is false.
 */
export async function runCycle(context: CycleContext, options: CycleOptions): Promise<CycleResult | undefined> {
  const started = Date.now();
  const { pool } = context;
  const lock = await lockCycle(context.databaseUrl, { wait: options.wait, signal: options.signal });
  if (lock === undefined) return undefined;
  try {
    await context.logKeeper.prepare();
    const { id: cycleId, readAnew } = await beginCycle(pool, options.trigger);
    const watch = watchCycle(pool, cycleId);
    const signal = AbortSignal.any([
      lock.signal,
      watch.signal,
      ...(options.signal === undefined ? [] : [options.signal]),
    ]);
    const progress = (update: CycleProgress) => {
      watch.progress(update);
      options.progress?.(update);
    };
    const asked = { ...options, progress, resync: options.resync || readAnew };
    const cycle = startCycle(context, asked, cycleId, signal);
    const error = await cycle.run().then(
      () => undefined,
      (thrown: unknown) => stopReason(watch.signal.aborted ? watch.signal.reason : thrown, context.log, options.signal),
    );
    await watch.end();
    const counts = await countCycle(pool, cycleId);
    cycle.warnings.push(...(await keptWarnings(pool, cycleId)), ...(await driftWarnings(pool, cycleId)));
    const quarantine = await settleQuarantine(
      pool,
      { kind: cycle.kind, error, failed: counts.failed },
      context.thresholds,
    );
    const interrupted = options.signal?.aborted === true || error?.code === 'Paused';
    const state = interrupted ? 'interrupted' : endState(error, counts, cycle);
    await endCycle(pool, cycleId, { state, counts, warnings: cycle.warnings, error });
    if (context.channels.length > 0 && (error === undefined || errorHandling(error.code).mail !== 'never')) {
      await notifyOfCycle(context, cycleId).catch((thrown: unknown) =>
        context.log.error(
          { cycle: cycleId, code: toSyncError(thrown).code },
          'the notifications of the cycle could not be sent yet',
        ),
      );
    }
    const result = { cycleId, kind: cycle.kind, state, counts, warnings: cycle.warnings, error, quarantine } as const;
    context.log.info({ cycle: cycleId, kind: cycle.kind, state, quarantine, ...counts }, 'cycle ended');
    return { ...result, durationMs: Date.now() - started };
  } finally {
    await lock.release();
    await context.logKeeper.deliver(options.signal);
  }
}

/** A cycle that left anyone behind is partial, never succeeded. */
function endState(
  error: SyncError | undefined,
  counts: CycleCounts,
  cycle: RunningCycle,
): 'failed' | 'partial' | 'succeeded' {
  if (error !== undefined) return 'failed';
  return counts.failed > 0 || counts.held > 0 || cycle.incomplete ? 'partial' : 'succeeded';
}

/** Why a cycle stopped, as a class of the table; logged here, once. */
function stopReason(thrown: unknown, log: Log, signal: AbortSignal | undefined): SyncError {
  if (signal?.aborted) return new SyncError('Interrupted', 'The cycle was interrupted; the next one goes on from here');
  const error = toSyncError(thrown);
  // What has no class may quote a value: its words are in the state database, and only its place is logged.
  const said =
    error.code === 'InternalError' ? `the cycle stopped: ${toError(error.cause ?? error).name}` : error.message;
  const place = error.code === 'InternalError' ? { stack: placeOf(toError(error.cause ?? error)) } : {};
  log[errorHandling(error.code).mail === 'never' ? 'info' : 'error'](
    { code: error.code, action: recommendedAction(error.code), ...place },
    said,
  );
  return error;
}

/** Where an error comes from, without what it says. */
function placeOf(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
}

interface RunningCycle {
  kind: CycleKind;
  /** Something could not be read or settled, without a user who failed. */
  incomplete: boolean;
  readonly warnings: string[];
  run(): Promise<void>;
}

function startCycle(context: CycleContext, options: CycleOptions, cycleId: number, signal: AbortSignal): RunningCycle {
  const { pool, queue } = context;
  const progress = options.progress ?? (() => undefined);
  const cycle: RunningCycle = {
    kind: 'incremental',
    incomplete: false,
    warnings: [],
    run: async () => {
      await refuseWhilePaused(pool);
      const store = await context.openStore();
      await retryDue(pool);
      const result = await readDirectory();
      await recordUnread(pool, cycleId, result);
      try {
        await verifyStore(store);
        await planAndApply(store, result.fingerprint);
      } finally {
        await dropListing(context);
      }
      await dropUnused(pool, result.everyone);
    },
  };

  const readDirectory = async (): Promise<PullResult & { everyone: boolean; fingerprint: string }> => {
    const directory = await context.openDirectory({
      signal,
      progress: (phase, done, total) => progress({ phase, done, total }),
      warn: (message) => {
        if (!cycle.warnings.includes(message)) cycle.warnings.push(message);
      },
    });
    const result = await pull(directory, { resync: options.resync });
    cycle.kind = result.kind;
    cycle.incomplete = result.unreadGroups > 0 || result.unconfirmed;
    await updateCycle(pool, cycleId, { kind: result.kind, phase: 'plan' });
    return { ...result, everyone: directory.mirror.everyone, fingerprint: directory.fingerprint };
  };

  const verifyStore = async (store: UserStore) => {
    const { manner = '' } = store;
    // Forgotten until it is done, so that a comparison that is killed is begun again.
    if (options.resync) await forgetFact(pool, 'user_store');
    if ((await readFact(pool, 'user_store')) !== context.storeIdentity) {
      await listAccounts(pool, store, cycleId, { signal, progress, of: 'links' });
      const found = await verifyLinks(pool, store, cycleId, (done) => {
        signal.throwIfAborted();
        progress({ phase: 'verifying', done, total: undefined });
      });
      context.log.info({ cycle: cycleId, ...found }, 'compared the links with the user store');
    }
    await writeFact(pool, 'user_store', context.storeIdentity);
    // What was refused because of the manner, and not of the values, may go through now.
    if ((await readFact(pool, 'store_manner')) === manner) return;
    await forgetPayloads(pool);
    await writeFact(pool, 'store_manner', manner);
  };

  /** Waits for what other workers still have in hand of an earlier cycle; true where there is something of it to plan. */
  const isLeftOver = async (): Promise<boolean> => {
    for (const deadline = Date.now() + leftOverWithin; ; ) {
      const { freed, inHand } = await recoverLeftOver(pool, cycleId);
      if (freed > 0) return true;
      if (inHand === 0) return false;
      if (Date.now() > deadline) {
        cycle.incomplete = true;
        return false;
      }
      await sleep(leftOverPause, undefined, { signal });
    }
  };

  const planAndApply = async (store: UserStore, fingerprint: string) => {
    await listAccounts(pool, store, cycleId, { signal, progress });
    await prepareGuard(context, cycleId);
    const { plan } = options;
    if (plan === undefined) return runWaves(store);
    const { rules, guard } = context;
    const current = { pool, rules, guard, store, cycleId, unlinked: false, fingerprint };
    const left = await carryOutPlan(plan, current, (permits) => runWaves(store, permits));
    if (left === undefined) return;
    cycle.incomplete = true;
    cycle.warnings.push(left);
  };

  const runWaves = async (store: UserStore, permits?: Permits) => {
    const { batchSize } = store;
    const enqueue = async (operations: readonly WrittenOperation[]) => {
      signal.throwIfAborted();
      await enqueueOperations(queue, operations, batchSize);
    };
    const guard = openGuard(context, cycleId);
    let left: PlanPass | undefined;
    for (let wave = 1; wave <= wavesAtMost; wave++) {
      signal.throwIfAborted();
      progress({ phase: 'planning', done: 0, total: undefined });
      const pass = await planPass(pool, context.rules, cycleId, {
        stages: stagedKinds(context.guard),
        permits,
        opened: enqueue,
      });
      left = pass;
      const { stopped } = await guard(enqueue);
      const mayWrite = context.rules.table.actions.update;
      const yields = await writeYields(pool, cycleId, mayWrite && !stopped ? valuesToYield(pass, wave) : []);
      await enqueue(yields);
      if (pass.operations === 0 && yields.length === 0 && !stopped) {
        if (await isLeftOver()) continue;
        if (pass.waiting.length > 0) await giveUpWaiting(pool, cycleId, pass);
        return;
      }
      await updateCycle(pool, cycleId, { phase: 'apply' });
      await settle({ pool, queue, batchSize, cycleId, signal, progress });
      if (stopped) return;
    }
    const { rows } = await pool.query<{ open: boolean }>(
      `select exists (select from to_compare c join users u on u.id = c.id where not (u.needs_read and u.in_scope)) as open`,
    );
    if (rows[0]?.open === true) cycle.incomplete = true;
    if (left !== undefined && left.waiting.length > 0) await giveUpWaiting(pool, cycleId, left);
  };
  return cycle;
}

/** The accounts that give a value up in this wave. */
function valuesToYield(pass: PlanPass, wave: number): Yielding[] {
  return thoseYieldedTo(pass, wave).map(({ waiting: { holder, attribute } }) => ({ holder, attribute }));
}

/** Whoever works with `sync` by hand is told, too. */
async function refuseWhilePaused(pool: pg.Pool): Promise<void> {
  const { pausedAt } = await readJob(pool);
  if (pausedAt === null) return;
  const since = `${pausedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  throw new SyncError('Paused', `Provisioning is paused since ${since}, so nothing was read or written`);
}

/** Exit status of a cycle: 0 converged, 1 finished with failures, 2 stopped, 3 quarantined, held or paused, 130 interrupted. */
export function exitStatus(result: CycleResult): 0 | 1 | 2 | 3 | 130 {
  const { error, quarantine } = result;
  if (error?.code === 'Paused') return 3;
  if (result.state === 'interrupted') return 130;
  // What cannot be reached, or may not be used, is told apart from what works and yet goes wrong.
  if (quarantine !== undefined && quarantine !== 'EncounteredQuarantineException') return 3;
  if (error !== undefined) return 2;
  if (result.counts.held > 0) return 3;
  return result.state === 'partial' ? 1 : 0;
}
