/**
 * Provisioning on demand: single users at once, by the code of a cycle, beside whatever cycle runs
 * (https://learn.microsoft.com/entra/identity/app-provisioning/provision-on-demand). A removal is carried out without
 * the mass-removal guard: it is the explicit word of an operator about that user.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import type { PullContext } from '../directory/pull-context.ts';
import { errorHandling, SyncError, toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { RunningJob } from '../queue/backend.ts';
import { countCycle, endCycle, isCycleRunning } from '../state/cycles.ts';
import { readFact, writeFact } from '../state/facts.ts';
import { readJob } from '../state/job.ts';
import { beginOnDemand, dropOwn, forgetCycle, type OnDemandCycle } from '../state/on-demand.ts';
import { failSpan } from '../telemetry/spans.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { DirectoryCycle } from './cycle-context.ts';
import { noCycle } from './preview-user.ts';
import { failedStep, type ProvisioningStep, unreadStep } from './provision-steps.ts';
import { type StepContext, type StepOutcome, takeSteps } from './take-steps.ts';

export interface ProvisionContext {
  readonly pool: pg.Pool;
  readonly databaseUrl: string;
  readonly rules: PlanRules;
  readonly storeIdentity: string;
  readonly log: Log;
  readonly openStore: () => Promise<UserStore>;
  readonly openDirectory: (cycle: DirectoryCycle) => Promise<PullContext>;
  /** Runs a job of operations in this process, as a worker would, on this store. */
  readonly runJob: (job: RunningJob, store: UserStore) => Promise<void>;
  readonly telemetry: Pick<Telemetry, 'inSpan'>;
}

