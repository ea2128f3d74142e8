/** Where things stand: what `status` prints. */
import { type Cycle, isCycleRunning, readCycles } from './cycles.ts';
import type { Queryable } from './database.ts';
import { type HeldSet, readHeldSets } from './held-sets.ts';
import { type Job, readJob } from './job.ts';
import { countUsers, type UserCounts } from './user-counts.ts';

/** How things stand, in a word. */
export const standingStates = [
  'never run',
  'running',
  'paused',
  'disabled',
  'quarantined',
  'interrupted',
  'stopped',
  'held',
  'failing',
  'healthy',
] as const;

export interface Standing {
  readonly state: (typeof standingStates)[number];
  readonly job: Job;
  readonly lastCycle: Cycle | undefined;
  /** How far a running cycle is. */
  readonly progress: Progress | undefined;
  /** When a cycle last came to its end, users who failed in it or not. */
  readonly lastFinished: Date | null;
  /** What was done since the first cycle. */
  readonly toDate: ToDate;
  readonly users: {
    readonly mirrored: number;
    readonly inScope: number;
    readonly linked: number;
    readonly active: number;
  };
  readonly failed: number;
  /** Some of those who failed, next try first. */
  readonly failing: readonly Failing[];
  readonly openOperations: number;
  /** Accounts whose removal an operator rejected, and that stay. */
  readonly rejected: number;
  readonly held: readonly HeldSet[];
}

interface Progress {
  readonly phase: string;
  /** Pages' rows, users or operations, as the phase has it. */
  readonly done: number | null;
  /** Null while a list is still being read. */
  readonly total: number | null;
  readonly at: Date | null;
}

interface ToDate {
  readonly cycles: number;
  readonly created: number;
  readonly updated: number;
  readonly deactivated: number;
  readonly reactivated: number;
  readonly deleted: number;
}

export interface Failing {
  readonly id: string;
  readonly userName: string | null;
  readonly code: string;
  readonly httpStatus: number | null;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  /** Null: not tried again by itself any more. */
  readonly nextRetryAt: Date | null;
}

const namedFailing = 10;

/** @param counted how many there are, where that is known; else they are counted */
export async function readStanding(db: Queryable, counted?: UserCounts): Promise<Standing> {
  const { users, rejected, escrow, operations } = counted ?? (await countUsers(db));
  const open = operations.filter(({ state }) => state === 'open' || state === 'staged');
  return {
    ...(await readStandingInShort(db)),
    toDate: await readToDate(db),
    users: { mirrored: users.mirrored, inScope: users.in_scope, linked: users.linked, active: users.active },
    failed: escrow.reduce((sum, { users: some }) => sum + some, 0),
    failing: await readFailing(db),
    openOperations: open.reduce((sum, { operations: some }) => sum + some, 0),
    rejected,
    held: await readHeldSets(db),
  };
}

/** The same word, the job, and its cycles: without counting, so at once however many users there are. */
export type StandingInShort = Pick<Standing, 'state' | 'job' | 'lastCycle' | 'progress' | 'lastFinished'>;

export async function readStandingInShort(db: Queryable): Promise<StandingInShort> {
  const [lastCycle] = await readCycles(db, 1);
  const cycle = wasTurnedAway(lastCycle) ? await readLastAtWork(db) : lastCycle;
  const { rows } = await db.query<{ failed: boolean; held: boolean; finished: Date | null }>(
    `select exists (select from escrow) as failed,
       exists (select from operations where state = 'held' and set_id is not null) as held,
       (select ended_at from cycles where state in ('succeeded', 'partial') and kind <> 'on_demand'
        order by id desc limit 1) as finished`,
  );
  const { failed = false, held = false, finished = null } = rows[0] ?? {};
  const job = await readJob(db);
  const running = await isCycleRunning(db);
  return {
    state: stateOf({ job, cycle, running, failed, held }),
    job,
    lastCycle,
    progress: running ? await readProgress(db) : undefined,
    lastFinished: finished,
  };
}

/** It was not let in at all: provisioning was paused, or the plan was not the right one any more. */
function wasTurnedAway(cycle: Cycle | undefined): boolean {
  return (
    cycle?.stopCode === 'PlanOutdated' || (cycle?.stopCode === 'Paused' && cycle.phase === 'ended' && isIdle(cycle))
  );
}

function isIdle({ counts }: Cycle): boolean {
  const { created = 0, updated = 0, deactivated = 0, reactivated = 0, deleted = 0 } = counts ?? {};
  return created + updated + deactivated + reactivated + deleted === 0;
}

async function readLastAtWork(db: Queryable): Promise<Cycle | undefined> {
  const cycles = await readCycles(db, 20);
  return cycles.find((cycle) => !wasTurnedAway(cycle));
}

async function readFailing(db: Queryable): Promise<Failing[]> {
  const { rows } = await db.query<Failing>(
    `select e.entra_id as id, coalesce(u.user_name, l.user_name) as "userName", e.code, e.http_status as "httpStatus",
       e.attempts, e.first_failed_at as "firstFailedAt", e.next_retry_at as "nextRetryAt"
     from escrow e left join users u on u.id = e.entra_id left join links l on l.entra_id = e.entra_id
     order by e.next_retry_at nulls last, e.entra_id limit $1`,
    [namedFailing],
  );
  return rows;
}

async function readProgress(db: Queryable): Promise<Progress | undefined> {
  const { rows } = await db.query<Progress>(
    `select phase, progress_done as done, progress_total as total, progress_at as at from cycles
     where state = 'running' and kind <> 'on_demand' order by id desc limit 1`,
  );
  return rows[0];
}

async function readToDate(db: Queryable): Promise<ToDate> {
  const sum = (name: string) => `coalesce(sum((counts->>'${name}')::bigint), 0)::bigint as ${name}`;
  const { rows } = await db.query<ToDate>(
    `select count(*) filter (where kind <> 'on_demand') as cycles, ${['created', 'updated', 'deactivated', 'reactivated', 'deleted'].map(sum).join(', ')}
     from cycles where counts is not null`,
  );
  return rows[0] ?? { cycles: 0, created: 0, updated: 0, deactivated: 0, reactivated: 0, deleted: 0 };
}

function stateOf(facts: {
  readonly job: Job;
  /** The last that did anything, or should have. */
  readonly cycle: Cycle | undefined;
  readonly running: boolean;
  readonly failed: boolean;
  readonly held: boolean;
}): Standing['state'] {
  const { job, cycle, running, failed, held } = facts;
  if (running) return 'running';
  if (job.pausedAt !== null) return 'paused';
  if (job.quarantine !== null) return job.quarantine.disabledAt === null ? 'quarantined' : 'disabled';
  if (cycle === undefined) return 'never run';
  // The next cycle goes on from there.
  if (cycle.state === 'running' || cycle.state === 'interrupted') return 'interrupted';
  if (cycle.state === 'failed') return 'stopped';
  if (held) return 'held';
  return failed || cycle.state === 'partial' ? 'failing' : 'healthy';
}
