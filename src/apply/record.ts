/** Records what became of operations: link, log entry and escrow, and the operations are gone. */
import type pg from 'pg';
import type { OperationKind } from '../plan/decide.ts';
import { settleEscrow } from '../state/escrow.ts';
import { type LogAction, type LogEntry, modifiedProperties, writeLog } from '../state/provisioning-log.ts';
import { closeOperations, dropLinks, type Operation, writeLinks } from './operations.ts';
import type { Outcome } from './outcome.ts';

const actions: Record<OperationKind, LogAction> = {
  create: 'create',
  update: 'update',
  reactivate: 'update',
  yield: 'other',
  deactivate: 'disable',
  delete: 'delete',
};

/** All of it in the caller's transaction. */
export async function record(
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
