/** Provisioning on demand in words, as the command line and the console have them. Pure. */
import { errorJson } from '../errors.ts';
import { attributePaths } from '../mapping/maptician-user.ts';
import type { ModifiedProperty } from '../state/provisioning-log.ts';
import { cell, shortAttribute } from '../words.ts';
import type { ProvisionResult } from './provision.ts';
import type { ProvisioningStep } from './provision-steps.ts';
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
  unknown: 'unknown',
};

/** What became of the users, and how long it took, in one sentence. */
export function outcomeOf({ users, durationMs }: Pick<ProvisionResult, 'users' | 'durationMs'>): string {
  const counts = new Map<string, number>();
  for (const { outcome } of users) counts.set(outcomes[outcome], (counts.get(outcomes[outcome]) ?? 0) + 1);
  const told = [...counts].map(([name, count]) => (users.length === 1 ? name : `${count} ${name}`)).join(', ');
  const seconds = `${(durationMs / 1000).toFixed(1)} s`;
  return `${told === '' ? 'Nobody was provisioned' : `${told[0]?.toUpperCase()}${told.slice(1)}`} (${seconds}).`;
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
