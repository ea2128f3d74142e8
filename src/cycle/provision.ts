/**
 * Provisioning on demand: single users at once, by the code of a cycle, beside whatever cycle runs
 * (https://learn.microsoft.com/entra/identity/app-provisioning/provision-on-demand). A removal is carried out without
 * the mass-removal guard: it is the explicit word of an operator about that user.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { findUser } from '../directory/find-user.ts';
import type { PullContext } from '../directory/pull-context.ts';
import { errorHandling, SyncError, toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { RunningJob } from '../queue/backend.ts';
import { countCycle, endCycle, isCycleRunning } from '../state/cycles.ts';
import type { Queryable } from '../state/database.ts';
import { readFact, writeFact } from '../state/facts.ts';
import { readJob } from '../state/job.ts';
import { beginOnDemand, dropOwn } from '../state/on-demand.ts';
import { type ActOutcome, actOnUser } from './act-on-user.ts';
import { besideCycles, readUser, writeReading } from './bring-user.ts';
import { type Planned, plannedUsers } from './planned-users.ts';
import { noCycle, previewUser } from './preview-user.ts';
import { failedStep, importStep, type ProvisioningStep, scopeStep, unreadStep } from './provision-steps.ts';
import type { DirectoryCycle } from './run-cycle.ts';
import { scopeOfUser } from './scope-of-user.ts';

export interface ProvisionContext {
  readonly pool: pg.Pool;
  readonly rules: PlanRules;
  readonly storeIdentity: string;
  readonly log: Log;
  readonly openStore: () => Promise<UserStore>;
  readonly openDirectory: (cycle: DirectoryCycle) => Promise<PullContext>;
  /** Runs a job of operations in this process, as a worker would, on this store. */
  readonly runJob: (job: RunningJob, store: UserStore) => Promise<void>;
}

export interface ProvisionOptions {
  /** Nothing is written, neither to Maptician nor to the state database. */
  readonly dryRun: boolean;
  /** Told of each step when it is done; `user` as it was asked for, undefined for the connections. */
  readonly onStep?: (step: ProvisioningStep, user: string | undefined) => void;
  readonly signal?: AbortSignal | undefined;
}

/** `planned`: a dry run found something to do; `unknown`: neither Entra nor the state database knows such a user. */
export type ProvisionOutcome = ActOutcome | 'planned' | 'unknown';

export interface ProvisionedUser {
  /** As it was asked for. */
  readonly user: string;
  readonly outcome: ProvisionOutcome;
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

interface Running {
  readonly context: ProvisionContext;
  readonly options: ProvisionOptions;
  readonly store: UserStore;
  readonly directory: PullContext;
  readonly cycleId: number | undefined;
}

/** @param users object ids or userPrincipalNames. Resolves also where it stopped; the reason is in `error`. */
export async function provisionUsers(
  context: ProvisionContext,
  users: readonly string[],
  options: ProvisionOptions,
): Promise<ProvisionResult> {
  const started = Date.now();
  const done: ProvisionedUser[] = [];
  const warnings: string[] = [];
  let cycleId: number | undefined;
  let error: SyncError | undefined;
  try {
    const connected = await connect(context, options, warnings);
    if (options.dryRun) await provisionEach({ context, options, ...connected, cycleId }, users, done);
    else {
      const cycle = await beginOnDemand(context.pool, 'provision');
      cycleId = cycle.id;
      try {
        await provisionEach({ context, options, ...connected, cycleId }, users, done);
      } catch (thrown) {
        error = toSyncError(thrown);
      } finally {
        await dropOwn(context.pool, cycle.id);
        await end(context, cycle.id, done, { warnings, error });
        await cycle.release();
      }
    }
    await dropListing(context, connected.store, cycleId ?? noCycle);
  } catch (thrown) {
    error ??= toSyncError(thrown);
  }
  return { cycleId, users: done, warnings, error, durationMs: Date.now() - started };
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
    tell({ status: 'success', description: `Microsoft Graph, and ${where}` });
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
    running.options.onStep?.(step, user);
  };
  const outcome = await takeSteps(running, user, onStep).catch((thrown: unknown): ProvisionOutcome => {
    const error = toSyncError(thrown);
    const imported = steps.some(({ step }) => step === 'import');
    onStep(imported ? failedStep(error) : unreadStep(error));
    // What is about this user alone leaves the others to be provisioned.
    if (errorHandling(error.code).stopsCycle || error.code === 'InternalError') throw error;
    return 'failed';
  });
  return { user, outcome, steps, durationMs: Date.now() - started };
}

async function takeSteps(
  { context, options, store, directory, cycleId }: Running,
  user: string,
  onStep: (step: ProvisioningStep) => void,
): Promise<ProvisionOutcome> {
  const { pool, rules } = context;
  const found = await findUser(directory, user);
  onStep(importStep(found));
  if (found === undefined) return 'unknown';
  const { id } = found;
  const reading = await readUser(directory, found);
  const readings = [reading];
  const write = () =>
    besideCycles(pool, { keep: cycleId !== undefined }, async (db) => {
      for (const one of readings) await writeReading(db, directory, one);
      return {
        scope: await scopeOfUser(db, id, directory.mirror.filters, new Date(directory.now())),
        namesakes: await namesakesOf(db, id),
        planned: cycleId === undefined ? await planOf(db, rules, id) : undefined,
      };
    });
  let written = await write();
  if (written.namesakes.length > 0) {
    // The mirror may not know yet that they have given the name up.
    for (const namesake of written.namesakes) {
      const other = await findUser(directory, namesake);
      if (other !== undefined) readings.push(await readUser(directory, other));
    }
    written = await write();
  }
  const { scope, planned } = written;
  if (scope === undefined) throw new SyncError('InternalError', 'The user is not in the mirror after it was written');
  const names = new Map(reading.access?.groups.map((group) => [group.id, group.name]));
  const unconfirmed = reading.access?.unconfirmed ?? false;
  onStep(scopeStep(scope, names, { everyone: directory.mirror.everyone, unconfirmed }));
  if (cycleId === undefined) return previewUser({ store, rules, onStep }, planned);
  return actOnUser({ pool, rules, store, runJob: context.runJob, cycleId, signal: options.signal, onStep }, id);
}

const namesakesAtMost = 5;

/** Who else has the userName, in Entra by the mirror or in Maptician by the links. */
async function namesakesOf(db: Queryable, id: string): Promise<string[]> {
  const { rows } = await db.query<{ id: string }>(
    `select other.id from users u cross join lateral (
       select id from users where lower(user_name) = lower(u.user_name)
       union select entra_id from links where lower(user_name) = lower(u.user_name)) other
     where u.id = $1 and other.id <> u.id order by 1 limit ${namesakesAtMost}`,
    [id],
  );
  return rows.map((row) => row.id);
}

async function planOf(db: Queryable, rules: PlanRules, id: string): Promise<Planned | undefined> {
  for await (const [planned] of plannedUsers(db, rules, { only: id, refused: true })) return planned;
  return undefined;
}

async function end(
  { pool, log }: ProvisionContext,
  cycleId: number,
  done: readonly ProvisionedUser[],
  { warnings, error }: { readonly warnings: readonly string[]; readonly error: SyncError | undefined },
): Promise<void> {
  const failed = done.filter(({ outcome }) => outcome === 'failed').length;
  const counts = { ...(await countCycle(pool, cycleId)), failed, held: 0 };
  const left = done.some(({ outcome }) => outcome === 'failed' || outcome === 'waiting' || outcome === 'unknown');
  const state = error !== undefined ? 'failed' : left ? 'partial' : 'succeeded';
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
