/** The dry run: the same reading and the same decisions as a cycle, up to the outbox. */
import { pull } from '../directory/pull.ts';
import { exceedsLimits } from '../plan/removal-guard.ts';
import { lockCycle, recoverOperations } from '../state/cycles.ts';
import { transaction } from '../state/database.ts';
import { retryDue } from '../state/escrow.ts';
import { type Planned, plannedUsers } from './planned-users.ts';
import type { CycleContext, CycleOptions } from './run-cycle.ts';

/**
 * Tells `each` user for whom there is something to do or to say. The mirror is brought up to date; no operation is
 * written, so the next cycle decides the same.
 */
export async function planOnly(
  context: CycleContext,
  options: Pick<CycleOptions, 'signal' | 'progress'> & { readonly each: (planned: Planned) => void },
): Promise<{ readonly held: boolean; readonly warnings: readonly string[] }> {
  const lock = await lockCycle(context.databaseUrl, { wait: true, signal: options.signal });
  if (lock === undefined) throw new Error('the cycle lock was not waited for');
  try {
    await transaction(context.pool, recoverOperations);
    await retryDue(context.pool);
    const warnings: string[] = [];
    const directory = await context.openDirectory({
      signal: options.signal === undefined ? lock.signal : AbortSignal.any([lock.signal, options.signal]),
      progress: (phase, done, total) => options.progress?.({ phase, done, total }),
      warn: (message) => warnings.push(message),
    });
    await pull(directory, { resync: false });
    const removals = { planned: 0, held: 0 };
    for await (const chunk of plannedUsers(context.pool, context.rules)) {
      for (const planned of chunk) {
        const { kind } = planned.decision;
        if (kind === 'nothing') continue;
        if (kind === 'deactivate' || kind === 'delete') {
          if (planned.operationState === 'held') removals.held += 1;
          else if (planned.operationState === null) removals.planned += 1;
        }
        options.each(planned);
      }
    }
    const { rows } = await context.pool.query<{ active: number }>('select count(*) as active from links where active');
    const limits = { ...removals, linkedActive: rows[0]?.active ?? 0 };
    return { held: removals.held > 0 || exceedsLimits(limits, context.limits), warnings };
  } finally {
    await lock.release();
  }
}
