/** What became of an operation, whichever kind it was of. */
import type { SyncError } from '../errors.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import type { StoreResult } from '../maptician/user-store.ts';
import type { LogStatus } from '../state/provisioning-log.ts';
import type { Operation } from './operations.ts';

export type Outcome = Done | Adopted | Gone | Skipped | Failed;

/** What was planned is what was done. */
interface Done {
  readonly kind: 'done';
  readonly mapticianId: string;
  /** What Maptician holds instead of what it was given; null where it holds nothing. */
  readonly kept?: UserAttributes;
}

/** A create found an account and took it over. */
export interface Adopted {
  readonly kind: 'adopted';
  readonly entraId: string;
  readonly mapticianId: string;
  readonly before: UserAttributes;
  readonly changes: UserAttributes;
  /** As in Done. */
  readonly kept?: UserAttributes;
  /** Of the account's attributes those that are shown nowhere. */
  readonly redacted: readonly AttributePath[];
  readonly note: string;
  /** The account belonged to another Entra user until now. */
  readonly passed: boolean;
}

/** There is no account any more; `again` has the user compared once more. */
interface Gone {
  readonly kind: 'gone';
  readonly did: string;
  readonly note: string | null;
  readonly again: boolean;
}

/** Nothing was done, on purpose. */
interface Skipped {
  readonly kind: 'skipped';
  readonly reason: string;
}

interface Failed {
  readonly kind: 'failed';
  readonly error: SyncError;
  /** A value is another account's, which may be about to give it up in this same cycle. */
  readonly contested?: boolean;
  /** The Entra user whose account stands in the way. */
  readonly waitsFor?: string;
}

/** As the provisioning log has it. */
export function statusOf(outcome: Outcome): LogStatus {
  switch (outcome.kind) {
    case 'done':
      return 'success';
    case 'failed':
      return 'failure';
    case 'skipped':
      return 'skipped';
    case 'gone':
      return outcome.did === 'unlink' ? 'warning' : 'success';
    case 'adopted':
      return Object.keys(outcome.changes).length === 0 ? 'skipped' : 'success';
  }
}

/** Outcomes by operation id, from the user store's results; what the store keeps instead goes along. */
export function outcomesOf(
  operations: readonly Operation[],
  results: readonly StoreResult[],
  done: (operation: Operation, mapticianId: string) => Outcome,
): Map<string, Outcome> {
  const byKey = new Map(operations.map((operation) => [String(operation.id), operation]));
  const outcomes = new Map<string, Outcome>();
  for (const result of results) {
    const operation = byKey.get(result.key);
    if (operation === undefined) continue;
    if (result.outcome === 'done') outcomes.set(result.key, withKept(done(operation, result.id), result.kept));
    else if (result.outcome === 'missing') outcomes.set(result.key, missing(operation));
    else {
      const contested = result.outcome === 'conflict' && operation.kind !== 'create';
      outcomes.set(result.key, { kind: 'failed', error: result.error, ...(contested ? { contested } : {}) });
    }
  }
  return outcomes;
}

function withKept(outcome: Outcome, kept: UserAttributes | undefined): Outcome {
  const written = outcome.kind === 'done' || outcome.kind === 'adopted';
  return written && kept !== undefined ? { ...outcome, kept } : outcome;
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