export interface ProvisionOptions {
  /** Nothing is written, neither to Maptician nor to the state database. */
  readonly dryRun: boolean;
  /** Told of each step when it is done; `user` as it was asked for, undefined for the connections. */
  readonly onStep?: ((step: ProvisioningStep, user: string | undefined) => void) | undefined;
  /**
   * Waited for when a user has been found, by object id, and before anything is written of them. Where it rejects nothing
   * is. Not told of a dry run.
   */
  readonly beforeWriting?: ((id: string, cycleId: number) => Promise<void>) | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ProvisionedUser {
  /** As it was asked for. */
  readonly user: string;
  readonly outcome: StepOutcome;
  readonly steps: readonly ProvisioningStep[];
  readonly durationMs: number;
}

export interface ProvisionResult {
  /** Undefined for a dry run, and where it did not come to one. */
  readonly cycleId: number | undefined;
  readonly users: readonly ProvisionedUser[];
  readonly warnings: readonly string[];
  /** Why it stopped: no connection, or something that concerns everyone alike. */
  readonly error: SyncError | undefined;
  readonly durationMs: number;
}

type Running = StepContext & Pick<ProvisionOptions, 'onStep'>;

/**
 * @param users object ids or userPrincipalNames; rejects where one of them is blank. Resolves also where it stopped; the
 * reason is in `error`.
 */
export async function provisionUsers(
  context: ProvisionContext,
  users: readonly string[],
  options: ProvisionOptions,
): Promise<ProvisionResult> {
  refuseBlank(users);
  const { inSpan } = context.telemetry;
  return inSpan(
    'provision',
    { 'maptician_sync.users': users.length, 'maptician_sync.dry_run': options.dryRun },
    async (span) => {
      const result = await provisionNow(context, users, options);
      if (result.error !== undefined) failSpan(span, result.error.code);
      return result;
    },
  );
}

async function provisionNow(
  context: ProvisionContext,
  users: readonly string[],
  options: ProvisionOptions,
): Promise<ProvisionResult> {
  const started = Date.now();
  const done: ProvisionedUser[] = [];
  const warnings: string[] = [];
  const { signal, onStep, beforeWriting, dryRun } = options;
  let cycleId: number | undefined;
  let error: SyncError | undefined;
  try {
    const connected = { context, signal, onStep, beforeWriting, ...(await connect(context, options, warnings)) };
    try {
      if (dryRun) await provisionEach({ ...connected, cycleId }, users, done);
      else {
        const kept = await inCycle(context, { done, warnings }, async (cycle) => {
          cycleId = cycle.id;
          const signals = AbortSignal.any([cycle.signal, ...(signal === undefined ? [] : [signal])]);
          await provisionEach({ ...connected, cycleId, signal: signals }, users, done);
        });
        if (!kept) cycleId = undefined;
      }
    } finally {
      await dropListing(context, connected.store, cycleId ?? noCycle);
    }
  } catch (thrown) {
    error = signal?.aborted ? interrupted() : toSyncError(thrown);
  }
  return { cycleId, users: done, warnings, error, durationMs: Date.now() - started };
}

/** Graph would answer a blank name with the list of all users. */
function refuseBlank(users: readonly string[]): void {
  if (users.every((user) => user.trim() !== '')) return;
  throw new SyncError(
    'Misconfigured',
    'Nobody was provisioned, since one of the users is named by a blank: name each by object id or userPrincipalName',
  );
}

function interrupted(): SyncError {
  return new SyncError('Interrupted', 'Provisioning was interrupted; the next cycle goes on from here');
}

/**
 * What is done by hand is a cycle of its own, in the log and for those that run beside it. Resolves with false where nobody
 * was known by any of the names: then there is none.
 */
async function inCycle(
  { pool, databaseUrl, log }: ProvisionContext,
  { done, warnings }: Pick<EndedCycle, 'done' | 'warnings'>,
  work: (cycle: OnDemandCycle) => Promise<void>,
): Promise<boolean> {
  const cycle = await beginOnDemand(databaseUrl, 'provision');
  try {
    const error = await work(cycle).then(
      () => undefined,
      (thrown: unknown) => toSyncError(thrown),
    );
    await dropOwn(pool, cycle.id);
    // Nobody was there to be provisioned, so there was no cycle.
    if (error === undefined && done.every(({ outcome }) => outcome === 'unknown')) {
      await forgetCycle(pool, cycle.id);
      return false;
    }
    await end({ pool, log }, cycle.id, { done, warnings, error });
    if (error !== undefined) throw error;
    return true;
  } finally {
    await cycle.release();
  }
}

interface EndedCycle {
  readonly done: readonly ProvisionedUser[];
  readonly warnings: readonly string[];
  readonly error: SyncError | undefined;
}

async function connect(context: ProvisionContext, options: ProvisionOptions, warnings: string[]) {
  const tell = (step: Pick<ProvisioningStep, 'status' | 'description'>) =>
    options.onStep?.({ step: 'connect', ...step }, undefined);
  try {
    const [store, directory] = await Promise.all([
      context.openStore(),
      context.openDirectory({
        signal: options.signal ?? new AbortController().signal,
        progress: () => undefined,
        warn: (message) => warnings.push(message),
      }),
    ]);
    await requireKnownStore(context, options);
    if ((await readJob(context.pool)).pausedAt !== null) {
      warnings.push('Provisioning is paused; whoever is named by hand is provisioned all the same');
    }
    const where = store.kind === 'scim' ? 'Maptician' : 'the table of users';
    // Neither was asked for anything of a user yet, and Maptician may never be.
    tell({ status: 'success', description: `ready to ask Microsoft Graph, and ${where} where it is needed` });
    return { store, directory };
  } catch (thrown) {
    tell({ status: 'failure', description: toSyncError(thrown).message });
    throw thrown;
  }
}

const storePause = 100;

/** Links speak of the accounts of one user store; a cycle that finds another one compares them all first. */
async function requireKnownStore(
  { pool, storeIdentity }: ProvisionContext,
  { dryRun, signal }: ProvisionOptions,
): Promise<void> {
  for (;;) {
    const known = await readFact(pool, 'user_store');
    if (known === storeIdentity) return;
    if (known === undefined) {
      const { rows } = await pool.query<{ linked: boolean }>('select exists (select from links) as linked');
      if (rows[0]?.linked !== true) {
        if (!dryRun) await writeFact(pool, 'user_store', storeIdentity);
        return;
      }
    }
    // A resync forgets which one it is for as long as it compares.
    if (known !== undefined || !(await isCycleRunning(pool))) {
      throw new SyncError(
        'Misconfigured',
        'The accounts have not been compared with this user store yet: run "maptician-sync sync" first',
      );
    }
    await sleep(storePause, undefined, signal && { signal });
  }
}

/** One after the other; who waited for a name is looked at again when somebody else has been provisioned since. */
async function provisionEach(running: Running, users: readonly string[], done: ProvisionedUser[]): Promise<void> {
  for (const user of users) done.push(await provisionOne(running, user));
  for (const [place, { user, outcome }] of done.entries()) {
    const moved = done.slice(place + 1).some((later) => later.outcome === 'done');
    if (outcome === 'waiting' && moved) done[place] = await provisionOne(running, user);
  }
}

async function provisionOne(running: Running, user: string): Promise<ProvisionedUser> {
  const started = Date.now();
  const steps: ProvisioningStep[] = [];
  const onStep = (step: ProvisioningStep) => {
    steps.push(step);
    running.onStep?.(step, user);
  };
  const outcome = await takeSteps(running, user, onStep).catch((thrown: unknown): StepOutcome => {
    const error = running.signal?.aborted ? interrupted() : toSyncError(thrown);
    const imported = steps.some(({ step }) => step === 'import');
    onStep(imported ? failedStep(error) : unreadStep(error));
    // What is about this user alone leaves the others to be provisioned.
    if (errorHandling(error.code).stopsCycle || error.code === 'InternalError') throw error;
    return 'failed';
  });
  return { user, outcome, steps, durationMs: Date.now() - started };
}

async function end(
  { pool, log }: Pick<ProvisionContext, 'pool' | 'log'>,
  cycleId: number,
  { done, warnings, error }: EndedCycle,
): Promise<void> {
  const failed = done.filter(({ outcome }) => outcome === 'failed').length;
  const counts = { ...(await countCycle(pool, cycleId)), failed, held: 0 };
  const left = done.some(({ outcome }) => outcome === 'failed' || outcome === 'waiting' || outcome === 'unknown');
  const stopped = error?.code === 'Interrupted' ? 'interrupted' : 'failed';
  const state = error !== undefined ? stopped : left ? 'partial' : 'succeeded';
  await endCycle(pool, cycleId, { state, counts, warnings, error });
  log.info({ cycle: cycleId, state, users: done.length, ...counts }, 'provisioning on demand ended');
}

/** Only where accounts had to be listed for it, since a running cycle may have a listing of its own. */
async function dropListing({ pool }: ProvisionContext, store: UserStore, cycleId: number): Promise<void> {
  const { rows } = await pool.query('select from account_listing where cycle_id = $1', [cycleId]);
  if (rows.length > 0) await store.listing?.drop();
}

/** Exit status: 0 provisioned or nothing to do, 1 somebody failed or waits, 2 no connection or an unknown user. */
export function provisionStatus({ users, error }: Pick<ProvisionResult, 'users' | 'error'>): 0 | 1 | 2 {
  const outcomes = new Set(users.map(({ outcome }) => outcome));
  if (error !== undefined || outcomes.has('unknown')) return 2;
  return outcomes.has('failed') || outcomes.has('waiting') ? 1 : 0;
}
