/**
 * The steps of provisioning on demand, as Microsoft's service shows them
 * (https://learn.microsoft.com/entra/identity/app-provisioning/provision-on-demand): connect, import, scope, match, act.
 */
import type { FoundUser } from '../directory/find-user.ts';
import { type ErrorCode, errorCodes, recommendedAction, type SyncError } from '../errors.ts';
import type { AttributePath, AttributeValue } from '../mapping/maptician-user.ts';
import type { LogRecord, LogStatus, ModifiedProperty } from '../state/provisioning-log.ts';
import type { UserScope } from './scope-of-user.ts';

interface Step {
  readonly status: LogStatus;
  /** What was found or done, for a person. */
  readonly description: string;
  /** Of a failure: its class, and what a person should do. */
  readonly code?: string | null | undefined;
  readonly recommendedAction?: string | null | undefined;
}

/** Graph and Maptician can be spoken to. */
interface ConnectStep extends Step {
  readonly step: 'connect';
}

export interface ImportStep extends Step {
  readonly step: 'import';
  readonly id: string | null;
  readonly userName: string | null;
  readonly presence: UserScope['presence'] | 'unknown';
  readonly enabled: boolean | null;
}

export interface ScopeStep extends Step {
  readonly step: 'scope';
  readonly isActive: boolean;
  readonly assigned: boolean;
  readonly assignedThrough: readonly AssignedThrough[];
  readonly clauses: UserScope['clauses'];
  readonly inScope: boolean;
}

/** An assignment of the user's own, or of a group that the user is a member of. */
export type AssignedThrough =
  | { readonly via: 'direct' }
  | { readonly via: 'group'; readonly id: string; readonly name: string | null };

export interface MatchStep extends Step {
  readonly step: 'match';
  /** The account the user is linked to; null where it was looked for. */
  readonly linked: string | null;
  /** Each matching attribute that was tried, in turn. */
  readonly tries: readonly MatchTry[];
}

export interface MatchTry {
  readonly attribute: AttributePath;
  readonly value: string;
  readonly accounts: readonly { readonly id: string; readonly userName: AttributeValue }[];
}

export interface ActStep extends Step {
  readonly step: 'act';
  /** What was done, in our words; null where nothing was to be done. */
  readonly operation: string | null;
  readonly mapticianId: string | null;
  readonly httpStatus: number | null;
  readonly modified: readonly ModifiedProperty[];
  /** The cycle in whose provisioning log it stands; null where nothing was written down. */
  readonly cycleId: number | null;
}

export type ProvisioningStep = ConnectStep | ImportStep | ScopeStep | MatchStep | ActStep;

/** @param found undefined where nobody is known by that name */
export function importStep(found: FoundUser | undefined): ImportStep {
  const unnamed = { step: 'import', id: found?.id ?? null, userName: null, enabled: null } as const;
  if (found === undefined) {
    const description = 'nobody in Entra has this object id or userPrincipalName, and nobody is known here by it';
    return { ...unnamed, status: 'failure', presence: 'unknown', description };
  }
  if (found.presence !== 'live') {
    const description =
      found.presence === 'purged'
        ? 'permanently deleted in Entra'
        : 'deleted in Entra: it is in the recycle bin, and can be restored';
    return { ...unnamed, status: 'success', presence: found.presence, description };
  }
  const { userPrincipalName, accountEnabled } = found.user;
  const enabled = accountEnabled !== false;
  return {
    ...unnamed,
    status: 'success',
    description: `read from Entra${enabled ? '' : ': the account is disabled there'}`,
    userName: typeof userPrincipalName === 'string' ? userPrincipalName : null,
    presence: 'live',
    enabled,
  };
}

/** What could not be read. */
export function unreadStep(error: SyncError): ImportStep {
  const { description, code, recommendedAction: action } = failedStep(error);
  const nobody = { id: null, userName: null, presence: 'unknown', enabled: null } as const;
  return { step: 'import', status: 'failure', description, code, recommendedAction: action, ...nobody };
}

export function scopeStep(
  scope: UserScope,
  names: ReadonlyMap<string, string | null>,
  options: { readonly everyone: boolean; readonly unconfirmed: boolean },
): ScopeStep {
  const groups = scope.groups.map((id) => ({ via: 'group', id, name: names.get(id) ?? null }) as const);
  const assignedThrough: AssignedThrough[] = [...(scope.direct ? [{ via: 'direct' } as const] : []), ...groups];
  const doubt = options.unconfirmed
    ? '; Entra shows no assignment any more, but not clearly enough to end access: the next cycle looks again'
    : '';
  return {
    step: 'scope',
    status: options.unconfirmed ? 'warning' : scope.inScope ? 'success' : 'skipped',
    description: `${scopeSentence(scope, assignedThrough, options.everyone)}${doubt}`,
    isActive: scope.presence === 'live' && scope.enabled !== false,
    assigned: scope.assigned,
    assignedThrough,
    clauses: scope.clauses,
    inScope: scope.inScope,
  };
}

