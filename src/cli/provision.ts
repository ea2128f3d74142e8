/** `provision`: single users at once, step by step. */

import { type ProvisionedUser, type ProvisionResult, provisionStatus, provisionUsers } from '../cycle/provision.ts';
import type { ProvisioningStep } from '../cycle/provision-steps.ts';
import type { StepOutcome } from '../cycle/take-steps.ts';
import { recommendedAction } from '../errors.ts';
import { attributePaths } from '../mapping/maptician-user.ts';
import type { ModifiedProperty } from '../state/provisioning-log.ts';
import { cell, shortAttribute } from '../words.ts';
import { type CommandOptions, errorJson, print, printJson, withService } from './command.ts';

export interface ProvisionCommandOptions extends CommandOptions {
  readonly dryRun?: boolean | undefined;
}

export async function provision(users: readonly string[], options: ProvisionCommandOptions): Promise<number> {
  const { dryRun = false, json } = options;
  return withService(options, async (service, signal) => {
    const named = new Set<string | undefined>([undefined]);
    const result = await provisionUsers(service.provisionContext(), users, {
      dryRun,
      signal,
      onStep: (step, user) => {
        // The connections are of interest where there are none.
        if (json || (step.step === 'connect' && step.status === 'success')) return;
        if (!named.has(user)) print(cell(user));
        named.add(user);
        for (const line of describeStep(step)) print(line);
      },
    });
    if (signal.aborted && result.error !== undefined) throw result.error;
    if (json) printJson(resultJson(result, dryRun));
    else print(summary(result, dryRun));
    return provisionStatus(result);
  });
}

function resultJson({ cycleId, users, warnings, error, durationMs }: ProvisionResult, dryRun: boolean) {
  return {
    ...(cycleId === undefined ? {} : { cycleId }),
    dryRun,
    users: users.map(({ user, outcome, steps, durationMs: took }) => ({ user, outcome, steps, durationMs: took })),
    durationMs,
    ...(warnings.length === 0 ? {} : { warnings }),
    ...(error === undefined ? {} : { error: errorJson(error) }),
  };
}

const marks = { success: '✓', failure: '✗', skipped: '–', warning: '!' } as const;
const indent = ' '.repeat(13);

/** A step, and its details below it. */
function describeStep(step: ProvisioningStep): string[] {
  return [
    `  ${marks[step.status]} ${step.step.padEnd(8)} ${cell(step.description)}`,
    ...detailsOf(step).map((line) => `${indent}${line}`),
    ...(step.recommendedAction ? [`${indent}${step.recommendedAction}`] : []),
  ];
}

function detailsOf(step: ProvisioningStep): string[] {
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

function summary({ users, cycleId, warnings, error, durationMs }: ProvisionResult, dryRun: boolean): string {
  const counts = new Map<string, number>();
  for (const { outcome } of users as readonly ProvisionedUser[]) {
    counts.set(outcomes[outcome], (counts.get(outcomes[outcome]) ?? 0) + 1);
  }
  const told = [...counts].map(([name, count]) => (users.length === 1 ? name : `${count} ${name}`)).join(', ');
  const seconds = `${(durationMs / 1000).toFixed(1)} s`;
  return [
    ...warnings.map((warning) => `Warning: ${warning}`),
    ...(error === undefined
      ? []
      : [...(users.length === 0 ? [] : [`Stopped: ${error.message}`]), recommendedAction(error.code)]),
    `${told === '' ? 'Nobody was provisioned' : `${told[0]?.toUpperCase()}${told.slice(1)}`} (${seconds}).${dryRun ? ' Nothing was written: this was a dry run.' : cycleId === undefined ? '' : ` In the log: maptician-sync log --cycle ${cycleId}`}`,
  ].join('\n');
}
