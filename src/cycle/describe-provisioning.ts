/** Provisioning on demand in words, as the command line and the console have them. Pure. */
import { errorJson } from '../errors.ts';
import { attributePaths } from '../mapping/maptician-user.ts';
import type { ModifiedProperty } from '../state/provisioning-log.ts';
import { cell, shortAttribute } from '../words.ts';
import type { ProvisionedUser, ProvisionResult } from './provision.ts';
import type { ProvisioningStep, ScopeStep } from './provision-steps.ts';
import type { StepOutcome } from './take-steps.ts';

/** How a step went, as a mark. */
export const marks = { success: '✓', failure: '✗', skipped: '–', warning: '!' } as const;

/** What stands below a step, a line each. */
export function detailsOf(step: ProvisioningStep): string[] {
  switch (step.step) {
    case 'connect':
      return [];
    case 'import':
      return step.id === null
        ? []
        : [`object id ${step.id}${step.userName === null ? '' : `, ${cell(step.userName)}`}`];
    case 'scope':
      return step.clauses.map(({ clause, passed }) => `${passed ? '✓' : '✗'} ${cell(clause)}`);
    case 'match':
      return step.tries.map(({ attribute, value, accounts }) => {
        const found = accounts.map(({ id, userName }) => `${cell(userName)} (${id})`).join(', ');
        return `${attribute} ${cell(value)}: ${found || 'none'}`;
      });
    case 'act':
      return [
        ...(step.code ? [`code ${describeCode(step.code, step.httpStatus)}`] : []),
        ...inOrder(step.modified).map(describeChange),
      ];
  }
}

/** As the attribute table has them. */
function inOrder(modified: readonly ModifiedProperty[]): ModifiedProperty[] {
  const order: readonly string[] = attributePaths;
  return modified.toSorted((one, other) => order.indexOf(one.displayName) - order.indexOf(other.displayName));
}

function describeCode(code: string, httpStatus: number | null): string {
  return httpStatus === null ? code : `${code}, HTTP status ${httpStatus}`;
}

function describeChange({ displayName, oldValue, newValue }: ModifiedProperty): string {
  return `${shortAttribute(displayName)}: ${cell(oldValue)} → ${cell(newValue)}`;
}

const outcomes: Readonly<Record<StepOutcome, string>> = {
  done: 'provisioned',
  nothing: 'up to date already',
  skipped: 'left as it is',
  failed: 'failed',
  waiting: 'waiting for another user',
  planned: 'to be provisioned',
  unknown: 'not known to Entra',
};

/** What became of the users, and how long it took, in one sentence. */
export function outcomeOf({ users, durationMs }: Pick<ProvisionResult, 'users' | 'durationMs'>): string {
  const counts = new Map<string, number>();
  for (const user of users) {
    const name = isOutside(user) ? 'not in scope, and nothing to do' : outcomes[user.outcome];
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const told = [...counts].map(([name, count]) => (users.length === 1 ? name : `${count} ${name}`)).join(', ');
  const seconds = `${(durationMs / 1000).toFixed(1)} s`;
  return `${told === '' ? 'Nobody was provisioned' : `${told[0]?.toUpperCase()}${told.slice(1)}`} (${seconds}).`;
}

/** Nothing was to be done, since the user is to have no access and has none. */
export function isOutside({ outcome, steps }: Pick<ProvisionedUser, 'outcome' | 'steps'>): boolean {
  return outcome === 'nothing' && steps.some((step) => step.step === 'scope' && !step.inScope);
}

/** What a person does about who was not found, and about who has no access; a sentence each, none twice. */
export function advicesOn(users: readonly Pick<ProvisionedUser, 'user' | 'outcome' | 'steps'>[]): string[] {
  const advices = users.flatMap((user) => {
    if (user.outcome === 'unknown') {
      return [
        `${cell(user.user)}: look the user up in Entra, and name them by object id or userPrincipalName as it stands there.`,
      ];
    }
    const scope = user.steps.findLast((step) => step.step === 'scope');
    return isOutside(user) && scope !== undefined ? [adviceOnScope(scope)] : [];
  });
  return [...new Set(advices)];
}

function adviceOnScope({ assigned, isActive }: ScopeStep): string {
  if (!isActive) return 'To give access, restore or enable the user in Entra.';
  if (assigned) return 'To give access, change what the scoping filters ask of the user, in Entra or in the filters.';
  return 'To give access, assign the user, or a group that they are a direct member of, to the enterprise app in Entra.';
}

/** Said of a dry run. */
export const nothingWritten = 'Nothing was written: this was a dry run.';

/** The result as JSON; users as they were asked for. */
export function provisionJson({ cycleId, users, warnings, error, durationMs }: ProvisionResult, dryRun: boolean) {
  return {
    ...(cycleId === undefined ? {} : { cycleId }),
    dryRun,
    users: users.map(({ user, outcome, steps, durationMs: took }) => ({ user, outcome, steps, durationMs: took })),
    durationMs,
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(error === undefined ? {} : { error: errorJson(error) }),
  };
}
