/** Entries of the provisioning log as tests need them. */
import type { LogEntry, LogRecord } from '../../src/state/provisioning-log.ts';

export const ada = '6204c1d1-4712-4c46-a7d9-3ed63d992682';
export const bob = '6204c1d1-4712-4c46-a7d9-3ed63d992683';

const plain = {
  action: 'update',
  operation: 'update',
  status: 'success',
  entraId: ada,
  userName: 'ada@contoso.example',
  mapticianId: 'm-1',
  code: null,
  reason: 'attributes changed in Entra',
} as const;

/** An update that went well, unless it is said otherwise. */
export function entryOf(changes: Partial<LogEntry> = {}): LogEntry {
  return { ...plain, ...changes };
}

/** The same as it is read. */
export function recordOf(changes: Partial<LogRecord> = {}): LogRecord {
  return {
    ...plain,
    id: 7,
    activityAt: new Date('2026-11-24T08:00:00Z'),
    cycleId: 3,
    httpStatus: null,
    attempt: null,
    nextRetryAt: null,
    durationMs: 42,
    trigger: 'schedule',
    modified: [{ displayName: 'title', oldValue: 'Chief', newValue: 'Surveyor' }],
    ...changes,
  };
}

export const facts = {
  installation: 'd29a6352-7e26-4df4-81a7-04eb1e9a2f0a',
  tenantId: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b11',
  servicePrincipalId: undefined,
  store: 'scim https://maptician.example/scim/v2',
};
