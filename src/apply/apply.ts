/**
 * Carries operations out on the user store and records link, log entry and result in one transaction. Safe to run
 * twice: the operations are locked, a create looks for the user first, and a delete of someone who is gone succeeded.
 */
import type pg from 'pg';
import { errorPolicy, SyncError } from '../errors.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import type { UserAttributes } from '../mapping/maptician-user.ts';
import type { StoredUser, StoreResult, UserStore } from '../maptician/user-store.ts';
import type { OperationKind } from '../plan/decide.ts';
import { transaction } from '../state/database.ts';
import { settleEscrow } from '../state/escrow.ts';
import { type LogAction, type LogEntry, modifiedProperties, writeLog } from '../state/provisioning-log.ts';
import {
  type AppliedLink,
  closeOperations,
  dropLinks,
  type LinkedAccount,
  linkedAccounts,
  lockOperations,
  type Operation,
  writeLinks,
} from './operations.ts';

export interface ApplyContext {
  readonly pool: pg.Pool;
  readonly store: UserStore;
  readonly flowNulls: boolean;
}

/** What became of one operation. */
type Outcome = Done | Gone | Failed;

interface Done {
  readonly kind: 'done';
  /** The operation's kind, or `adopt` where a create found an account. */
  readonly did: string;
  readonly link: AppliedLink;
  readonly before: UserAttributes;
  readonly changes: UserAttributes;
  readonly note?: string;
}

/** There is no account any more; `again` has the user compared once more. */
interface Gone {
  readonly kind: 'gone';
  readonly did: string;
  readonly note: string | null;
  readonly again: boolean;
}

interface Failed {
  readonly kind: 'failed';
  readonly error: SyncError;
}

const actions: Record<OperationKind, LogAction> = {
  create: 'create',
  update: 'update',
  reactivate: 'update',
  yield: 'other',
  deactivate: 'disable',
  delete: 'delete',
};

/**
 * Carries out operations of one kind. Resolves with the ids that are to be tried again, each as a job of one; with
 * `lastTry` there are none: what fails goes to escrow. Rejects where the whole call failed; then nothing is recorded.
 */
export async function applyOperations(
  context: ApplyContext,
  ids: readonly number[],
  options: { readonly lastTry: boolean },
): Promise<number[]> {
  return transaction(context.pool, async (client) => {
    const operations = await lockOperations(client, ids);
    if (operations.length === 0) return [];
    const outcomes = await carryOut(context, client, operations);
    const again: number[] = [];
    const settled: { operation: Operation; outcome: Outcome }[] = [];
    for (const operation of operations) {
      const outcome = outcomes.get(String(operation.id));
      if (outcome === undefined) continue;
      const mayPass = outcome.kind === 'failed' && errorPolicy(outcome.error.code) !== 'escrow';
      const crowded = outcome.kind === 'failed' && outcome.error.code === 'Conflict' && operations.length > 1;
      if ((mayPass || crowded) && !options.lastTry) again.push(operation.id);
      else settled.push({ operation, outcome });
    }
    await record(client, settled);
    return again;
  });
}

/** Records operations as failed without trying them: after the last attempt of a job whose whole call failed. */
export async function failOperations(pool: pg.Pool, ids: readonly number[], error: SyncError): Promise<void> {
  await transaction(pool, async (client) => {
    const operations = await lockOperations(client, ids);
    await record(
      client,
      operations.map((operation) => ({ operation, outcome: { kind: 'failed' as const, error } })),
    );
  });
}

async function carryOut(
  context: ApplyContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
): Promise<Map<string, Outcome>> {
  switch (operations[0]?.kind) {
    case 'create':
      return createUsers(context, client, operations);
    case 'delete':
      return deleteUsers(context, operations);
    default:
      return updateUsers(context, operations);
  }
}

async function updateUsers({ store }: ApplyContext, operations: readonly Operation[]): Promise<Map<string, Outcome>> {
  const results = await store.update(
    operations.map((operation) => ({
      key: String(operation.id),
      id: operation.mapticianId ?? '',
      changes: operation.attributes,
    })),
  );
  return outcomesOf(operations, results, (operation, id) => ({
    kind: 'done',
    did: operation.kind,
    link: { entraId: operation.entraId, mapticianId: id, applied: { ...operation.applied, ...operation.attributes } },
    before: operation.applied,
    changes: operation.attributes,
  }));
}

