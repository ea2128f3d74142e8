/**
 * The steps of an entry of the provisioning log, after Microsoft's provisioningStep
 * (https://learn.microsoft.com/graph/api/resources/provisioningstep): derived from what the entry says, since no more is
 * remembered of what went well. Pure.
 */
import { z } from 'zod';
import { type LogRecord, type LogStatus, logStatuses } from '../state/provisioning-log.ts';

export const provisioningStep = z.object({
  name: z.string(),
  provisioningStepType: z.enum(['import', 'scoping', 'matching', 'processing', 'referenceResolution', 'export']),
  status: z.enum(logStatuses),
  description: z.string(),
  details: z.record(z.string(), z.string()),
});
export type ProvisioningStep = z.infer<typeof provisioningStep>;

/** What an operation does to the account, as the names of steps have it and as a sentence has it. */
const changes: Readonly<Record<string, { readonly name: string; readonly done: string }>> = {
  create: { name: 'Add', done: 'created' },
  adopt: { name: 'Update', done: 'adopted' },
  update: { name: 'Update', done: 'updated' },
  reactivate: { name: 'Update', done: 'activated' },
  deactivate: { name: 'Update', done: 'deactivated' },
  delete: { name: 'Delete', done: 'deleted' },
  yield: { name: 'Update', done: 'changed, so that another user can have the value,' },
};

/** The steps in the order in which they were taken; the one that failed is the last. */
export function stepsOf(record: LogRecord): ProvisioningStep[] {
  const { operation } = record;
  if (operation === 'read') return [imported(record, 'failure')];
  if (operation === 'plan') return [imported(record, 'success'), scoped(record), ...planned(record)];
  if (operation === 'drift') return [matched(record), compared(record)];
  if (operation === 'hold') return [imported(record, 'success'), scoped(record), held(record)];
  const before = [imported(record, 'success'), scoped(record)];
  const match = matched(record);
  if (match.status !== 'success') return [...before, match];
  return [...before, match, processed(record), exported(record)];
}

function imported(record: LogRecord, status: LogStatus): ProvisioningStep {
  const name = ['create', 'adopt'].includes(record.operation)
    ? 'EntryImportAdd'
    : record.operation === 'delete'
      ? 'EntryImportDelete'
      : record.operation === 'read'
        ? 'EntryImport'
        : 'EntryImportUpdate';
  const description =
    status === 'success'
      ? `Retrieved ${who(record)} from Microsoft Entra ID`
      : `${who(record)} could not be read from Microsoft Entra ID${because(record)}`;
  return { name, provisioningStepType: 'import', status, description, details: errorDetails(record, status) };
}

function scoped(record: LogRecord): ProvisioningStep {
  const { operation, status, reason } = record;
  const passedOver = operation === 'plan' && status === 'skipped';
  const ends = ['deactivate', 'delete', 'hold', 'unlink'].includes(operation);
  const found = passedOver ? 'is passed over' : ends ? 'is to have access no longer' : 'is in scope';
  return {
    name: 'EntrySynchronizationScoping',
    provisioningStepType: 'scoping',
    status: passedOver ? 'skipped' : 'success',
    description: `Determined whether ${who(record)} is in scope by its assignments, its state in Microsoft Entra ID and the scoping filters: it ${found}`,
    details: status !== 'failure' && reason !== null ? { Reason: reason } : {},
  };
}

function planned(record: LogRecord): ProvisioningStep[] {
  const { status, reason, code } = record;
  const skipped = status === 'skipped';
  return [
    {
      name: skipped ? 'EntrySynchronizationSkip' : 'EntrySynchronization',
      provisioningStepType: 'processing',
      status,
      description: skipped
        ? `Nothing is done about ${who(record)}${because(record)}`
        : `What ${who(record)} is to be in Maptician could not be worked out${because(record)}`,
      details: skipped
        ? { SkipReason: reason ?? 'EntrySynchronizationSkipped' }
        : errorDetails({ ...record, code }, status),
    },
  ];
}

