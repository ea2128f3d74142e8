/** Records what became of operations: link, log entry and escrow, and the operations are gone. */
import type pg from 'pg';
import { errorPolicy, type SyncError } from '../errors.ts';
import { redact, redactText } from '../mapping/redaction.ts';
import type { OperationKind } from '../plan/decide.ts';
import { payloadHash } from '../plan/payload.ts';
import { type Failure, settleEscrow } from '../state/escrow.ts';
import { type LogAction, type LogEntry, writeLog } from '../state/provisioning-log.ts';
import { keptEntry } from './kept-values.ts';
import { closeOperations, dropLinks, type Operation, settleDone, writeLinks } from './operations.ts';
import { type Outcome, statusOf } from './outcome.ts';

const actions: Record<OperationKind, LogAction> = {
  create: 'create',
  update: 'update',
  reactivate: 'update',
  yield: 'other',
  deactivate: 'disable',
  delete: 'delete',
};

/** All of it in the caller's transaction. */
export async function record(client: pg.PoolClient, settled: readonly Settled[]): Promise<void> {
  await settleDone(
    client,
    settled.flatMap(({ operation, outcome }) =>
      outcome.kind === 'done' ? [{ operation, mapticianId: outcome.mapticianId, kept: outcome.kept ?? {} }] : [],
    ),
  );
  const cycleId = settled[0]?.operation.cycleId;
  if (cycleId === undefined) return;
  await recordOthers(
    client,
    cycleId,
    settled.filter(({ outcome }) => outcome.kind !== 'done'),
  );
  await writeLog(
    client,
    cycleId,
    settled.flatMap(({ operation, outcome }) => keptEntry(operation, outcome) ?? []),
  );
}

async function recordOthers(client: pg.PoolClient, cycleId: number, others: readonly Settled[]): Promise<void> {
  if (others.length === 0) return;
  const adopted = others.flatMap(({ outcome }) => (outcome.kind === 'adopted' ? [outcome] : []));
  const gone = others.filter(({ outcome }) => outcome.kind === 'gone');
  await writeLinks(client, adopted);
  await dropLinks(
    client,
    gone.map(({ operation }) => operation.entraId),
    gone.flatMap(({ operation, outcome }) => (outcome.kind === 'gone' && outcome.again ? [operation.entraId] : [])),
  );
  await writeLog(client, cycleId, others.map(toLogEntry));
  await settleEscrow(client, { cycleId, failures: others.flatMap(toFailure), succeeded: [] });
  await closeOperations(
    client,
    others.map(({ operation }) => operation),
    others.filter(({ outcome }) => outcome.kind !== 'failed').map(({ operation }) => operation),
  );
}

/** An operation with what became of it. */
export interface Settled {
  readonly operation: Operation;
  readonly outcome: Outcome;
}

function toFailure({ operation, outcome }: Settled): Failure[] {
  if (outcome.kind !== 'failed') return [];
  const { code, httpStatus } = outcome.error;
  const { waitsFor } = outcome;
  const { kind, plannedAccount: account, attributes } = operation;
  return [
    {
      entraId: operation.entraId,
      action: actions[kind],
      code,
      reason: reasonOf(operation, outcome.error),
      httpStatus,
      waitsFor,
      // What may pass by itself is sent again as it is.
      payload: errorPolicy(code) === 'escrow' ? payloadHash({ kind, account, attributes }) : undefined,
    },
  ];
}

/** The other side's own words, without the values that are shown nowhere. */
function reasonOf({ attributes, applied, redacted }: Operation, { detail, message }: SyncError): string {
  return redactText(redactText(detail ?? message, attributes, redacted), applied, redacted);
}

function toLogEntry({ operation, outcome }: Settled): LogEntry {
  const entry = {
    action: actions[operation.kind],
    operation: operation.kind as string,
    status: statusOf(outcome),
    entraId: operation.entraId,
    userName: operation.userName,
    mapticianId: operation.mapticianId,
    code: null as string | null,
    reason: operation.reason,
  };
  switch (outcome.kind) {
    case 'done':
      return entry;
    case 'failed': {
      const { code, httpStatus } = outcome.error;
      return { ...entry, code, reason: reasonOf(operation, outcome.error), httpStatus };
    }
    case 'skipped':
      return { ...entry, reason: outcome.reason };
    case 'gone':
      return {
        ...entry,
        operation: outcome.did,
        reason: outcome.note ?? operation.reason,
      };
    case 'adopted':
      return {
        ...entry,
        operation: 'adopt',
        action: 'update',
        mapticianId: outcome.mapticianId,
        reason: [operation.reason, outcome.note].filter(Boolean).join('; '),
        before: redact(outcome.before, operation.redacted),
        after: redact(outcome.changes, operation.redacted),
      };
  }
}
