/**
 * The user-store port: Maptician's side, spoken of in Maptician users, never in SQL or SCIM requests. Each adapter
 * passes the same contract suite (test/user-store-contract.ts).
 */

import type { SyncError } from '../errors.ts';
import type { UserAttributes } from '../mapping/maptician-user.ts';

/** A user as Maptician has it. */
export interface StoredUser {
  /** Maptician's own id; it never changes. */
  readonly id: string;
  readonly attributes: UserAttributes;
}

/** `key` is the caller's (an operation id); it comes back in the result. */
export interface CreateRequest {
  readonly key: string;
  readonly attributes: UserAttributes;
}

export interface UpdateRequest {
  readonly key: string;
  readonly id: string;
  /** Only what changed; null clears. */
  readonly changes: UserAttributes;
}

export interface DeleteRequest {
  readonly key: string;
  readonly id: string;
}

/**
 * What became of one request:
 * - `done`: the user store now holds what was asked (also when it already did);
 * - `missing`: no user has that id any more (for a delete, that is success);
 * - `conflict`: the userName is taken by another account; the caller looks again and decides;
 * - `failed`: refused for this user, with the store's own reason in `error.detail`.
 */
export type StoreResult =
  | { readonly key: string; readonly outcome: 'done'; readonly id: string; readonly changed: boolean }
  | { readonly key: string; readonly outcome: 'missing' }
  | { readonly key: string; readonly outcome: 'conflict'; readonly error: SyncError }
  | { readonly key: string; readonly outcome: 'failed'; readonly error: SyncError };

/**
 * Maptician's users. Every write is idempotent: carried out twice, the second changes nothing. A method resolves with
 * one result a request, in any order; it rejects with a SyncError only when the whole call failed (no connection,
 * refused credentials), and then nothing of it may be taken as done.
 */
export interface UserStore {
  readonly kind: 'postgres' | 'scim';
  /** How many requests of one kind it takes in one call. */
  readonly batchSize: number;
  /** Creates what is missing or checks that what is there fits; called once at start. */
  prepare(): Promise<void>;
  /** The users that have one of these userNames, compared without case; one entry a name given, perhaps empty. */
  match(userNames: readonly string[]): Promise<ReadonlyMap<string, readonly StoredUser[]>>;
  /** The users that have these ids; one that is gone is left out. */
  read(ids: readonly string[]): Promise<readonly StoredUser[]>;
  create(requests: readonly CreateRequest[]): Promise<StoreResult[]>;
  update(requests: readonly UpdateRequest[]): Promise<StoreResult[]>;
  delete(requests: readonly DeleteRequest[]): Promise<StoreResult[]>;
  /** One sentence about what answers there, for test-connection; rejects with a SyncError that says what to mend. */
  check(): Promise<string>;
  close(): Promise<void>;
}
