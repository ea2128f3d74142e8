/**
 * Why one user is as it is: from the state database, with the account as Maptician has it at this moment. Writes nothing.
 */
import { knownUser } from '../directory/find-user.ts';
import { groupNames } from '../directory/group-names.ts';
import type { PullContext } from '../directory/pull-context.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
import type { Queryable } from '../state/database.ts';
import { type Job, readJob } from '../state/job.ts';
import { type LogRecord, readLog } from '../state/provisioning-log.ts';
import { type Comparison, compareUser } from './compare-user.ts';
import type { DirectoryCycle } from './cycle-context.ts';
import { planOfUser } from './planned-users.ts';
import { type AssignedThrough, scopeSentence } from './provision-steps.ts';
import { scopeOfUser, type UserScope } from './scope-of-user.ts';
import { readUserStanding, type UserStanding } from './user-standing.ts';
import { whatNext } from './what-next.ts';

export interface WhyContext {
  readonly pool: Queryable;
  readonly rules: PlanRules;
  readonly filters: ScopingFilters;
  /** SYNC_SCOPE=all. */
  readonly everyone: boolean;
  readonly openStore: () => Promise<UserStore>;
  readonly openDirectory: (cycle: DirectoryCycle) => Promise<PullContext>;
}

export interface Why {
  readonly id: string;
  readonly userName: string | null;
  readonly scope: UserScope;
  readonly scopeSentence: string;
  readonly assignedThrough: readonly AssignedThrough[];
  readonly standing: UserStanding;
  /** What a cycle would decide now; undefined while an operation of the user is under way. */
  readonly decision: { readonly kind: string; readonly reason: string | null } | undefined;
  /** The newest entries of the provisioning log. */
  readonly log: readonly LogRecord[];
  readonly comparison: Comparison;
  /** One sentence. */
  readonly next: string;
}

const entriesShown = 3;

/**
 * Undefined where nobody is known by that name.
 * @param user an object id, a userPrincipalName, a userName or a Maptician id
 * @param options.within milliseconds for which Maptician, and Entra for the names of groups, are waited for; what does not
 * come by then is left out, and said to be. By default as long as a request to either may take.
 */
export async function why(
  context: WhyContext,
  user: string,
  { within }: { readonly within?: number } = {},
): Promise<Why | undefined> {
  const { pool, filters, rules, everyone } = context;
  const id = await knownUser(pool, user);
  const scope = id === undefined ? undefined : await scopeOfUser(pool, id, filters, new Date());
  if (id === undefined || scope === undefined) return undefined;
  const [job, stands, log, planned, names, comparison] = await Promise.all([
    readJob(pool),
    readUserStanding(pool, id),
    readLog(pool, { user: id, limit: entriesShown }),
    planOfUser(pool, rules, { only: id }),
    groupNames(context.openDirectory, scope.groups, within),
    compareUser(context, id, { inScope: scope.inScope, within }),
  ]);
  const groups = scope.groups.map((group) => ({ via: 'group', id: group, name: names.get(group) ?? null }) as const);
  const assignedThrough = [...(scope.direct ? [{ via: 'direct' } as const] : []), ...groups];
  const decision = planned?.decision;
  return {
    id,
    userName: scope.userName ?? planned?.linkedName ?? log[0]?.userName ?? null,
    scope,
    scopeSentence: scopeSentence(scope, assignedThrough, everyone),
    assignedThrough,
    standing: stands,
    decision: decision && { kind: decision.kind, reason: 'reason' in decision ? decision.reason : null },
    log,
    comparison,
    next: `${whatNext(stands, decision, comparison)}${withoutCycles(job)}`,
  };
}

/** What "the next cycle" has to be read with. */
function withoutCycles({ pausedAt, quarantine }: Job): string {
  if (pausedAt !== null) return ' (provisioning is paused: maptician-sync resume)';
  return quarantine === null ? '' : ' (provisioning is in quarantine: maptician-sync status)';
}