async function deleteUsers({ store }: ApplyContext, operations: readonly Operation[]): Promise<Map<string, Outcome>> {
  const results = await store.delete(
    operations.map((operation) => ({ key: String(operation.id), id: operation.mapticianId ?? '' })),
  );
  return outcomesOf(operations, results, () => ({ kind: 'gone', did: 'delete', note: null, again: false }));
}

function outcomesOf(
  operations: readonly Operation[],
  results: readonly StoreResult[],
  done: (operation: Operation, id: string) => Outcome,
): Map<string, Outcome> {
  const byKey = new Map(operations.map((operation) => [String(operation.id), operation]));
  const outcomes = new Map<string, Outcome>();
  for (const result of results) {
    const operation = byKey.get(result.key);
    if (operation === undefined) continue;
    if (result.outcome === 'done') outcomes.set(result.key, done(operation, result.id));
    else if (result.outcome === 'missing') outcomes.set(result.key, missing(operation));
    else outcomes.set(result.key, { kind: 'failed', error: result.error });
  }
  return outcomes;
}

/** The account was removed in Maptician by someone else: whoever is to have one gets a new one in this same cycle. */
function missing(operation: Operation): Outcome {
  const removal = operation.kind === 'deactivate' || operation.kind === 'delete' || operation.kind === 'yield';
  return {
    kind: 'gone',
    did: operation.kind === 'delete' ? 'delete' : 'unlink',
    note: 'the account was not in Maptician any more',
    again: !removal,
  };
}

/** A create looks for the user first: an account of that userName is adopted instead of being created twice. */
async function createUsers(
  context: ApplyContext,
  client: pg.PoolClient,
  operations: readonly Operation[],
): Promise<Map<string, Outcome>> {
  const nameOf = (operation: Operation) => String(operation.attributes.userName ?? '');
  const matches = await context.store.match(operations.map(nameOf));
  const byName = new Map([...matches].map(([name, users]) => [name.toLowerCase(), users]));
  const found = new Map(
    operations.map((operation) => [operation.id, byName.get(nameOf(operation).toLowerCase()) ?? []]),
  );
  const linked = await linkedAccounts(
    client,
    [...found.values()].flatMap((users) => users.map((user) => user.id)),
  );
  const outcomes = new Map<string, Outcome>();
  const fresh: Operation[] = [];
  const adopted: { operation: Operation; user: StoredUser; changes: UserAttributes; note: string }[] = [];
  for (const operation of operations) {
    const users = found.get(operation.id) ?? [];
    const [user] = users;
    if (user === undefined) {
      fresh.push(operation);
      continue;
    }
    const owner = linked.get(user.id);
    const refusal = users.length > 1 ? severalAccounts(users.length) : refuseOwner(operation, owner);
    if (refusal !== undefined) {
      outcomes.set(String(operation.id), { kind: 'failed', error: refusal });
      continue;
    }
    const changes = changedAttributes(operation.attributes, user.attributes, { flowNulls: context.flowNulls });
    const passed = owner !== undefined && owner.entraId !== operation.entraId;
    adopted.push({
      operation,
      user,
      changes,
      note: passed ? `the account of ${owner.entraId} passed to this user` : 'an existing account was adopted',
    });
  }
  await createFresh(context, fresh, outcomes);
  await adopt(context, adopted, outcomes);
  return outcomes;
}

function severalAccounts(count: number): SyncError {
  return new SyncError('DuplicateTargetEntries', `${count} Maptician accounts have this userName`);
}

function refuseOwner(operation: Operation, owner: LinkedAccount | undefined): SyncError | undefined {
  if (owner === undefined || owner.entraId === operation.entraId || !owner.entitled) return undefined;
  return new SyncError(
    'Conflict',
    `The Maptician account with this userName belongs to another Entra user, ${owner.entraId}`,
  );
}

