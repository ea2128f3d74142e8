/**
 * Drift: what somebody else changed in Maptician since it was applied. Under the cycle lock, so that no
 * cycle moves anything meanwhile; whoever is provisioned by hand is left to the next check. Reads all accounts once and Entra not at all, and writes nothing to Maptician: a repair corrects the links,
 * and the next cycle makes good what differs.
 */
import type pg from 'pg';
import { SyncError, toSyncError } from '../errors.ts';
import type { UserStore } from '../maptician/user-store.ts';
import { type DriftKind, driftOf } from '../plan/drift.ts';
import { lockCycle } from '../state/cycles.ts';
import { databaseTime, transaction } from '../state/database.ts';
import {
  beginDriftCheck,
  type DriftAction,
  type DriftCounts,
  endDriftCheck,
  failDriftCheck,
  recordDrift,
  type UserDrift,
} from '../state/drift.ts';
import { readFact } from '../state/facts.ts';
import { type ComparedLink, comparedLinks, correctLinks } from './compare-links.ts';
import type { CycleContext, CycleOptions } from './cycle-context.ts';
import { type DiscoveredAccount, discoverAccounts } from './drift-accounts.ts';
import { dropListing } from './list-accounts.ts';
import { type SubjectRow, toSubject } from './subject-row.ts';

export type DriftContext = Pick<CycleContext, 'pool' | 'databaseUrl' | 'openStore' | 'storeIdentity' | 'rules' | 'log'>;

type Observed = Pick<CycleOptions, 'signal' | 'progress'>;

export interface DriftOptions extends Observed {
  /** `repair` also corrects the links, so that the next cycle makes good what differs. */
  readonly action: DriftAction;
  /** Is told of each drift as it is found. */
  readonly each?: (drift: UserDrift) => void;
}

/** No cycle has this number; the listing is this check's own. */
const ownListing = 0;

/** Compares all of Maptician with what was last applied. Waits for a cycle that runs. Rejects where it cannot be done. */
export async function checkDrift(context: DriftContext, options: DriftOptions): Promise<DriftCounts> {
  const { pool, log } = context;
  const { action } = options;
  return underLock(context, options, async (stopped, store) => {
    const id = await beginDriftCheck(pool, action);
    try {
      const before = await databaseTime(pool);
      const accounts = await countAccounts(discovered(context, store, stopped));
      const drift: Record<DriftKind, number> = { access: 0, missing: 0, changed: 0 };
      let done = 0;
      for await (const chunk of comparedLinks(pool, store, ownListing, before)) {
        stopped.signal?.throwIfAborted();
        const found = await findDrift(pool, chunk, before, context);
        await transaction(pool, async (client) => {
          await recordDrift(client, { id, action }, found);
          if (action === 'repair') await correctLinks(client, chunk, before);
        });
        for (const one of found) {
          drift[one.kind] += 1;
          options.each?.(one);
        }
        done += chunk.length;
        options.progress?.({ phase: 'verifying', done, total: undefined });
      }
      const counts = { drift, accounts };
      await transaction(pool, (client) => endDriftCheck(client, id, counts));
      log.info({ action, ...drift, ...accounts }, 'compared Maptician with what was last applied');
      return counts;
    } catch (thrown) {
      const error = toSyncError(thrown);
      if (error.code !== 'Interrupted') await failDriftCheck(pool, id, error);
      throw error;
    }
  });
}

/** Tells `each` account in Maptician, sorted; compares nothing. */
export async function listDiscovered(
  context: DriftContext,
  options: Observed & { readonly each: (account: DiscoveredAccount) => void },
): Promise<void> {
  await underLock(context, options, async (stopped, store) => {
    for await (const page of discovered(context, store, stopped)) for (const account of page) options.each(account);
  });
}

async function underLock<T>(
  context: DriftContext,
  options: Observed,
  work: (stopped: Observed, store: UserStore) => Promise<T>,
): Promise<T> {
  const lock = await lockCycle(context.databaseUrl, { wait: true, signal: options.signal });
  if (lock === undefined) throw new Error('the cycle lock was not waited for');
  try {
    const signal = options.signal === undefined ? lock.signal : AbortSignal.any([lock.signal, options.signal]);
    const store = await context.openStore();
    const known = await readFact(context.pool, 'user_store');
    if (known !== undefined && known !== context.storeIdentity) {
      throw new SyncError(
        'Misconfigured',
        'This is another user store than the one that was last written to: run "maptician-sync sync" first, which links everyone anew',
      );
    }
    // What a killed check left would be taken for new.
    await dropListing(context);
    return await work({ signal, progress: options.progress }, store);
  } finally {
    await dropListing(context);
    await lock.release();
  }
}

function discovered({ pool, rules }: DriftContext, store: UserStore, { signal, progress }: Observed) {
  return discoverAccounts(pool, store, rules, {
    cycleId: ownListing,
    progress: (done, total) => {
      signal?.throwIfAborted();
      progress?.({ phase: 'listing', done, total });
    },
  });
}

async function countAccounts(pages: AsyncIterable<readonly DiscoveredAccount[]>): Promise<DriftCounts['accounts']> {
  const counts = { assigned: 0, unassigned: 0, unassignedActive: 0, local: 0 };
  for await (const page of pages) {
    for (const { kind, active } of page) {
      counts[kind] += 1;
      if (kind === 'unassigned' && active === true) counts.unassignedActive += 1;
    }
  }
  return counts;
}

interface LinkedRow extends SubjectRow {
  linked_name: string;
}

/** Of a chunk of links those that drifted; what an operation is under way for is left out. */
async function findDrift(
  pool: pg.Pool,
  chunk: readonly ComparedLink[],
  before: string,
  { rules }: Pick<DriftContext, 'rules'>,
): Promise<UserDrift[]> {
  const suspects = new Map(
    chunk
      .filter(({ stored, differs }) => stored === undefined || differs)
      .map((compared) => [compared.link.entraId, compared]),
  );
  if (suspects.size === 0) return [];
  const { rows } = await pool.query<LinkedRow>(
    `select u.id, u.attributes, u.roles, u.user_name, u.presence, u.in_scope, u.filtered_out, u.rejected_removal, u.rejected_reason,
       l.maptician_id, l.user_name as linked_name, l.active, l.applied, l.redacted
     from links l join users u on u.id = l.entra_id
     where l.entra_id = any($1) and l.updated_at < $2::timestamptz
       and not exists (select from operations o where o.entra_id = l.entra_id and o.state = 'open')
     order by u.id`,
    [[...suspects.keys()], before],
  );
  return rows.flatMap((row) => {
    const subject = toSubject(row);
    const { link } = subject;
    const compared = suspects.get(row.id);
    if (link === null || compared === undefined) return [];
    const drift = driftOf({ ...subject, link }, compared, rules);
    if (drift === undefined) return [];
    return [{ ...drift, entraId: row.id, userName: row.user_name ?? row.linked_name, mapticianId: link.mapticianId }];
  });
}
