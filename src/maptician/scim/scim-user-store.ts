/** The user store that is Maptician itself: its SCIM 2.0 endpoint (RFC 7643, RFC 7644), one request a user. */
import type pg from 'pg';
import { errorHandling, SyncError, toSyncError } from '../../errors.ts';
import type { AttributePath } from '../../mapping/maptician-user.ts';
import type { CreateRequest, DeleteRequest, StoreResult, UpdateRequest, UserStore } from '../user-store.ts';
import { createAccountListing, readPage, usualPageSize } from './account-listing.ts';
import { inGroups, isRefusal } from './answers.ts';
import { createLookUps } from './look-ups.ts';
import type { Dialect } from './patch.ts';
import { describeProbe, probe } from './probe.ts';
import { readProfile, writeProfile } from './profile.ts';
import type { ScimClient } from './scim-client.ts';
import { createWrites } from './writes.ts';

export interface ScimUserStoreOptions {
  readonly client: ScimClient;
  /** The Tenant URL. */
  readonly url: string;
  /** Which Tenant URL it is, as the kept profile names it. */
  readonly store: string;
  /** The state database, for the listing and the profile. */
  readonly pool: pg.Pool;
  /** Forced by a setting; otherwise as it was found out. */
  readonly dialect: Dialect | undefined;
  /** Which installation it is: the name of its test account. */
  readonly instance: string;
  /** The attributes by which accounts are looked for beside the userName. */
  readonly matching?: readonly AttributePath[];
}

/** Opens it; sends nothing yet. The pool stays the caller's. */
export async function openScimUserStore(options: ScimUserStoreOptions): Promise<UserStore> {
  const { client, pool } = options;
  const profile = await readProfile(pool, options.store);
  const dialect = options.dialect ?? profile?.dialect ?? 'compliant';
  const typedPaths = profile?.typedPaths ?? true;
  const writes = createWrites(client, {
    dialect,
    certain: options.dialect !== undefined || profile !== undefined,
    typedPaths,
    // Seen in the dialect that was found, and in no other.
    shapes: profile !== undefined && profile.dialect === dialect ? profile.shapes : [],
  });
  const pageSize = profile?.pageSize ?? usualPageSize;
  const listing = createAccountListing(pool, client, pageSize, options.matching ?? []);
  const lookUps = createLookUps(client, listing, profile);
  /** Who is gone must not be found in the listing any more. */
  const forgetGone = async (
    requests: readonly { readonly key: string; readonly id: string }[],
    results: readonly StoreResult[],
    { deleted = false } = {},
  ) => {
    const outcomes = new Map(results.map(({ key, outcome }) => [key, outcome]));
    const gone = requests.filter(({ key }) => {
      const outcome = outcomes.get(key);
      return outcome === 'missing' || (deleted && outcome === 'done');
    });
    if (gone.length > 0) await listing.forget(gone.map(({ id }) => id));
  };
  return {
    kind: 'scim',
    batchSize: 1,
    manner: JSON.stringify({ dialect, typedPaths, probedAt: profile?.probedAt ?? null }),
    listing: {
      prepare: async (cycleId, needed, progress) => {
        if (needed < 2) return;
        try {
          // A whole page and not a count of none: it shows how many the server gives.
          const { users, total } = await readPage(client, 1, pageSize);
          if (total / Math.max(users.length, 1) < needed) await listing.take(cycleId, { progress });
        } catch (thrown) {
          // A server that does not list may still find users one by one.
          if (!isRefusal(thrown)) throw thrown;
        }
      },
      byEmail: listing.byEmail,
      drop: listing.drop,
    },
    prepare: async () => undefined,
    match: lookUps.match,
    read: lookUps.read,
    accounts: async function* ({ cycleId, fresh }, progress) {
      const complete = await listing.take(cycleId, { again: fresh, ...(progress === undefined ? {} : { progress }) });
      if (!complete) throw cutShort();
      yield* listing.all(cycleId);
    },
    create: (requests, lookUp) =>
      each(requests, async (request) => {
        const result = await writes.create(request);
        return result.outcome === 'conflict'
          ? { ...result, ...(await lookUps.holders(request, result.error, lookUp)) }
          : result;
      }),
    update: async (requests) => {
      const results = await inTurn(requests, writes.update);
      await forgetGone(requests, results);
      return results;
    },
    delete: async (requests) => {
      const results = await each(requests, writes.delete);
      await forgetGone(requests, results, { deleted: true });
      return results;
    },
    check: async () => {
      const found = await probe(client, options.url, options.instance);
      await writeProfile(pool, { ...found.profile, store: options.store, probedAt: new Date().toISOString() });
      return describeProbe(found, options.dialect);
    },
    close: async () => undefined,
  };
}

function cutShort(): SyncError {
  return new SyncError(
    'SystemForCrossDomainIdentityManagementServiceIncompatible',
    "Maptician's list of all users cannot be read to its end, so nobody can say who is missing",
  );
}

/** What concerns one user is that user's result; what concerns everyone alike rejects. */
async function each<Request extends CreateRequest | UpdateRequest | DeleteRequest>(
  requests: readonly Request[],
  work: (request: Request) => Promise<StoreResult>,
): Promise<StoreResult[]> {
  return inGroups(requests, async (request) => {
    try {
      return withAccess(request, await work(request));
    } catch (thrown) {
      const error = toSyncError(thrown);
      if (errorHandling(error.code).stopsCycle || error.code === 'InternalError') throw error;
      return { key: request.key, outcome: 'failed', error };
    }
  });
}

/** Whether somebody has access is nothing that Maptician may keep otherwise than it was told. */
function withAccess(request: CreateRequest | UpdateRequest | DeleteRequest, result: StoreResult): StoreResult {
  const active = result.outcome === 'done' ? result.kept?.active : undefined;
  const written = 'attributes' in request ? request.attributes : 'changes' in request ? request.changes : {};
  // Where it is not shown at all, only the end of access is in doubt.
  if (active === undefined || (active === null && written.active !== false)) return result;
  const shown = {
    true: 'is active all the same',
    false: 'is inactive all the same',
    null: 'does not show that it is inactive',
  };
  const message = `Maptician took the request, and the account ${shown[`${active === null ? null : active === true}`]}`;
  return { key: request.key, outcome: 'failed', error: new SyncError('UnprocessableEntity', message) };
}

/** Two updates of one user are carried out one after the other. */
async function inTurn(
  requests: readonly UpdateRequest[],
  work: (request: UpdateRequest) => Promise<StoreResult>,
): Promise<StoreResult[]> {
  const results: StoreResult[] = [];
  for (let open = requests; open.length > 0; ) {
    const turn = new Map(open.toReversed().map((request) => [request.id, request]));
    results.push(...(await each([...turn.values()], work)));
    open = open.filter((request) => turn.get(request.id) !== request);
  }
  return results;
}
