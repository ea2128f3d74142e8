/**
 * The state of the job in the words of Microsoft's synchronizationJob
 * (https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjob). What this service does not count,
 * such as imported entries, is left out. Pure.
 */
import { z } from '@hono/zod-openapi';
import { type ErrorCode, errorPolicy } from '../../errors.ts';
import { quarantineReasons } from '../../plan/quarantine.ts';
import type { Cycle } from '../../state/cycles.ts';
import type { Executions } from '../../state/executions.ts';
import type { StandingInShort } from '../../state/standing.ts';
import { moment } from '../api/openapi.ts';

const synchronizationError = z.object({
  code: z.string().nullable(),
  message: z.string().nullable(),
  tenantActionable: z.boolean(),
});

const execution = z.object({
  activityIdentifier: z.string(),
  state: z.enum(['Succeeded', 'Failed', 'EntryLevelErrors']),
  timeBegan: moment,
  timeEnded: moment,
  countEscrowed: z.number(),
  countEscrowedRaw: z.number(),
  countExported: z.number(),
  error: synchronizationError.nullable(),
});
type Execution = z.infer<typeof execution>;

const progress = z.object({
  completedUnits: z.number(),
  totalUnits: z.number().optional().openapi({ description: 'Left out while a list is still being read.' }),
  units: z.string(),
  progressObservationDateTime: moment,
});

const quarantine = z.object({
  currentBegan: moment,
  seriesBegan: moment,
  seriesCount: z.number(),
  nextAttempt: moment.nullable().openapi({ description: 'Null where it waits for somebody to start the job.' }),
  reason: z.enum(quarantineReasons),
  error: synchronizationError,
});

const status = z.object({
  code: z.enum(['NotRun', 'Active', 'Paused', 'Quarantine']),
  countSuccessiveCompleteFailures: z.number(),
  escrowsPruned: z.boolean(),
  lastExecution: execution.nullable(),
  lastSuccessfulExecution: execution.nullable(),
  lastSuccessfulExecutionWithExports: execution.nullable(),
  progress: z.array(progress),
  quarantine: quarantine.nullable(),
  steadyStateFirstAchievedTime: moment,
  steadyStateLastAchievedTime: moment,
  synchronizedEntryCountByType: z.array(z.object({ key: z.string(), value: z.number() })),
  troubleshootingUrl: z.string().nullable(),
});

export const synchronizationJob = z
  .object({
    id: z.string(),
    templateId: z.string(),
    schedule: z.object({
      expiration: z.null(),
      interval: z.string().openapi({ description: 'The longest time between two cycles, as an ISO 8601 duration.' }),
      state: z.enum(['Active', 'Paused', 'Disabled']),
    }),
    status,
    synchronizationJobSettings: z.array(z.object({ name: z.string(), value: z.string() })),
  })
  .openapi('synchronizationJob');
export type SynchronizationJob = z.infer<typeof synchronizationJob>;

/** What a job's resource is made of. */
export interface JobState {
  readonly id: string;
  readonly origin: string;
  readonly standing: StandingInShort;
  /** Users who have an account by us, and whether any failed. */
  readonly linked: number;
  readonly failing: boolean;
  readonly executions: Executions;
  /** Milliseconds. */
  readonly interval: number;
  /** Removals in one cycle above which they are held. */
  readonly removalLimit: number;
}

/** As Microsoft's service has what never was. */
const never = '0001-01-01T00:00:00Z';

