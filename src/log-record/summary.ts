/**
 * An entry of the provisioning log in Microsoft's words: its provisioningObjectSummary
 * (https://learn.microsoft.com/graph/api/resources/provisioningobjectsummary). Pure.
 */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { errorCodes, errorPolicy, recommendedAction } from '../errors.ts';
import { type LogRecord, logActions, logStatuses } from '../state/provisioning-log.ts';
import { provisioningStep, stepsOf } from './steps.ts';

const text = z.string().nullable();
const system = z.object({ id: text, displayName: z.string(), details: z.record(z.string(), z.string()) });
const identity = z.object({ id: text, displayName: text, identityType: z.literal('User'), details: z.object({}) });
const property = z.union([z.string(), z.boolean(), z.null()]);

/** After https://learn.microsoft.com/graph/api/resources/provisioningerrorinfo. */
const errorInformation = z.object({
  errorCode: z.string(),
  /** The other side's words, and how often this was retried and when it is again. */
  reason: z.string(),
  additionalDetails: z.string().optional(),
  /** Microsoft's word for what no service can mend, only a change of the data, is nonServiceFailure. */
  errorCategory: z.enum(['failure', 'nonServiceFailure']),
  recommendedAction: z.string(),
});

/** The record, for JSON. Beside Microsoft's fields it has `operation` and the plain `reason`. */
export const provisioningObjectSummary = z.object({
  id: z.guid(),
  activityDateTime: z.iso.datetime(),
  tenantId: text,
  jobId: z.string(),
  cycleId: z.number(),
  /** One a change, and so one an entry. */
  changeId: z.guid(),
  provisioningAction: z.enum(logActions),
  /** What it was in this service's own words. */
  operation: z.string(),
  durationInMilliseconds: z.number().nullable(),
  provisioningStatusInfo: z.object({
    status: z.enum(logStatuses),
    reason: text,
    errorInformation: errorInformation.optional(),
  }),
  provisioningSteps: z.array(provisioningStep),
  modifiedProperties: z.array(z.object({ displayName: z.string(), oldValue: property, newValue: property })),
  servicePrincipal: z.object({ id: text, displayName: z.string() }),
  sourceSystem: system,
  targetSystem: system,
  sourceIdentity: identity,
  targetIdentity: identity,
  initiatedBy: z.object({ id: z.string(), displayName: z.string(), initiatorType: z.enum(['system', 'user']) }),
});
export type ProvisioningObjectSummary = z.infer<typeof provisioningObjectSummary>;

/** What is the same for every entry of an installation. */
export interface InstallationFacts {
  /** The id of the installation: entries of two have different ids. */
  readonly installation: string;
  readonly tenantId: string | undefined;
  /** The object id of the enterprise application, where the settings name it or it was looked up. */
  readonly servicePrincipalId: string | undefined;
  /** Which user store it is, such as `scim https://…`. */
  readonly store: string;
}

/** The id of the one synchronization job of an installation. */
export function jobIdOf({ installation, tenantId }: Pick<InstallationFacts, 'installation' | 'tenantId'>): string {
  return ['maptician-sync', ...(tenantId === undefined ? [] : [tenantId]), installation].join('.');
}

/** Turns a row of the log into Microsoft's record. The same row gives the same ids each time. */
export function toProvisioningObjectSummary(record: LogRecord, facts: InstallationFacts): ProvisioningObjectSummary {
  const { installation, tenantId = null, servicePrincipalId = null, store } = facts;
  const { status, reason, userName, mapticianId } = record;
  return {
    id: guidOf(installation, 'entry', record.id),
    activityDateTime: record.activityAt.toISOString(),
    tenantId,
    jobId: jobIdOf(facts),
    cycleId: record.cycleId,
    changeId: guidOf(installation, 'change', record.id),
    provisioningAction: record.action,
    operation: record.operation,
    durationInMilliseconds: record.durationMs,
    provisioningStatusInfo: {
      status,
      reason,
      ...(record.code === null ? {} : { errorInformation: errorInformationOf(record, record.code) }),
    },
    provisioningSteps: stepsOf(record),
    modifiedProperties: [...record.modified],
    servicePrincipal: { id: servicePrincipalId, displayName: 'Maptician' },
    sourceSystem: { id: tenantId, displayName: 'Microsoft Entra ID', details: {} },
    targetSystem: { id: store, displayName: 'Maptician', details: {} },
    sourceIdentity: { id: record.entraId, displayName: userName, identityType: 'User', details: {} },
    targetIdentity: { id: mapticianId, displayName: accountName(record), identityType: 'User', details: {} },
    initiatedBy: initiatorOf(record, installation),
  };
}

function errorInformationOf(record: LogRecord, code: string): z.infer<typeof errorInformation> {
  const { httpStatus, attempt, reason } = record;
  const known = errorCodes.find((candidate) => candidate === code);
  const details = [
    ...(httpStatus === null ? [] : [`HTTP status ${httpStatus}`]),
    ...(attempt === null ? [] : [`attempt ${attempt}`]),
  ];
  return {
    errorCode: code,
    reason: withRetries(reason ?? code, retries(record)),
    ...(details.length === 0 ? {} : { additionalDetails: details.join(', ') }),
    errorCategory: known !== undefined && errorPolicy(known) === 'escrow' ? 'nonServiceFailure' : 'failure',
    recommendedAction: known === undefined ? '' : recommendedAction(known),
  };
}

/** How often it was retried, and when it is again where that is known; as the texts of Microsoft's log end. */
function retries({ attempt, nextRetryAt }: LogRecord): string[] {
  const count = (attempt ?? 1) - 1;
  return [
    ...(count === 0 ? [] : [`This operation was retried ${count} ${count === 1 ? 'time' : 'times'}.`]),
    ...(nextRetryAt === null
      ? []
      : [`It will be retried ${count === 0 ? '' : 'again '}after this date: ${nextRetryAt.toISOString()}.`]),
  ];
}

function withRetries(reason: string, sentences: readonly string[]): string {
  if (sentences.length === 0) return reason;
  return [/[.!?]$/.test(reason) ? reason : `${reason}.`, ...sentences].join(' ');
}

/** The account's name in Maptician where the entry tells it, else its user's. */
function accountName({ mapticianId, modified, userName }: LogRecord): string | null {
  if (mapticianId === null) return null;
  const name = modified.find(({ displayName }) => displayName === 'userName')?.newValue;
  return typeof name === 'string' ? name : userName;
}

function initiatorOf({ trigger }: LogRecord, installation: string): ProvisioningObjectSummary['initiatedBy'] {
  const system = trigger === null || trigger === 'schedule';
  return {
    id: installation,
    displayName: system ? 'maptician-sync' : `maptician-sync ${trigger}`,
    initiatorType: system ? 'system' : 'user',
  };
}

/** A GUID of one's own making (RFC 9562, version 8). */
function guidOf(installation: string, kind: 'entry' | 'change', id: number): string {
  const hash = createHash('sha256').update(`${installation} ${kind} ${id}`).digest('hex');
  const variant = ((Number.parseInt(hash.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hash.slice(0, 8),
    hash.slice(8, 12),
    `8${hash.slice(13, 16)}`,
    `${variant}${hash.slice(17, 20)}`,
    hash.slice(20, 32),
  ].join('-');
}
