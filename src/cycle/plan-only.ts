/**
 * The dry run: the same reading and the same decisions as a cycle, up to the outbox. Beyond what a cycle plans, it looks up
 * which of the users to be created Maptician has already, as their jobs will.
 */
import { pull } from '../directory/pull.ts';
import { matchingAttributes } from '../mapping/attribute-table.ts';
import { type Match, matchAccounts } from '../maptician/match-accounts.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import { isLimited, type LimitedKind, limitsPassed, noKinds } from '../plan/removal-guard.ts';
import { lockCycle, recoverOperations } from '../state/cycles.ts';
import { transaction } from '../state/database.ts';
import { retryDue } from '../state/escrow.ts';
import { readFact } from '../state/facts.ts';
import { markGraceOver } from './grace-period.ts';
import { readGuardState } from './guard-state.ts';
import { dropListing, listAccounts } from './list-accounts.ts';
import { isAnswered, type Planned, plannedUsers } from './planned-users.ts';
import type { CycleContext, CycleOptions } from './run-cycle.ts';

/** No cycle has this number. */
const dryRun = 0;

export interface DryRun {
  /** Something waits for an operator, or would. */
  readonly held: boolean;
  /** Of what is planned anew: the kinds that would be held, each with the limit it passes, in words after "that is". */
  readonly limitsPassed: Readonly<Partial<Record<LimitedKind, string>>>;
  readonly warnings: readonly string[];
}

/**
 * Tells `each` user for whom there is something to do or to say; of one to be created also the accounts that match
 * and are adopted. The mirror is brought up to date; no operation is written, so the next cycle decides the same.
 */
export async function planOnly(
  context: CycleContext,
  options: Pick<CycleOptions, 'signal' | 'progress'> & {
    readonly each: (planned: Planned, existing: Match | undefined) => void;
  },
): Promise<DryRun> {
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
    await markGraceOver(context.pool, context.rules);
    const counts = { planned: { ...noKinds }, held: { ...noKinds } };
    const store = await context.openStore();
    // Another user store has none of the accounts that the links speak of: there, everyone is looked up anew.
    const unlinked = (await readFact(context.pool, 'user_store')) !== context.storeIdentity;
    if (unlinked) warnings.push('this is another user store than before: everyone is looked for in it anew');
    // What a killed dry run left would be taken for new.
    await dropListing(context);
    const of = unlinked ? 'everyone' : 'unlinked';
    await listAccounts(context.pool, store, dryRun, { progress: options.progress, signal: options.signal, of });
    for await (const chunk of plannedUsers(context.pool, context.rules, { unlinked })) {
      const existing = await findExisting(store, chunk, context.rules);
      for (const planned of chunk) {
        const { kind } = planned.decision;
        if (kind === 'nothing') continue;
        if (isLimited(kind) && planned.operationState !== 'approved' && !isAnswered(planned, 'approved')) {
          counts[planned.operationState === 'held' ? 'held' : 'planned'][kind] += 1;
        }
        options.each(planned, existing.get(planned));
      }
    }
    const { guard } = context;
    const state = await readGuardState(context.pool, guard.everyone);
    const passed = limitsPassed({ ...counts, ...state, passed: noKinds }, guard.limits);
    const held = passed.size > 0 || Object.values(counts.held).some((users) => users > 0);
    return { held, limitsPassed: Object.fromEntries(passed), warnings };
  } finally {
    await dropListing(context);
    await lock.release();
  }
}

/** The accounts that whoever is to be created has already, by the matching attributes. */
async function findExisting(
  store: UserStore,
  chunk: readonly Planned[],
  { table }: PlanRules,
): Promise<ReadonlyMap<Planned, Match>> {
  const wanted = chunk.filter(({ decision, takeover }) => decision.kind === 'create' && takeover === undefined);
  const attributesOf = ({ decision }: Planned) => ('attributes' in decision ? decision.attributes : {});
  return matchAccounts(store, matchingAttributes(table), wanted, attributesOf, { cycleId: dryRun, fresh: false });
}
