import { expect, it } from 'vitest';
import { provisioningObjectSummary, toProvisioningObjectSummary } from '../../src/log-record/summary.ts';
import type { LogRecord } from '../../src/state/provisioning-log.ts';
import { facts, recordOf } from './entries.ts';

const summaryOf = (changes: Partial<LogRecord> = {}) =>
  provisioningObjectSummary.strict().parse(toProvisioningObjectSummary(recordOf(changes), facts));

it('an entry has the fields of Microsoft’s record', () => {
  expect(summaryOf()).toMatchObject({
    activityDateTime: '2026-11-24T08:00:00.000Z',
    tenantId: facts.tenantId,
    jobId: `maptician-sync.${facts.tenantId}.${facts.installation}`,
    cycleId: 3,
    provisioningAction: 'update',
    durationInMilliseconds: 42,
    provisioningStatusInfo: { status: 'success', reason: 'attributes changed in Entra' },
    modifiedProperties: [{ displayName: 'title', oldValue: 'Chief', newValue: 'Surveyor' }],
    sourceIdentity: { id: recordOf().entraId, displayName: 'ada@contoso.example', identityType: 'User' },
    targetIdentity: { id: 'm-1', displayName: 'ada@contoso.example' },
    targetSystem: { id: facts.store, displayName: 'Maptician' },
    initiatedBy: { displayName: 'maptician-sync', initiatorType: 'system' },
  });
  expect(summaryOf({ trigger: 'sync' }).initiatedBy).toMatchObject({ initiatorType: 'user' });
});

it('the ids of an entry are the same each time, and no other entry and no other installation has them', () => {
  expect(summaryOf().id).toBe(summaryOf({ reason: null }).id);
  const elsewhere = toProvisioningObjectSummary(recordOf(), { ...facts, installation: 'another' });
  const ids = [summaryOf(), summaryOf({ id: 8 }), elsewhere].flatMap(({ id, changeId }) => [id, changeId]);
  expect(new Set(ids).size).toBe(6);
});

it.each([
  [{ attempt: 1 }, 'taken'],
  [{ attempt: 2 }, 'taken. This operation was retried 1 time.'],
  [
    { attempt: 1, nextRetryAt: new Date('2026-11-24T14:00:00Z') },
    'taken. It will be retried after this date: 2026-11-24T14:00:00.000Z.',
  ],
  [
    { attempt: 4, reason: 'Taken!', nextRetryAt: new Date('2026-11-26T08:00:00Z') },
    'Taken! This operation was retried 3 times. It will be retried again after this date: 2026-11-26T08:00:00.000Z.',
  ],
])('a failure %j ends with how often it was retried, and when next', (changes, reason) => {
  const { provisioningStatusInfo } = summaryOf({
    status: 'failure',
    code: 'Conflict',
    reason: 'taken',
    httpStatus: 409,
    ...changes,
  });
  expect(provisioningStatusInfo.errorInformation).toMatchObject({
    errorCode: 'Conflict',
    reason,
    additionalDetails: `HTTP status 409, attempt ${changes.attempt}`,
    errorCategory: 'nonServiceFailure',
  });
});

const failure = { status: 'failure', reason: 'no', modified: [] } as const;
it.each<[string, Partial<LogRecord>, string[]]>([
  [
    'a create',
    { action: 'create', operation: 'create' },
    [
      'import success EntryImportAdd',
      'scoping success',
      'matching success',
      'processing success EntrySynchronizationAdd',
      'export success EntryExportAdd',
    ],
  ],
  [
    'a refused update',
    { ...failure, code: 'UnprocessableEntity' },
    ['import success', 'scoping success', 'matching success', 'processing success', 'export failure EntryExportUpdate'],
  ],
  [
    'several matches',
    { ...failure, operation: 'create', code: 'DuplicateTargetEntries' },
    ['import success', 'scoping success', 'matching failure'],
  ],
  ['a user who could not be read', { ...failure, operation: 'read', code: 'Timeout' }, ['import failure EntryImport']],
  [
    'a mapping that failed',
    { ...failure, operation: 'plan', code: 'MandatoryFieldsMissing' },
    ['import success', 'scoping success', 'processing failure'],
  ],
  [
    'somebody passed over',
    { operation: 'plan', status: 'skipped', reason: 'not created: disabled in Entra' },
    ['import success', 'scoping skipped', 'processing skipped EntrySynchronizationSkip'],
  ],
  [
    'an account that is the same already',
    { operation: 'adopt', status: 'skipped' },
    ['import success', 'scoping success', 'matching success', 'processing success', 'export skipped'],
  ],
  [
    'a held removal',
    { action: 'stageddelete', operation: 'hold', status: 'warning' },
    ['import success', 'scoping success', 'processing warning'],
  ],
  ['drift', { action: 'other', operation: 'drift', status: 'warning' }, ['matching success', 'processing warning']],
  [
    'an account that is gone',
    { operation: 'unlink', status: 'warning' },
    ['import success', 'scoping success', 'matching warning'],
  ],
  [
    'a value kept otherwise',
    { operation: 'kept', status: 'warning' },
    ['import success', 'scoping success', 'matching success', 'processing success', 'export warning'],
  ],
  [
    'a delete',
    { action: 'delete', operation: 'delete' },
    [
      'import success EntryImportDelete',
      'scoping success',
      'matching success',
      'processing success',
      'export success EntryExportDelete',
    ],
  ],
])('%s tells the steps it came through', (_what, changes, expected) => {
  const { provisioningSteps } = summaryOf(changes);
  const steps = provisioningSteps.map(
    ({ provisioningStepType, status, name }) => `${provisioningStepType} ${status} ${name}`,
  );
  expect(steps).toEqual(expected.map((start) => expect.stringMatching(new RegExp(`^${start}`))));
  for (const { description } of provisioningSteps) expect(description).toMatch(/^\S.*\S$/);
});

it('the steps say why it was skipped, and with what a request was refused', () => {
  expect(summaryOf({ operation: 'adopt', status: 'skipped' }).provisioningSteps.at(-1)).toMatchObject({
    details: { SkipReason: 'RedundantExport' },
  });
  expect(summaryOf({ ...failure, code: 'Conflict', httpStatus: 409 }).provisioningSteps.at(-1)).toMatchObject({
    description: "User 'ada@contoso.example' could not be updated in Maptician: no",
    details: { ErrorCode: 'Conflict', HttpStatusCode: '409' },
  });
});
