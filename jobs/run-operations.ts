/** What the four jobs that write to Maptician have in common. */
import type pg from 'pg';
import { z } from 'zod';
import { type ApplyRules, applyOperations, failOperations } from '../src/apply/apply.ts';
import type { OnTried, TriedOperation } from '../src/apply/breaker.ts';
import { errorHandling, toSyncError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import type { UserStore } from '../src/maptician/user-store.ts';
import type { NewJob, RunningJob } from '../src/queue/backend.ts';
import { kindsOf, operationAttempts } from '../src/queue/outbox.ts';
import { stopCycleOf } from '../src/state/cycles.ts';

/** What every job is handed by the composition root. */
export interface JobContext {
  readonly pool: pg.Pool;
  readonly openStore: () => Promise<UserStore>;
  readonly storeIdentity: string;
  readonly rules: ApplyRules;
  /** Puts jobs of operations into the queue. */
  readonly enqueue: (jobs: readonly NewJob[]) => Promise<void>;
  readonly onTried?: OnTried<TriedOperation>;
  readonly log: Log;
}

const payload = z.object({
  operations: z.array(z.number().int().positive()).min(1),
  again: z.literal(true).optional(),
});

/**
 * Carries out a job's operations. What may pass is tried again, alone; what cannot goes to escrow; what concerns every
 * user alike stops the cycle. The queue keeps a job's error, so it says the class and nothing of the user.
 */
export async function runOperations(context: JobContext, job: RunningJob): Promise<void> {
  const { operations, again: triedBefore = false } = payload.parse(job.data);
  const again = await tryOperations(context, { ...job, firstTry: job.firstTry && !triedBefore }, operations);
  if (again.length === 0) return;
  if (operations.length === 1) throw new Error('the operation failed for a reason that may pass');
  const jobs = again.map((id) => ({
    name: job.name,
    data: { operations: [id], again: true as const },
    attempts: operationAttempts,
  }));
  await context.enqueue(jobs);
}

async function tryOperations(context: JobContext, job: RunningJob, operations: readonly number[]): Promise<number[]> {
  try {
    const store = await context.openStore();
    return await applyOperations({ ...context, store }, operations, {
      kinds: kindsOf(job.name),
      firstTry: job.firstTry,
      lastTry: job.lastTry,
    });
  } catch (thrown) {
    const error = toSyncError(thrown);
    const { code } = error;
    // This process stops, not the cycle: another worker, or the next cycle, goes on.
    if (code === 'Interrupted') throw new Error(code);
    if (errorHandling(code).stopsCycle) {
      await stopCycleOf(context.pool, operations, error);
      return [];
    }
    // What has no class may quote a value.
    const said = code === 'InternalError' ? 'the job failed' : error.message;
    context.log.warn({ job: job.name, code, users: operations.length, lastTry: job.lastTry }, said);
    if (!job.lastTry) throw new Error(code);
    await failOperations(context, operations, kindsOf(job.name), error);
    return [];
  }
}
