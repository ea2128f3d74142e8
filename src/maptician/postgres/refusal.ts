/** What a row's own error makes of its request. */
import type pg from 'pg';
import { SyncError } from '../../errors.ts';
import { postgresError } from '../../postgres-errors.ts';
import type { StoreResult } from '../user-store.ts';

/** What messages call this user store. */
export const subject = 'the Postgres user store';

/** A conflict where the userName is taken, else a failure with the store's own reason. */
export function refusal(key: string, thrown: pg.DatabaseError): StoreResult {
  // The part before "=" names the columns in every language; after it comes a value.
  if (thrown.code === '23505' && /^[^=]*\(lower\(user_name/.test(thrown.detail ?? '')) return nameConflict(key);
  return { key, outcome: 'failed', error: postgresError(thrown, subject) };
}

export function nameConflict(key: string): StoreResult {
  const error = new SyncError('Conflict', 'Another account in the user store has this userName.');
  return { key, outcome: 'conflict', error };
}
