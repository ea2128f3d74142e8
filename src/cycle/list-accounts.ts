/** Where that costs fewer requests, all accounts are listed before many are looked up one by one. */
import type pg from 'pg';
import { toSyncError } from '../errors.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { CycleContext, CycleOptions } from './cycle-context.ts';

/** Whoever is to have access and has no account yet is looked up by name; `links` looks every account up by its id. */
const lookUps = {
  unlinked: `select count(*) as count from to_compare c join users u on u.id = c.id
    where u.in_scope and not u.filtered_out and u.presence = 'live' and not exists (select from links l where l.entra_id = u.id)`,
  everyone: `select count(*) as count from users where in_scope and not filtered_out and presence = 'live'`,
  links: 'select count(*) as count from links',
} as const;

export async function listAccounts(
  pool: pg.Pool,
  { listing }: UserStore,
  cycleId: number,
  options: Pick<CycleOptions, 'signal' | 'progress'> & { readonly of?: keyof typeof lookUps },
): Promise<void> {
  if (listing === undefined) return;
  const { rows } = await pool.query<{ count: number }>(lookUps[options.of ?? 'unlinked']);
  await listing.prepare(cycleId, rows[0]?.count ?? 0, (done, total) => {
    options.signal?.throwIfAborted();
    options.progress?.({ phase: 'listing', done, total });
  });
}

/** What was listed is other people's data, too, so it goes as soon as the cycle has ended; a failure is only logged. */
export async function dropListing(context: Pick<CycleContext, 'openStore' | 'log'>): Promise<void> {
  try {
    const { listing } = await context.openStore();
    await listing?.drop();
  } catch (thrown) {
    context.log.warn({ code: toSyncError(thrown).code }, 'the list of accounts could not be dropped');
  }
}
