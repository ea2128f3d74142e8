/**
 * Carries operations out on the user store and records link, log entry and result in one transaction. Safe to run
 * twice: the operations are locked, a create looks for the user first, and a delete of someone who is gone succeeded.
 */
import type pg from 'pg';
import { errorPolicy, type SyncError } from '../errors.ts';
import type { ObjectActions } from '../mapping/attribute-table.ts';
import type { AttributePath } from '../mapping/maptician-user.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { OperationKind } from '../plan/decide.ts';
import { transaction } from '../state/database.ts';
import type { OnTried, TriedOperation } from './breaker.ts';
import { createUsers } from './create.ts';
import { removeMoved } from './moved.ts';
import { deferOperations, lockOperations, type Operation } from './operations.ts';
import { type Outcome, outcomesOf, statusOf } from './outcome.ts';
import { record, type Settled } from './record.ts';

/** So often a user is planned again within a cycle because a value is another account's; then it is an error. */
const contestedAtMost = 2;

export interface ApplyContext {
  readonly pool: pg.Pool;
  readonly store: UserStore;
  /** Which user store it is. */
  readonly storeIdentity: string;
  readonly rules: ApplyRules;
  /** Told what became of operations that were tried, once it is recorded. */
  readonly onTried?: OnTried<TriedOperation>;
}

/** What of settings and attribute table a job goes by. */
export interface ApplyRules {
  /** A cleared attribute is cleared in Maptician. */
  readonly flowNulls: boolean;
  readonly actions: ObjectActions;
  /** The attributes by which existing accounts are found, the first to be tried first. */
  readonly matching: readonly AttributePath[];
}

/**
 * Carries out operations of one kind. Resolves with the ids that are to be tried again, each as a job of one; with
 * `lastTry` there are none: what fails goes to escrow. Rejects where the whole call failed; then nothing is recorded.
 */
export async function applyOperations(
  context: ApplyContext,
  ids: readonly number[],
  options: { readonly kinds: readonly OperationKind[]; readonly firstTry: boolean; readonly lastTry: boolean },
): Promise<number[]> {
  const settled: Settled[] = [];
  const again: Settled[] = [];
  await transaction(context.pool, async (client) => {
    const operations = await lockOperations(client, ids, options.kinds, context.storeIdentity);
    if (operations.length === 0) return;
    const outcomes = await carryOut(context, client, operations, options.firstTry);
    const contested: Operation[] = [];
    for (const operation of operations) {
      const outcome = outcomes.get(String(operation.id));
      if (outcome === undefined) continue;
      const mayPass = outcome.kind === 'failed' && errorPolicy(outcome.error.code) !== 'escrow';
      const crowded = outcome.kind === 'failed' && outcome.error.code === 'Conflict' && operations.length > 1;
      const isContested = outcome.kind === 'failed' && outcome.contested === true;
      if ((mayPass || crowded) && !options.lastTry) again.push({ operation, outcome });
      else if (isContested && operation.contested < contestedAtMost) contested.push(operation);
      else settled.push({ operation, outcome });
    }
    await deferOperations(client, contested);
    await record(client, settled);
  });
  await tell(context, { settled, again });
  return again.map(({ operation }) => operation.id);
}

/** What became of operations that were tried. */
interface Tried {
  readonly settled: readonly Settled[];
  readonly again: readonly Settled[];
}

async function tell({ onTried }: Pick<ApplyContext, 'onTried'>, { settled, again }: Tried): Promise<void> {
  const [first] = [...settled, ...again];
  const triedOf = ({ operation, outcome }: Settled) => ({
    user: operation.entraId,
    kind: operation.kind,
    status: statusOf(outcome),
    code: outcome.kind === 'failed' ? outcome.error.code : null,
  });
  if (first === undefined) return;
  await onTried?.(first.operation.cycleId, { settled: settled.map(triedOf), again: again.map(triedOf) });
}

/** Records operations as failed without trying them: after the last attempt of a job whose whole call failed. */
export async function failOperations(
  context: Pick<ApplyContext, 'pool' | 'storeIdentity' | 'onTried'>,
  ids: readonly number[],
  kinds: readonly OperationKind[],
  error: SyncError,
): Promise<void> {
  const settled = await transaction(context.pool, async (client) => {
    const operations = await lockOperations(client, ids, kinds, context.storeIdentity);
    const failed = operations.map((operation) => ({ operation, outcome: { kind: 'failed' as const, error } }));
    await record(client, failed);
    return failed;
  });
  await tell(context, { settled, again: [] });
}

/** One outcome an operation. Whose account has passed to somebody else has nothing left to be done. */
async function carryOut(
  context: ApplyContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
  firstTry: boolean,
): Promise<Map<string, Outcome>> {
  if (operations[0]?.kind === 'create') return createUsers(context, client, operations, firstTry);
  const linked = operations.filter(isLinked);
  const outcomes = await writeLinked(context, linked, firstTry);
  for (const [id, outcome] of await removeMoved(context, client, linked, outcomes)) outcomes.set(id, outcome);
  for (const operation of operations) {
    if (isLinked(operation)) continue;
    const note = 'the account has passed to another Entra user';
    const again = operation.kind === 'update' || operation.kind === 'reactivate';
    outcomes.set(String(operation.id), { kind: 'gone', did: 'unlink', note, again });
  }
  return outcomes;
}

type LinkedOperation = Operation & { readonly mapticianId: string };

function isLinked(operation: Operation): operation is LinkedOperation {
  return operation.mapticianId !== null;
}

async function writeLinked(
  context: ApplyContext,
  operations: readonly LinkedOperation[],
  firstTry: boolean,
): Promise<Map<string, Outcome>> {
  if (operations.length === 0) return new Map();
  return operations[0]?.kind === 'delete'
    ? deleteUsers(context, operations)
    : updateUsers(context, operations, firstTry);
}

/** Of an earlier try nobody knows how far it came, so then the store reads the user first. */
async function updateUsers(
  { store }: ApplyContext,
  operations: readonly LinkedOperation[],
  firstTry: boolean,
): Promise<Map<string, Outcome>> {
  const results = await store.update(
    operations.map((operation) => ({
      key: String(operation.id),
      id: operation.mapticianId,
      changes: operation.attributes,
      before: firstTry ? { ...operation.applied, ...operation.kept } : undefined,
    })),
  );
  return outcomesOf(operations, results, (_operation, mapticianId) => ({ kind: 'done', mapticianId }));
}

async function deleteUsers(
  { store }: ApplyContext,
  operations: readonly LinkedOperation[],
): Promise<Map<string, Outcome>> {
  const results = await store.delete(
    operations.map((operation) => ({ key: String(operation.id), id: operation.mapticianId })),
  );
  return outcomesOf(operations, results, () => ({ kind: 'gone', did: 'delete', note: null, again: false }));
}
