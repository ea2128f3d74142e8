/**
 * Plans one user and carries the operation out in this process, while cycles may run: what another has in hand of that
 * user is waited for.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import { backoff } from '../http.ts';
import type { AttributePath } from '../mapping/maptician-user.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { RunningJob } from '../queue/backend.ts';
import { jobNames, operationAttempts } from '../queue/outbox.ts';
import { isCycleRunning, stopOf } from '../state/cycles.ts';
import { dropLeftOver, dropOwn } from '../state/on-demand.ts';
import { type LogRecord, readLog } from '../state/provisioning-log.ts';
import { planPass, type WrittenOperation } from './plan-pass.ts';
import type { Waiting } from './planned-users.ts';
import {
  type ActStep,
  actStep,
  linkedStep,
  loggedStep,
  matchStep,
  type ProvisioningStep,
  redundant,
} from './provision-steps.ts';
import { watchedStore } from './watched-store.ts';

export interface ActContext {
  readonly pool: pg.Pool;
  readonly rules: PlanRules;
  readonly store: UserStore;
  /** Runs a job of operations as a worker would, on this store. */
  readonly runJob: (job: RunningJob, store: UserStore) => Promise<void>;
  readonly cycleId: number;
  readonly signal: AbortSignal | undefined;
  readonly onStep: (step: ProvisioningStep) => void;
}

/**
 * - `done`: something was done, here or by a cycle;
 * - `nothing`: there was nothing to do; `skipped`: nothing was done, on purpose;
 * - `waiting`: for a value that another user's account has to give up first.
 */
export type ActOutcome = 'done' | 'nothing' | 'skipped' | 'failed' | 'waiting';

/** More than a lost account, or a value that changes hands, needs. */
const wavesAtMost = 5;
const waitAtMost = 60_000;
const waitPause = 50;

/** Level-triggered as a cycle is: plans until there is nothing more to do, and tells of every entry of the log. */
export async function actOnUser(context: ActContext, id: string): Promise<ActOutcome> {
  const { pool, cycleId, onStep } = context;
  const [latest] = await readLog(pool, { user: id, limit: 1 });
  const told: LogRecord[] = [];
  const tell = async (cycle: number) => {
    const entries = await readLog(pool, { user: id, cycle, limit: 100 });
    const after = Math.max(latest?.id ?? 0, ...told.map((entry) => entry.id));
    const news = entries.filter((entry) => entry.id > after).reverse();
    told.push(...news);
    for (const entry of news) onStep(loggedStep(entry));
  };
  for (let wave = 1; wave <= wavesAtMost; wave++) {
    const other = await waitForOthers(context, id);
    if (other !== undefined) await tell(other);
    if (wave === 1 && told.length === 0) await tellLink(context, id);
    const opened: WrittenOperation[] = [];
    const pass = await planPass(pool, context.rules, cycleId, {
      stages: () => false,
      opened: async (operations) => {
        opened.push(...operations);
      },
      of: { only: id, refused: true },
    });
    for (const operation of opened) await carryOut(context, operation);
    await tell(cycleId);
    const waiting = pass.waiting[0]?.waiting;
    if (waiting !== undefined) {
      onStep(waitingStep(waiting));
      return 'waiting';
    }
    if (!(await isUnderWay(pool, id))) break;
  }
  if (told.length === 0) onStep(redundant);
  return outcomeOf(told);
}

/** What follows from the last word about the user; what Maptician keeps instead is said beside it. */
function outcomeOf(told: readonly LogRecord[]): ActOutcome {
  const last = told.findLast(({ operation }) => operation !== 'kept');
  if (last === undefined) return 'nothing';
  if (last.status === 'failure') return 'failed';
  return last.status === 'skipped' && last.operation !== 'adopt' ? 'skipped' : 'done';
}

