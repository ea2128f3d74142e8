/** What the state database and the queue say, as metrics: read when Prometheus asks. The same on every machine. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Gauge, Registry } from 'prom-client';
import { type CredentialExpiry, knownCredential } from '../notify/credentials.ts';
import { type Recall, type Remembered, remember } from '../remember.ts';
import type { Service } from '../service.ts';
import type { Database } from '../state/database.ts';
import { readStandingInShort, type StandingInShort, standingStates } from '../state/standing.ts';
import type { UserCounts } from '../state/user-counts.ts';
import { type CountedJobs, countJobs } from './count-jobs.ts';

/** By name, without its beginning: what it says, and its label where it has any. */
const gauges = {
  state_readable: ['Whether the state database could be read for this answer'],
  job_state: ['How things stand, as status has it: 1 for the one state that is so', 'state'],
  last_cycle_start_timestamp_seconds: ['When the newest cycle began'],
  last_cycle_end_timestamp_seconds: ['When the newest cycle ended; absent while it runs'],
  last_cycle_duration_seconds: ['How long the newest cycle took, or has taken so far'],
  last_good_cycle_timestamp_seconds: ['When a cycle last came to its end, whether or not users failed in it'],
  last_good_cycle_age_seconds: ['How long ago that was; absent where no cycle ever has'],
  credential_expiry_timestamp_seconds: ['When the credential for Entra expires, where that is known', 'kind'],
  users: ['Users: mirrored, in scope, linked to an account, and active in Maptician', 'set'],
  escrow_users: ['Users whose provisioning failed, by the error', 'code'],
  pending_operations: ['Operations still to be carried out; held ones wait for an operator', 'kind', 'state'],
  drift_accounts: ['Accounts that somebody else changed in Maptician, by the last check', 'kind'],
  queue_jobs: ["Jobs in the queue, by BullMQ's state of them", 'queue', 'state'],
  count_age_seconds: ['How old the counts are: what takes long to count is counted less often', 'of'],
} as const satisfies Record<string, readonly [help: string, ...labels: string[]]>;

/** The names of all of them. */
export const stateMetricNames = Object.keys(gauges).map((name) => `maptician_sync_${name}`);

interface Sample {
  readonly name: keyof typeof gauges;
  readonly labels?: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Milliseconds; Prometheus itself waits for ten seconds by default. */
const within = 2_000;

/**
 * Resolves with the metrics as they are now. Never rejects: what cannot be read is absent, and
 * `maptician_sync_state_readable` is 0.
 */
export function createStateMetrics(
  { database, queue, settings }: Pick<Service, 'queue' | 'settings'> & { readonly database: Pick<Database, 'pool'> },
  countedUsers: Recall<UserCounts>,
): () => Promise<Registry> {
  const countedJobs = remember(async () => countJobs(await queue()));
  const readState = async () => ({
    standing: await readStandingInShort(database.pool),
    credential: await knownCredential(database.pool, settings),
  });
  return async () => {
    const [state, users, jobs] = await Promise.all([
      inTime(readState().catch(() => undefined)),
      countedUsers(),
      countedJobs(),
    ]);
    return registryOf([
      { name: 'state_readable', value: state === undefined ? 0 : 1 },
      ...(state === undefined ? [] : samplesOfStanding(state.standing, Date.now())),
      ...(state?.credential === undefined ? [] : [sampleOfExpiry(state.credential)]),
      ...(users === undefined ? [] : [ageOf('users', users), ...samplesOfUsers(users.value)]),
      ...(jobs === undefined ? [] : [ageOf('jobs', jobs), ...samplesOfJobs(jobs.value)]),
    ]);
  };
}

/** A gauge without labels shows nought where it was given no value, so it is made only where it has one. */
function registryOf(samples: readonly Sample[]): Registry {
  const registry = new Registry();
  for (const [name, [help, ...labelNames]] of Object.entries(gauges)) {
    const own = samples.filter((sample) => sample.name === name);
    if (own.length === 0) continue;
    const gauge = new Gauge<string>({ name: `maptician_sync_${name}`, help, labelNames, registers: [registry] });
    for (const { labels = {}, value } of own) gauge.set(labels, value);
  }
  return registry;
}

function samplesOfStanding({ state, lastCycle, lastFinished }: StandingInShort, now: number): Sample[] {
  const samples: Sample[] = standingStates.map((known) => ({
    name: 'job_state',
    labels: { state: known },
    value: known === state ? 1 : 0,
  }));
  if (lastCycle !== undefined) {
    const { startedAt, endedAt } = lastCycle;
    const milliseconds = (endedAt?.getTime() ?? now) - startedAt.getTime();
    samples.push({ name: 'last_cycle_start_timestamp_seconds', value: startedAt.getTime() / 1000 });
    samples.push({ name: 'last_cycle_duration_seconds', value: milliseconds / 1000 });
    if (endedAt !== null) samples.push({ name: 'last_cycle_end_timestamp_seconds', value: endedAt.getTime() / 1000 });
  }
  if (lastFinished !== null) {
    const at = lastFinished.getTime();
    samples.push({ name: 'last_good_cycle_timestamp_seconds', value: at / 1000 });
    samples.push({ name: 'last_good_cycle_age_seconds', value: Math.max(0, now - at) / 1000 });
  }
  return samples;
}

function sampleOfExpiry({ kind, expiresAt }: CredentialExpiry): Sample {
  return { name: 'credential_expiry_timestamp_seconds', labels: { kind }, value: expiresAt.getTime() / 1000 };
}

function samplesOfUsers({ users, escrow, operations, drift }: UserCounts): Sample[] {
  return [
    ...Object.entries(users).map(([set, value]): Sample => ({ name: 'users', labels: { set }, value })),
    ...escrow.map(({ code, users: value }): Sample => ({ name: 'escrow_users', labels: { code }, value })),
    ...operations.map(
      ({ kind, state, operations: value }): Sample => ({ name: 'pending_operations', labels: { kind, state }, value }),
    ),
    ...drift.map(({ kind, accounts: value }): Sample => ({ name: 'drift_accounts', labels: { kind }, value })),
  ];
}

function samplesOfJobs(counted: CountedJobs): Sample[] {
  return counted.map(({ queue, state, jobs: value }) => ({ name: 'queue_jobs', labels: { queue, state }, value }));
}

function ageOf(of: string, { at }: Remembered<unknown>): Sample {
  return { name: 'count_age_seconds', labels: { of }, value: (performance.now() - at) / 1000 };
}

function inTime<T>(reading: Promise<T>): Promise<T | undefined> {
  return Promise.race([reading, sleep(within, undefined, { ref: false })]);
}