/** One sentence: in scope through what, or why not. */
export function scopeSentence(
  scope: UserScope,
  assignedThrough: readonly AssignedThrough[],
  everyone: boolean,
): string {
  const through = everyone ? 'every user of the tenant is (SYNC_SCOPE=all)' : assignedBy(assignedThrough);
  if (scope.inScope) return `in scope: ${through}`;
  const reasons = [
    ...(scope.presence === 'purged' ? ['permanently deleted in Entra'] : []),
    ...(scope.presence === 'soft_deleted' ? ['deleted in Entra, and can be restored there'] : []),
    ...(scope.presence === 'live' && scope.enabled === false ? ['disabled in Entra'] : []),
    ...(scope.assigned
      ? []
      : ['not assigned to the app, neither directly nor as a direct member of an assigned group']),
    ...(scope.assigned && !scope.passesFilters ? [`${through}, but does not pass the scoping filters`] : []),
  ];
  return `not in scope: ${reasons.join('; ')}`;
}

function assignedBy(through: readonly AssignedThrough[]): string {
  const ways = through.map((way) => (way.via === 'direct' ? 'directly' : `through the group ${way.name ?? way.id}`));
  return ways.length === 0 ? 'assigned' : `assigned ${ways.join(' and ')}`;
}

export function linkedStep(mapticianId: string): MatchStep {
  const description = `linked to the account ${mapticianId}: it is not looked for again`;
  return { step: 'match', status: 'success', description, linked: mapticianId, tries: [] };
}

export function matchStep(tries: readonly MatchTry[]): MatchStep {
  const last = tries.at(-1);
  const found = last?.accounts.length ?? 0;
  const description =
    last === undefined || found === 0
      ? 'no account in Maptician matches'
      : found === 1
        ? `one account matches by ${last.attribute}`
        : `${found} accounts match by ${last.attribute}`;
  return { step: 'match', status: found > 1 ? 'failure' : 'success', description, linked: null, tries };
}

const nothingDone = {
  step: 'act',
  operation: null,
  mapticianId: null,
  code: null,
  httpStatus: null,
  recommendedAction: null,
  modified: [],
  cycleId: null,
} as const;

/** Where nothing was written down: there was nothing to do, or it was only looked. */
export function actStep(step: Step & Partial<Omit<ActStep, keyof Step | 'step'>>): ActStep {
  return { ...nothingDone, ...step };
}

/** Microsoft's word for it is the reason of the skip: RedundantExport. */
export const redundant = actStep({
  status: 'skipped',
  description: 'nothing to do: Maptician has what Entra says (RedundantExport)',
});

export function failedStep(error: SyncError): ActStep {
  return actStep({
    status: 'failure',
    description: error.detail ?? error.message,
    code: error.code,
    httpStatus: error.httpStatus ?? null,
    recommendedAction: recommendedAction(error.code),
  });
}

const did: Readonly<Record<string, string>> = {
  create: 'created an account',
  adopt: 'adopted an account',
  update: 'updated the account',
  reactivate: 'reactivated the account',
  deactivate: 'deactivated the account',
  delete: 'deleted the account',
  unlink: 'forgot the link to an account',
  yield: 'gave a value up',
  kept: 'Maptician keeps another value than it was given',
};

/** An entry of the provisioning log as a step. */
export function loggedStep(entry: LogRecord): ActStep {
  const code = errorCodes.find((known): known is ErrorCode => known === entry.code);
  const done = entry.status === 'success' || entry.status === 'warning' || entry.operation === 'adopt';
  const what = done ? (did[entry.operation] ?? entry.operation) : `${entry.operation} ${entry.status}`;
  // What was decided while planning says in its reason what was not done.
  const description =
    entry.reason === null ? what : entry.operation === 'plan' ? entry.reason : `${what}: ${entry.reason}`;
  return {
    step: 'act',
    status: entry.operation === 'adopt' && entry.status === 'skipped' ? 'success' : entry.status,
    description,
    operation: entry.operation,
    mapticianId: entry.mapticianId,
    code: entry.code,
    httpStatus: entry.httpStatus,
    recommendedAction: code === undefined ? null : recommendedAction(code),
    modified: entry.modified,
    cycleId: entry.cycleId,
  };
}
