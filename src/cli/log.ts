/** `log`: the newest entries of the provisioning log. */
import { errorCodes, errorPolicy } from '../errors.ts';
import type { LogAction, LogFilter, LogRecord, LogStatus } from '../state/provisioning-log.ts';
import { readLog } from '../state/provisioning-log.ts';
import { actionFor, type CommandOptions, print, printJson, withService } from './command.ts';
import { cell, renderTable, when } from './table.ts';

export interface LogOptions extends CommandOptions {
  readonly user?: string | undefined;
  readonly action?: LogAction | undefined;
  readonly status?: LogStatus | undefined;
  readonly cycle?: number | undefined;
  readonly limit: number;
}

export async function log(options: LogOptions): Promise<number> {
  return withService(options, async ({ database }) => {
    const filter: LogFilter = options;
    const entries = await readLog(database.pool, filter);
    if (options.json) printJson(entries.map(entryJson));
    else print(entries.length === 0 ? 'No entries.' : describeEntries(entries));
    return 0;
  });
}

/** Field names as Microsoft's provisioning log has them (graph/api/resources/provisioningobjectsummary). */
function entryJson(entry: LogRecord) {
  return {
    id: entry.id,
    activityDateTime: entry.activityAt,
    cycleId: entry.cycleId,
    provisioningAction: entry.action,
    operation: entry.operation,
    provisioningStatusInfo: {
      status: entry.status,
      reason: entry.reason,
      ...(entry.code === null ? {} : { errorInformation: errorInformation(entry, entry.code) }),
    },
    sourceIdentity: { id: entry.entraId, displayName: entry.userName },
    targetIdentity: { id: entry.mapticianId },
    modifiedProperties: entry.modified,
  };
}

/** After https://learn.microsoft.com/graph/api/resources/provisioningerrorinfo. */
function errorInformation(entry: LogRecord, code: string) {
  const { httpStatus, attempt } = entry;
  const details = [
    ...(httpStatus === null ? [] : [`HTTP status ${httpStatus}`]),
    ...(attempt === null ? [] : [`attempt ${attempt}`]),
  ];
  return {
    errorCode: code,
    reason: entry.reason,
    ...(details.length === 0 ? {} : { additionalDetails: details.join(', ') }),
    // Microsoft's word for what no service can mend, only a change of the data.
    ...(needsChange(code) ? { errorCategory: 'nonServiceFailure' } : {}),
    recommendedAction: actionFor(code),
  };
}

function needsChange(code: string): boolean {
  return errorCodes.some((known) => known === code && errorPolicy(known) === 'escrow');
}

function describeEntries(entries: readonly LogRecord[]): string {
  return renderTable(
    ['TIME (UTC)', 'CYCLE', 'OPERATION', 'STATUS', 'USER', 'WHAT'],
    entries.map((entry) => [
      when(entry.activityAt),
      String(entry.cycleId),
      entry.operation,
      entry.status,
      cell(entry.userName ?? entry.entraId),
      describe(entry),
    ]),
  );
}

function describe(entry: LogRecord): string {
  if (entry.code !== null) return `${describeCode(entry.code, entry)}: ${cell(entry.reason)} ${actionFor(entry.code)}`;
  if (entry.operation === 'kept') {
    return entry.modified
      .map(({ displayName, oldValue, newValue }) => `${displayName}: sent ${cell(oldValue)}, kept ${cell(newValue)}`)
      .join('; ');
  }
  if (entry.operation === 'create' || entry.modified.length === 0) return cell(entry.reason);
  return entry.modified
    .map(({ displayName, oldValue, newValue }) => `${displayName}: ${cell(oldValue)} → ${cell(newValue)}`)
    .join('; ');
}

/** The class, the HTTP status where there was one, and how often in a row where it is not the first time. */
function describeCode(code: string, { httpStatus, attempt }: Pick<LogRecord, 'httpStatus' | 'attempt'>): string {
  const facts = [
    ...(httpStatus === null ? [] : [String(httpStatus)]),
    ...(attempt === null || attempt === 1 ? [] : [`attempt ${attempt}`]),
  ];
  return facts.length === 0 ? code : `${code} (${facts.join(', ')})`;
}
