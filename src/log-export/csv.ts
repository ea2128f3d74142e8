/**
 * The three CSV files in which Microsoft's admin center gives out provisioning logs, joined by the change id
 * (https://learn.microsoft.com/entra/identity/monitoring-health/howto-analyze-provisioning-logs). By RFC 4180; pure.
 */
import type { ProvisioningObjectSummary } from '../log-record/summary.ts';

export const csvFiles = [
  'ProvisioningLogs',
  'ProvisioningLogs_ProvisioningSteps',
  'ProvisioningLogs_ModifiedProperties',
] as const;
export type CsvFile = (typeof csvFiles)[number];

type Cell = string | number | boolean | null;

const columns = {
  ProvisioningLogs: [
    ...['id', 'activityDateTime', 'tenantId', 'jobId', 'cycleId', 'changeId', 'provisioningAction', 'operation'],
    ...['durationInMilliseconds', 'status', 'errorCode', 'reason', 'additionalDetails', 'errorCategory'],
    ...['recommendedAction', 'servicePrincipalId', 'servicePrincipalName', 'sourceSystemId', 'sourceSystemName'],
    ...['targetSystemId', 'targetSystemName', 'sourceIdentityId', 'sourceIdentityName', 'sourceIdentityType'],
    ...[
      'targetIdentityId',
      'targetIdentityName',
      'targetIdentityType',
      'initiatorId',
      'initiatorName',
      'initiatorType',
    ],
  ],
  ProvisioningLogs_ProvisioningSteps: ['changeId', 'name', 'provisioningStepType', 'status', 'description', 'details'],
  ProvisioningLogs_ModifiedProperties: ['changeId', 'displayName', 'oldValue', 'newValue'],
} as const satisfies Record<CsvFile, readonly string[]>;

/** What a file begins with: the mark by which spreadsheets know UTF-8, and the names of the columns. */
export function csvHead(file: CsvFile): string {
  return `\ufeff${line(columns[file])}`;
}

/** The lines of one entry in each of the files. */
export function csvLines(summary: ProvisioningObjectSummary): Record<CsvFile, string> {
  const { changeId } = summary;
  return {
    ProvisioningLogs: line(summaryCells(summary)),
    ProvisioningLogs_ProvisioningSteps: summary.provisioningSteps
      .map(({ name, provisioningStepType, status, description, details }) =>
        line([changeId, name, provisioningStepType, status, description, JSON.stringify(details)]),
      )
      .join(''),
    ProvisioningLogs_ModifiedProperties: summary.modifiedProperties
      .map(({ displayName, oldValue, newValue }) => line([changeId, displayName, oldValue, newValue]))
      .join(''),
  };
}

function summaryCells(summary: ProvisioningObjectSummary): Cell[] {
  const { provisioningStatusInfo: info, servicePrincipal, sourceSystem, targetSystem, initiatedBy } = summary;
  const { sourceIdentity: source, targetIdentity: target } = summary;
  const error = info.errorInformation;
  return [
    ...[summary.id, summary.activityDateTime, summary.tenantId, summary.jobId, summary.cycleId, summary.changeId],
    ...[summary.provisioningAction, summary.operation, summary.durationInMilliseconds, info.status],
    ...[error?.errorCode ?? null, error?.reason ?? info.reason, error?.additionalDetails ?? null],
    ...[error?.errorCategory ?? null, error?.recommendedAction ?? null],
    ...[servicePrincipal.id, servicePrincipal.displayName, sourceSystem.id, sourceSystem.displayName],
    ...[targetSystem.id, targetSystem.displayName, source.id, source.displayName, source.identityType],
    ...[target.id, target.displayName, target.identityType],
    ...[initiatedBy.id, initiatedBy.displayName, initiatedBy.initiatorType],
  ];
}

function line(cells: readonly Cell[]): string {
  return `${cells.map(field).join(',')}\r\n`;
}

/** Spreadsheets run a cell that begins so, whoever wrote it: an apostrophe before it makes it text (OWASP, CSV injection). */
const formula = /^[=+\-@\t\r\n]/;

function field(value: Cell): string {
  if (value === null) return '';
  const text = typeof value === 'string' && formula.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}
