/** `provision`: single users at once, step by step. */
import {
  advicesOn,
  detailsOf,
  marks,
  nothingWritten,
  outcomeOf,
  provisionJson,
} from '../cycle/describe-provisioning.ts';
import { type ProvisionResult, provisionStatus } from '../cycle/provision.ts';
import type { ProvisioningStep } from '../cycle/provision-steps.ts';
import { recommendedAction } from '../errors.ts';
import { provision as provisionUsers } from '../levers.ts';
import { cell } from '../words.ts';
import { type CommandOptions, print, printJson, withService } from './command.ts';

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
    if (json) printJson(provisionJson(result, dryRun));
    else print(summary(result, dryRun));
    return provisionStatus(result);
  });
}

const indent = ' '.repeat(13);

/** A step, and its details below it. */
function describeStep(step: ProvisioningStep): string[] {
  return [
    `  ${marks[step.status]} ${step.step.padEnd(8)} ${cell(step.description)}`,
    ...detailsOf(step).map((line) => `${indent}${line}`),
    ...(step.recommendedAction ? [`${indent}${step.recommendedAction}`] : []),
  ];
}

function summary(result: ProvisionResult, dryRun: boolean): string {
  const { users, cycleId, warnings, error } = result;
  const where = cycleId === undefined ? '' : ` In the log: maptician-sync log --cycle ${cycleId}`;
  return [
    ...warnings.map((warning) => `Warning: ${warning}`),
    ...(error === undefined
      ? []
      : [...(users.length === 0 ? [] : [`Stopped: ${error.message}`]), recommendedAction(error.code)]),
    ...advicesOn(users),
    `${outcomeOf(result)}${dryRun ? ` ${nothingWritten}` : where}`,
  ].join('\n');
}
