/** The course of a cycle: read, compare, plan and apply in waves. */

import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { dropUnused } from '../directory/mirror.ts';
import { type PullResult, pull } from '../directory/pull.ts';
import { SyncError } from '../errors.ts';
import type { UserStore } from '../maptician/user-store.ts';
import { thoseYieldedTo, wavesAtMost } from '../plan/waves.ts';
import { enqueueOperations } from '../queue/outbox.ts';
import { type CycleKind, hasFinished, recoverLeftOver, updateCycle } from '../state/cycles.ts';
import { transaction } from '../state/database.ts';
import { forgetPayloads, retryDue } from '../state/escrow.ts';
import { forgetFact, readFact, writeFact } from '../state/facts.ts';
import { readJob } from '../state/job.ts';
import { forgetLinks } from '../state/reset-scope.ts';
import { carryOutPlan } from './check-plan.ts';
import type { CycleContext, CycleOptions } from './cycle-context.ts';
import { openGuard, prepareGuard, stagedKinds } from './guard-removals.ts';
import { dropListing, listAccounts } from './list-accounts.ts';
import { type Permits, type PlanPass, planPass, type WrittenOperation } from './plan-pass.ts';
import { giveUpWaiting, recordUnread } from './record-failures.ts';
import { settle } from './settle.ts';
import { verifyLinks } from './verify-links.ts';
import { writeYields, type Yielding } from './yields.ts';

/** Milliseconds that a cycle's end waits for operations of an earlier cycle that are still in a worker's hand. */
const leftOverWithin = 10_000;
const leftOverPause = 100;

export interface RunningCycle {
  kind: CycleKind;
  /** Something could not be read or settled, without a user who failed. */
  incomplete: boolean;
  readonly warnings: string[];
  run(): Promise<void>;
}

export function startCycle(
  context: CycleContext,
  options: CycleOptions,
  cycleId: number,
  signal: AbortSignal,
): RunningCycle {
  const { pool, queue } = context;
  const inPhase = <T>(name: string, work: () => Promise<T>) => context.telemetry.inSpan(name, {}, work);
  const progress = options.progress ?? (() => undefined);
  const cycle: RunningCycle = {
    kind: 'incremental',
    incomplete: false,
    warnings: [],
    run: async () => {
      await refuseWhilePaused(pool);
      const store = await context.openStore();
      await retryDue(pool);
      const result = await inPhase('read Entra', readDirectory);
      await recordUnread(pool, cycleId, result);
      try {
        await inPhase('verify links', () => verifyStore(store));
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
    // Who has planned before the first cycle has read all of Entra already.
    cycle.kind = (await hasFinished(pool)) ? result.kind : 'initial';
    cycle.incomplete = result.unreadGroups > 0 || result.unconfirmed;
    await updateCycle(pool, cycleId, { kind: cycle.kind, phase: 'plan' });
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

  const list = (store: UserStore) =>
    inPhase('list accounts', () => listAccounts(pool, store, cycleId, { signal, progress }));

  const planAndApply = async (store: UserStore, fingerprint: string) => {
    await list(store);
    await prepareGuard(context, cycleId);
    const { plan } = options;
    if (plan === undefined) {
      await runWaves(store);
      if (!(await transaction(pool, forgetLinks))) return;
      await list(store);
      return runWaves(store);
    }
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
      const pass = await inPhase('plan', () =>
        planPass(pool, context.rules, cycleId, { stages: stagedKinds(context.guard), permits, opened: enqueue }),
      );
      left = pass;
      const { stopped } = await guard(enqueue);
      const mayWrite = context.rules.table.actions.update;
      const yields = await writeYields(pool, cycleId, mayWrite && !stopped ? valuesToYield(pass, wave) : [], permits);
      await enqueue(yields);
      if (pass.operations === 0 && yields.length === 0 && !stopped) {
        if (pass.overtaken > 0 || (await isLeftOver())) continue;
        if (pass.waiting.length > 0) await giveUpWaiting(pool, cycleId, pass);
        return;
      }
      await updateCycle(pool, cycleId, { phase: 'apply' });
      await inPhase('apply', () => settle({ pool, queue, batchSize, cycleId, signal, progress }));
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
