/** From operations to jobs: of one kind each, as many as the user store takes in one go. */
import type { OperationKind } from '../plan/decide.ts';
import type { Queryable } from '../state/database.ts';
import type { NewJob, QueueBackend } from './backend.ts';

/** The job that carries out each kind; one file in jobs/ each. */
export const jobNames = {
  create: 'create-users',
  update: 'update-users',
  reactivate: 'update-users',
  yield: 'update-users',
  deactivate: 'deactivate-users',
  delete: 'delete-users',
} as const satisfies Record<OperationKind, string>;

/** The kinds that a job of this name carries out. */
export function kindsOf(jobName: string): OperationKind[] {
  return (Object.keys(jobNames) as OperationKind[]).filter((kind) => jobNames[kind] === jobName);
}

/** Attempts of a job before what it carries goes to escrow: 0.5 to 4 seconds apart. */
export const operationAttempts = 4;

/** Enqueues operations; those of one kind share a job up to `batchSize`. `again`: they may have been tried before. */
export async function enqueueOperations(
  queue: QueueBackend,
  operations: readonly { readonly id: number; readonly kind: OperationKind }[],
  batchSize: number,
  { again = false } = {},
): Promise<void> {
  const byKind = new Map<OperationKind, number[]>();
  for (const { id, kind } of operations) {
    const ids = byKind.get(kind);
    if (ids === undefined) byKind.set(kind, [id]);
    else ids.push(id);
  }
  const jobs: NewJob[] = [];
  for (const [kind, ids] of byKind) {
    for (let start = 0; start < ids.length; start += batchSize) {
      jobs.push({
        name: jobNames[kind],
        data: { operations: ids.slice(start, start + batchSize), ...(again ? { again } : {}) },
        attempts: operationAttempts,
      });
    }
  }
  if (jobs.length > 0) await queue.add('operations', jobs);
}

/** Enqueues again what a cycle still has open: after a lost queue or a killed worker. A job too many does no harm. */
export async function enqueueOpen(
  db: Queryable,
  queue: QueueBackend,
  cycleId: number,
  batchSize: number,
): Promise<void> {
  const { rows } = await db.query<{ id: number; kind: OperationKind }>(
    `select id, kind from operations where state = 'open' and cycle_id = $1 order by id`,
    [cycleId],
  );
  await enqueueOperations(queue, rows, batchSize, { again: true });
}
