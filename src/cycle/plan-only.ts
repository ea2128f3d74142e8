/** The dry run: the same reading and the same decisions as a cycle, up to the outbox. */
import { pull } from '../directory/pull.ts';
import { lockCycle, recoverOperations } from '../state/cycles.ts';
import { transaction } from '../state/database.ts';
import { retryDue } from '../state/escrow.ts';
import { readFact } from '../state/facts.ts';
import { readJob } from '../state/job.ts';
import type { CycleContext, CycleOptions } from './cycle-context.ts';
import { type Foreseen, foresee, type Verdict } from './foresee.ts';
import { markGraceOver } from './grace-period.ts';
import { dropListing, listAccounts } from './list-accounts.ts';

/** No cycle has this number. */
const dryRun = 0;

export interface DryRun extends Verdict {
  readonly warnings: readonly string[];
  /** What the plan depends on: attribute table, scoping filters and the settings that decide. */
  readonly fingerprint: string;
}

/**
 * Tells `each` in batches for whom there is something to do or to say. The mirror is brought up to date; no operation is
 * written, so the next cycle decides the same.
 */
export async function planOnly(
  context: CycleContext,
  options: Pick<CycleOptions, 'signal' | 'progress'> & {
    readonly each: (batch: readonly Foreseen[]) => void | Promise<void>;
  },
): Promise<DryRun> {
  const { pool, rules, guard } = context;
  const lock = await lockCycle(context.databaseUrl, { wait: true, signal: options.signal });
  if (lock === undefined) throw new Error('the cycle lock was not waited for');
  try {
    const signal = options.signal === undefined ? lock.signal : AbortSignal.any([lock.signal, options.signal]);
    await transaction(pool, recoverOperations);
    await pool.query('update to_compare set contested = 0 where contested > 0');
    await retryDue(pool);
    const { pausedAt, restartScope } = await readJob(pool);
    const warnings: string[] = [];
    if (pausedAt !== null)
      warnings.push('provisioning is paused: nothing of this is done before maptician-sync resume');
    if (restartScope.length > 0) {
      warnings.push(`a restart (${restartScope.join(', ')}) comes first, and may bring more to do than is shown here`);
    }
    const directory = await context.openDirectory({
      signal,
      progress: (phase, done, total) => options.progress?.({ phase, done, total }),
      warn: (message) => warnings.push(message),
    });
    await pull(directory, { resync: false });
    await markGraceOver(pool, rules);
    const store = await context.openStore();
    // Another user store has none of the accounts that the links speak of: there, everyone is looked up anew.
    const known = await readFact(pool, 'user_store');
    const unlinked = known !== context.storeIdentity;
    if (unlinked && known !== undefined) {
      warnings.push('this is another user store than before: everyone is looked for in it anew');
    }
    // What a killed dry run left would be taken for new.
    await dropListing(context);
    const of = unlinked ? 'everyone' : 'unlinked';
    await listAccounts(pool, store, dryRun, { progress: options.progress, signal, of });
    const verdict = await foresee({ pool, rules, guard, store, cycleId: dryRun, unlinked }, async (batch) => {
      signal.throwIfAborted();
      await options.each(batch);
    });
    return { ...verdict, warnings, fingerprint: directory.fingerprint };
  } finally {
    await dropListing(context);
    await lock.release();
  }
}
