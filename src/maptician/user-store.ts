/**
 * The user-store port: Maptician's side, spoken of in Maptician users, never in SQL or SCIM requests. Each adapter
 * passes the same contract suite (test/user-store-contract.ts).
 */

import type { SyncError } from '../errors.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';

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
  /** What the user store is believed to hold; without it, it is read first where that matters. */
  readonly before?: UserAttributes | undefined;
}

export interface DeleteRequest {
  readonly key: string;
  readonly id: string;
}

/**
 * What became of one request:
 * - `done`: the user store now holds what was asked (also when it already did); `kept` has what it holds instead, where
 *   it took the request and yet changed or dropped a value;
 * - `missing`: no user has that id any more (for a delete, that is success);
 * - `conflict`: a value that must be unique, the userName as a rule, is another account's; `holders` are the accounts
 *   that a new user was refused for, where the store could find them;
 * - `failed`: refused for this user, with the store's own reason in `error.detail`.
 */
export type StoreResult =
  | {
      readonly key: string;
      readonly outcome: 'done';
      readonly id: string;
      readonly changed: boolean;
      readonly kept?: UserAttributes;
    }
  | { readonly key: string; readonly outcome: 'missing' }
  | {
      readonly key: string;
      readonly outcome: 'conflict';
      readonly error: SyncError;
      readonly holders?: readonly StoredUser[];
    }
  | { readonly key: string; readonly outcome: 'failed'; readonly error: SyncError };

/** On whose behalf users are looked up, and how fresh the answer must be. */
export interface LookUp {
  readonly cycleId: number;
  /**
   * Not answered from the cycle's listing of all accounts: at a second try, since an account that was made by a create
   * whose answer was lost is not in it.
   */
  readonly fresh: boolean;
}

/**
 * Where looking a user up costs a request: all accounts read at once instead. The listing is kept in the state database,
 * so that every worker can use it.
 */
interface Listing {
  /** Reads all accounts for this cycle where that costs fewer requests than so many look-ups; else does nothing. */
  prepare(cycleId: number, lookUps: number, progress: (done: number, total: number) => void): Promise<void>;
  /** Of those that were listed for this cycle the accounts that have one of these work e-mails; nobody without a listing. */
  byEmail(cycleId: number, emails: readonly string[]): Promise<ReadonlyMap<string, readonly StoredUser[]>>;
  /** Forgets the accounts, when the cycle has ended. */
  drop(): Promise<void>;
}

/**
 * Maptician's users. Every write is idempotent: carried out twice, the second changes nothing. A method resolves with
 * one result a request, in any order; it rejects with a SyncError only when the whole call failed (no connection,
 * refused credentials), and then nothing of it may be taken as done.
 */
export interface UserStore {
  readonly kind: 'postgres' | 'scim';
  /** How many requests of one kind it takes in one call. */
  readonly batchSize: number;
  /**
   * How it is spoken to, where that can change: whoever was refused may be taken when it has. Only to be compared.
   */
  readonly manner?: string;
  /** Creates what is missing or checks that what is there fits; called once at start. */
  prepare(): Promise<void>;
  readonly listing?: Listing;
  /**
   * The users that have one of these values of an attribute; one entry a value given, perhaps empty. Any attribute but
   * `active`. A userName is compared without case, and so is any other value where the store lets us.
   */
  match(
    attribute: AttributePath,
    values: readonly string[],
    lookUp?: LookUp,
  ): Promise<ReadonlyMap<string, readonly StoredUser[]>>;
  /** The users that have these ids; one that is gone is left out. */
  read(ids: readonly string[], lookUp?: LookUp): Promise<readonly StoredUser[]>;
  /**
   * All accounts, each once, in pages and in no order that means anything. Over SCIM they are those of the cycle's
   * listing, which is taken for it where there is none, and anew with `fresh`; `progress` is told of its pages. Rejects
   * where not everybody can be listed: who is left out would be taken for gone.
   */
  accounts(
    lookUp: LookUp,
    progress?: (done: number, total: number | undefined) => void,
  ): AsyncIterable<readonly StoredUser[]>;
  create(requests: readonly CreateRequest[], lookUp?: LookUp): Promise<StoreResult[]>;
  update(requests: readonly UpdateRequest[]): Promise<StoreResult[]>;
  delete(requests: readonly DeleteRequest[]): Promise<StoreResult[]>;
  /** For test-connection: one line about what answers there, and more, one a line, about how; rejects with a SyncError. */
  check(): Promise<string>;
  close(): Promise<void>;
}