/** There is an operation, or the user is to be compared once more. */
async function isUnderWay(pool: pg.Pool, id: string): Promise<boolean> {
  const { rows } = await pool.query<{ open: boolean }>(
    `select exists (select from to_compare where id = $1)
       or exists (select from operations where entra_id = $1 and state in ('open', 'staged')) as open`,
    [id],
  );
  return rows[0]?.open === true;
}

async function tellLink({ pool, onStep }: ActContext, id: string): Promise<void> {
  const { rows } = await pool.query<{ account: string }>(
    'select maptician_id as account from links where entra_id = $1',
    [id],
  );
  if (rows[0] !== undefined) onStep(linkedStep(rows[0].account));
}

/** What a cycle has in hand of the user is left to it. Resolves with that cycle, when it is done with the user. */
async function waitForOthers({ pool, cycleId, signal, onStep }: ActContext, id: string): Promise<number | undefined> {
  let other: number | undefined;
  for (const deadline = Date.now() + waitAtMost; ; ) {
    const { rows } = await pool.query<{ cycle: number }>(
      `select cycle_id as cycle from operations where entra_id = $1 and state in ('open', 'staged')`,
      [id],
    );
    const cycle = rows[0]?.cycle;
    if (cycle === undefined) return other;
    // Its own, which no job took: a resync is comparing the accounts. It is planned anew once that is over.
    if (cycle === cycleId) {
      await dropOwn(pool, cycleId);
      throw new SyncError('Timeout', 'A resync is comparing the accounts with Maptician: try again when it has ended');
    }
    // Left by a cycle that was killed; it is planned anew here.
    if (!(await isCycleRunning(pool)) && (await dropLeftOver(pool, id))) return other;
    if (other !== cycle) {
      const description = `cycle ${cycle} is at work on this user: waiting until it is done`;
      onStep(actStep({ status: 'warning', description, cycleId: cycle }));
    }
    other = cycle;
    if (Date.now() > deadline) {
      throw new SyncError('Timeout', `Cycle ${cycle} has not ended its work on this user within a minute; try again`);
    }
    await sleep(waitPause, undefined, signal === undefined ? {} : { signal });
  }
}

/** As the queue would have it carried out: what may pass is tried again, with growing pauses. */
async function carryOut(context: ActContext, { id, kind }: WrittenOperation): Promise<void> {
  const { pool, cycleId, onStep } = context;
  const { rows } = await pool.query<{ redacted: AttributePath[] }>('select redacted from operations where id = $1', [
    id,
  ]);
  const watched = watchedStore(context.store, rows[0]?.redacted ?? [], (tries) => {
    if (kind === 'create') onStep(matchStep(tries));
  });
  for (let attempt = 1; attempt <= operationAttempts; attempt++) {
    const job = {
      name: jobNames[kind],
      data: { operations: [id] },
      firstTry: attempt === 1,
      lastTry: attempt === operationAttempts,
    };
    try {
      await context.runJob(job, watched.store);
      break;
    } catch (thrown) {
      context.signal?.throwIfAborted();
      if (job.lastTry) throw thrown;
      await sleep(backoff(attempt, Math.random), undefined, context.signal && { signal: context.signal });
    }
  }
  watched.ended();
  await throwIfStopped(pool, cycleId);
}

/** What concerns everyone alike stopped the cycle instead of failing the user. */
async function throwIfStopped(pool: pg.Pool, cycleId: number): Promise<void> {
  const stop = await stopOf(pool, cycleId);
  if (stop !== undefined) throw stop;
}

/** Of a value that another account has to give up; the next cycle sees to both. */
export function waitingStep({ attribute, holder, yields }: Waiting): ActStep {
  const name = attribute === 'userName' ? 'userName' : 'work e-mail';
  const how = yields
    ? 'whose account the next cycle renames out of the way'
    : 'whose account gives it up when it is provisioned itself';
  return actStep({
    status: 'skipped',
    description: `waits for the ${name} that is still held by the account of ${holder.entraId}, ${how}`,
  });
}