export function toSynchronizationJob(job: JobState): SynchronizationJob {
  const { standing, executions } = job;
  const { pausedAt, quarantine: sick } = standing.job;
  const disabled = sick !== null && sick.disabledAt !== null;
  return {
    id: job.id,
    templateId: 'maptician-sync',
    schedule: {
      expiration: null,
      interval: durationOf(job.interval),
      state: pausedAt !== null ? 'Paused' : disabled ? 'Disabled' : 'Active',
    },
    status: {
      code: codeOf(standing),
      countSuccessiveCompleteFailures: executions.failuresInARow,
      escrowsPruned: standing.job.escrowsPruned,
      lastExecution: toExecution(executions.last),
      lastSuccessfulExecution: toExecution(executions.lastSuccessful),
      lastSuccessfulExecutionWithExports: toExecution(executions.lastSuccessfulWithExports),
      progress: progressOf(standing),
      quarantine: quarantineOf(standing),
      steadyStateFirstAchievedTime: executions.firstFinishedAt?.toISOString() ?? never,
      steadyStateLastAchievedTime: executions.lastFinishedAt?.toISOString() ?? never,
      synchronizedEntryCountByType: [{ key: 'User to User', value: job.linked }],
      troubleshootingUrl: troubleshootingUrl(job),
    },
    synchronizationJobSettings: [{ name: 'QuarantineTooManyDeletesThreshold', value: String(job.removalLimit) }],
  };
}

function codeOf({ job, lastCycle }: StandingInShort): SynchronizationJob['status']['code'] {
  if (job.pausedAt !== null) return 'Paused';
  if (job.quarantine !== null) return 'Quarantine';
  return lastCycle === undefined ? 'NotRun' : 'Active';
}

const states = {
  succeeded: 'Succeeded',
  partial: 'EntryLevelErrors',
  failed: 'Failed',
  interrupted: 'Failed',
} as const;

function toExecution(cycle: Cycle | undefined): Execution | null {
  if (cycle === undefined || cycle.state === 'running') return null;
  const { created = 0, updated = 0, deactivated = 0, reactivated = 0, deleted = 0, failed = 0 } = cycle.counts ?? {};
  return {
    activityIdentifier: String(cycle.id),
    state: states[cycle.state],
    timeBegan: cycle.startedAt.toISOString(),
    timeEnded: (cycle.endedAt ?? cycle.startedAt).toISOString(),
    countEscrowed: failed,
    countEscrowedRaw: failed,
    countExported: created + updated + deactivated + reactivated + deleted,
    error:
      cycle.stopCode === null
        ? null
        : { code: cycle.stopCode, message: cycle.stopMessage, tenantActionable: isActionable(cycle.stopCode) },
  };
}

/** Whether a person has to do something about it. */
function isActionable(code: ErrorCode): boolean {
  const policy = errorPolicy(code);
  return policy === 'quarantine' || policy === 'escrow';
}

function progressOf({ progress: seen, lastCycle }: StandingInShort): z.infer<typeof progress>[] {
  if (seen === undefined) return [];
  return [
    {
      completedUnits: seen.done ?? 0,
      ...(seen.total === null ? {} : { totalUnits: seen.total }),
      units: seen.phase,
      progressObservationDateTime: (seen.at ?? lastCycle?.startedAt ?? new Date(0)).toISOString(),
    },
  ];
}

function quarantineOf({ job: { quarantine: sick } }: StandingInShort): z.infer<typeof quarantine> | null {
  if (sick === null) return null;
  const { since, count, nextAttempt, reason, code, message } = sick;
  return {
    currentBegan: since.toISOString(),
    seriesBegan: since.toISOString(),
    seriesCount: count,
    nextAttempt: nextAttempt?.toISOString() ?? null,
    reason,
    error: { code: code ?? reason, message, tenantActionable: code === null || isActionable(code) },
  };
}

function troubleshootingUrl({ origin, standing, failing }: JobState): string | null {
  if (standing.job.quarantine !== null) return `${origin}/`;
  return failing ? `${origin}/failures` : null;
}

/** ISO 8601, of hours, minutes and seconds. */
function durationOf(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  const parts = [
    [Math.floor(seconds / 3600), 'H'],
    [Math.floor(seconds / 60) % 60, 'M'],
    [seconds % 60, 'S'],
  ] as const;
  const text = parts.map(([count, unit]) => (count === 0 ? '' : `${count}${unit}`)).join('');
  return `PT${text === '' ? '0S' : text}`;
}