async function createFresh(
  { store }: ApplyContext,
  operations: readonly Operation[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  if (operations.length === 0) return;
  const results = await store.create(
    operations.map((operation) => ({ key: String(operation.id), attributes: operation.attributes })),
  );
  const created = outcomesOf(operations, results, (operation, id) => ({
    kind: 'done',
    did: 'create',
    link: { entraId: operation.entraId, mapticianId: id, applied: operation.attributes },
    before: {},
    changes: operation.attributes,
  }));
  for (const [key, outcome] of created) outcomes.set(key, outcome);
}

interface Adoption {
  readonly operation: Operation;
  readonly user: StoredUser;
  readonly changes: UserAttributes;
  readonly note: string;
}

async function adopt(
  { store }: ApplyContext,
  adoptions: readonly Adoption[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  if (adoptions.length === 0) return;
  const results = await store.update(
    adoptions.map(({ operation, user, changes }) => ({ key: String(operation.id), id: user.id, changes })),
  );
  const byId = new Map(adoptions.map((adoption) => [adoption.operation.id, adoption]));
  const adopted = outcomesOf(
    adoptions.map(({ operation }) => operation),
    results,
    (operation, id) => {
      const { user, changes, note } = byId.get(operation.id) ?? { user: { attributes: {} }, changes: {}, note: '' };
      return {
        kind: 'done',
        did: 'adopt',
        link: { entraId: operation.entraId, mapticianId: id, applied: { ...user.attributes, ...changes } },
        before: user.attributes,
        changes,
        note,
      };
    },
  );
  for (const [key, outcome] of adopted) outcomes.set(key, outcome);
}

async function record(
  client: pg.PoolClient,
  settled: readonly { readonly operation: Operation; readonly outcome: Outcome }[],
): Promise<void> {
  const cycleId = settled[0]?.operation.cycleId;
  if (cycleId === undefined) return;
  const gone = settled.filter(({ outcome }) => outcome.kind === 'gone');
  await writeLinks(
    client,
    settled.flatMap(({ outcome }) => (outcome.kind === 'done' ? [outcome.link] : [])),
  );
  await dropLinks(
    client,
    gone.map(({ operation }) => operation.entraId),
    gone.flatMap(({ operation, outcome }) => (outcome.kind === 'gone' && outcome.again ? [operation.entraId] : [])),
  );
  await writeLog(
    client,
    cycleId,
    settled.map(({ operation, outcome }) => toLogEntry(operation, outcome)),
  );
  await settleEscrow(client, {
    cycleId,
    succeeded: settled.filter(({ outcome }) => outcome.kind !== 'failed').map(({ operation }) => operation.entraId),
    failures: settled.flatMap(({ operation, outcome }) =>
      outcome.kind === 'failed'
        ? [
            {
              entraId: operation.entraId,
              action: actions[operation.kind],
              code: outcome.error.code,
              reason: outcome.error.detail ?? outcome.error.message,
            },
          ]
        : [],
    ),
  });
  await closeOperations(
    client,
    settled.map(({ operation }) => operation.id),
  );
}

function toLogEntry(operation: Operation, outcome: Outcome): LogEntry {
  const entry = {
    action: actions[operation.kind],
    operation: operation.kind as string,
    status: 'success' as LogEntry['status'],
    entraId: operation.entraId,
    userName: operation.userName,
    mapticianId: operation.mapticianId,
    code: null as string | null,
    reason: operation.reason,
    modified: [] as LogEntry['modified'],
  };
  switch (outcome.kind) {
    case 'failed':
      return {
        ...entry,
        status: 'failure',
        code: outcome.error.code,
        reason: outcome.error.detail ?? outcome.error.message,
      };
    case 'gone':
      return {
        ...entry,
        operation: outcome.did,
        status: outcome.did === 'unlink' ? 'warning' : 'success',
        reason: outcome.note ?? operation.reason,
      };
    case 'done': {
      const modified = modifiedProperties(outcome.before, outcome.changes);
      const same = outcome.did === 'adopt' && modified.length === 0;
      return {
        ...entry,
        operation: outcome.did,
        action: outcome.did === 'adopt' ? 'update' : entry.action,
        status: same ? 'skipped' : 'success',
        mapticianId: outcome.link.mapticianId,
        reason: [operation.reason, outcome.note].filter(Boolean).join('; '),
        modified,
      };
    }
  }
}
