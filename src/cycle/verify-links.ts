/**
 * Compares what was last applied with what Maptician has: after a resync was asked for, and when the user store is
 * another one than before. What differs is planned again from what is there, and whoever was refused is tried again.
 */
import type pg from 'pg';
import type { UserStore } from '../maptician/user-store.ts';
import { transaction } from '../state/database.ts';
import { forgetPayloads } from '../state/escrow.ts';
import { comparedLinks, correctLinks } from './compare-links.ts';

export interface Verified {
  /** Accounts that are not in Maptician any more; their links are forgotten. */
  readonly missing: number;
  /** Accounts that were changed in Maptician since. */
  readonly changed: number;
}

/** Goes through all links in chunks. The listing of `cycleId` answers where the user store has one. */
export async function verifyLinks(
  pool: pg.Pool,
  store: UserStore,
  cycleId: number,
  progress: (done: number) => void,
): Promise<Verified> {
  await transaction(pool, forgetPayloads);
  let [done, missing, changed] = [0, 0, 0];
  for await (const chunk of comparedLinks(pool, store, cycleId)) {
    await transaction(pool, (client) => correctLinks(client, chunk));
    missing += chunk.filter(({ stored }) => stored === undefined).length;
    changed += chunk.filter(({ differs }) => differs).length;
    done += chunk.length;
    progress(done);
  }
  return { missing, changed };
}
