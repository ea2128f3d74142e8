/**
 * What provisioning on demand did, in the form of Microsoft's answer: JSON within JSON, its words with capitals
 * (https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-provisionondemand, example 1). Pure.
 */
import type { ProvisionedUser } from '../../cycle/provision.ts';
import type { ProvisioningStep } from '../../cycle/provision-steps.ts';
import { type ErrorCode, errorCodes, errorPolicy } from '../../errors.ts';
import type { ProvisioningObjectSummary } from '../../log-record/summary.ts';

export interface OnDemand {
  readonly user: ProvisionedUser;
  /** When each step was done, in their order. */
  readonly stepTimes: readonly Date[];
  readonly startedAt: Date;
  readonly endedAt: Date;
  /** The entry of the provisioning log; undefined where nothing was written down. */
  readonly entry: ProvisioningObjectSummary | undefined;
  readonly tenantId: string | undefined;
  /** Which user store it is. */
  readonly store: string;
}

type StepOf<Name extends ProvisioningStep['step']> = Extract<ProvisioningStep, { readonly step: Name }>;

/** Microsoft's stringKeyStringValuePair: `key` says how it went, `value` what was done. */
export function toStringPair(done: OnDemand): { key: string; value: string } {
  const { user } = done;
  const act = lastOf(user.steps, 'act');
  const result = resultOf(user);
  const skipReason = result === 'Skipped' ? (act?.code ?? skipReasons[user.outcome] ?? null) : null;
  const code = act?.code ?? user.steps.findLast((step) => step.status === 'failure')?.code ?? null;
  const errorCode = skipReason ?? code;
  const description = user.steps.at(-1)?.description ?? null;
  const key = { result, details: errorCode === null ? {} : { errorCode, errorMessage: description } };
  return { key: JSON.stringify(key), value: JSON.stringify(summaryOf(done, { act, result, code, skipReason })) };
}

const skipReasons: Readonly<Record<string, string>> = {
  nothing: 'RedundantExport',
  skipped: 'EntrySynchronizationSkipped',
};

function resultOf({ outcome }: ProvisionedUser): 'Success' | 'Skipped' | 'Failure' | 'Warning' {
  if (outcome === 'done') return 'Success';
  if (outcome === 'nothing' || outcome === 'skipped') return 'Skipped';
  return outcome === 'waiting' ? 'Warning' : 'Failure';
}

interface Outcome {
  readonly act: StepOf<'act'> | undefined;
  readonly result: string;
  readonly code: string | null;
  readonly skipReason: string | null;
}

function summaryOf(done: OnDemand, { act, result, code, skipReason }: Outcome) {
  const { user, entry, startedAt, endedAt, stepTimes } = done;
  const found = lastOf(user.steps, 'import');
  const matched = lastOf(user.steps, 'match');
  const account = act?.mapticianId ?? matched?.linked ?? null;
  const known = errorCodes.find((name): name is ErrorCode => name === code);
  return {
    action: capital(entry?.provisioningAction ?? 'other'),
    changeId: entry?.changeId ?? null,
    startTime: startedAt.toISOString(),
    endTime: endedAt.toISOString(),
    modifiedProperties: act?.modified ?? [],
    provisioningSteps: user.steps.map((step, index) => ({
      ...describeStep(step, { entry, skipReason }),
      status: capital(step.status),
      description: step.description,
      timestamp: (stepTimes[index] ?? endedAt).toISOString(),
    })),
    reportableIdentifier: found?.userName ?? found?.id ?? user.user,
    statusInfo: {
      status: result,
      errorCode: result === 'Failure' ? code : null,
      reason: result === 'Failure' || result === 'Warning' ? (user.steps.at(-1)?.description ?? null) : null,
      additionalDetails: act?.httpStatus == null ? null : `HTTP status ${act.httpStatus}`,
      errorCategory:
        result !== 'Failure' || known === undefined
          ? null
          : errorPolicy(known) === 'escrow'
            ? 'NonServiceFailure'
            : 'Failure',
      recommendedAction: act?.recommendedAction ?? null,
    },
    sourceIdentity: { id: found?.id ?? null, type: 'User', displayName: found?.userName ?? null, details: null },
    sourceSystem: { id: done.tenantId ?? null, name: 'Microsoft Entra ID', details: null },
    targetIdentity: { id: account, type: 'User', displayName: null, details: null },
    targetSystem: { id: done.store, name: 'Maptician', details: null },
  };
}

function describeStep(
  step: ProvisioningStep,
  { entry, skipReason }: { readonly entry: ProvisioningObjectSummary | undefined; readonly skipReason: string | null },
): { readonly name: string; readonly type: string; readonly details: Readonly<Record<string, string>> } {
  switch (step.step) {
    case 'connect':
      return { name: 'Connect', type: 'Import', details: {} };
    case 'import':
      return {
        name: 'EntryImport',
        type: 'Import',
        details: textsOf({
          objectId: step.id,
          userPrincipalName: step.userName,
          accountEnabled: step.enabled,
          IsSoftDeleted: step.presence === 'soft_deleted',
        }),
      };
    case 'scope':
      return {
        name: 'EntrySynchronizationScoping',
        type: 'Scoping',
        details: textsOf({
          IsActive: step.isActive,
          Assigned: step.assigned,
          IsInProvisioningScopeDisplayName: step.inScope,
          ScopeEvaluationResult: JSON.stringify(
            Object.fromEntries(step.clauses.map(({ clause, passed }) => [clause, passed])),
          ),
        }),
      };
    case 'match':
      return {
        name: 'EntryMatching',
        type: 'Matching',
        details: textsOf({ id: step.linked ?? step.tries.at(-1)?.accounts[0]?.id ?? null }),
      };
    case 'act': {
      const exported = entry?.provisioningSteps.findLast(({ provisioningStepType: type }) => type === 'export');
      const name = step.status === 'skipped' ? 'EntrySynchronizationSkip' : (exported?.name ?? 'EntryExport');
      const reason = step.status === 'skipped' ? skipReason : null;
      const details = textsOf({ SkipReason: reason, ErrorCode: step.status === 'failure' ? step.code : null });
      return { name, type: 'Export', details };
    }
  }
}

/** As Microsoft has them: texts all of them, True and False; what is not there is left out. */
function textsOf(details: Readonly<Record<string, string | boolean | null | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(details).flatMap(([name, value]) =>
      value === null || value === undefined
        ? []
        : [[name, typeof value === 'boolean' ? capital(String(value)) : value]],
    ),
  );
}

function capital(word: string): string {
  if (word === 'stageddelete') return 'StagedDelete';
  return `${word.charAt(0).toUpperCase()}${word.slice(1)}`;
}

function lastOf<Name extends ProvisioningStep['step']>(
  steps: readonly ProvisioningStep[],
  name: Name,
): StepOf<Name> | undefined {
  return steps.findLast((step): step is StepOf<Name> => step.step === name);
}