function compared(record: LogRecord): ProvisioningStep {
  return {
    name: 'EntrySynchronization',
    provisioningStepType: 'processing',
    status: record.status,
    description: `Compared the account of ${who(record)} in Maptician with what was last applied${because(record)}`,
    details: {},
  };
}

function held(record: LogRecord): ProvisioningStep {
  return {
    name: record.action === 'stageddelete' ? 'EntrySynchronizationDelete' : 'EntrySynchronization',
    provisioningStepType: 'processing',
    status: 'warning',
    description: `Nothing is done about ${who(record)} until an operator has approved it`,
    details: {},
  };
}

function matched(record: LogRecord): ProvisioningStep {
  const { operation, mapticianId, code } = record;
  const step = (status: LogStatus, description: string, details: Record<string, string> = {}) =>
    ({ name: 'EntryMatching', provisioningStepType: 'matching', status, description, details }) as const;
  if (operation === 'unlink') {
    return step('warning', `${who(record)} is matched with no account in Maptician any more${because(record)}`);
  }
  if (code === 'DuplicateTargetEntries') {
    return step(
      'failure',
      `Several accounts in Maptician match ${who(record)}${because(record)}`,
      errorDetails(record, 'failure'),
    );
  }
  const account = mapticianId === null ? {} : { TargetId: mapticianId };
  if (operation === 'create')
    return step('success', `No account in Maptician matches ${who(record)}: one is to be created`);
  if (operation === 'adopt')
    return step('success', `Found an account in Maptician that matches ${who(record)}`, account);
  return step('success', `${who(record)} was matched with an account in Maptician before`, account);
}

function processed(record: LogRecord): ProvisioningStep {
  const paths = record.modified.map(({ displayName }) => displayName);
  const found =
    paths.length === 0 ? '' : `: ${paths.length} ${paths.length === 1 ? 'property' : 'properties'} to write`;
  return {
    name: `EntrySynchronization${changes[record.operation]?.name ?? 'Update'}`,
    provisioningStepType: 'processing',
    status: 'success',
    description:
      record.operation === 'create'
        ? `Worked out what ${who(record)} is to be in Maptician${found}`
        : `Compared what ${who(record)} is to be with the account in Maptician${found}`,
    details: {},
  };
}

function exported(record: LogRecord): ProvisioningStep {
  const { operation, status } = record;
  const { name, done } = changes[operation] ?? { name: 'Update', done: 'written' };
  const step = { name: `EntryExport${name}`, provisioningStepType: 'export', status } as const;
  if (operation === 'kept')
    return { ...step, description: record.reason ?? 'Maptician keeps other values', details: {} };
  if (status === 'failure') {
    const description = `${who(record)} could not be ${done} in Maptician${because(record)}`;
    return { ...step, description, details: errorDetails(record, status) };
  }
  if (status === 'skipped') {
    const already =
      operation === 'adopt' ? `${who(record)} is the same in Microsoft Entra ID and in Maptician` : undefined;
    return {
      ...step,
      description: already ?? `Nothing was written for ${who(record)}${because(record)}`,
      details: { SkipReason: already === undefined ? (record.reason ?? '') : 'RedundantExport' },
    };
  }
  return { ...step, description: `${who(record)} was ${done} in Maptician`, details: {} };
}

function who({ userName, entraId }: LogRecord): string {
  return `User '${userName ?? entraId}'`;
}

function because({ reason }: LogRecord): string {
  return reason === null || reason === '' ? '' : `: ${reason}`;
}

function errorDetails({ code, httpStatus }: LogRecord, status: LogStatus): Record<string, string> {
  if (status !== 'failure') return {};
  return {
    ...(code === null ? {} : { ErrorCode: code }),
    ...(httpStatus === null ? {} : { HttpStatusCode: String(httpStatus) }),
  };
}
