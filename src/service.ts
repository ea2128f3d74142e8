/** The composition root: settings → database, queue, Entra side, user store, jobs; opened and closed in order. */

import { checkDrift } from '../jobs/check-drift.ts';
import { createUsers } from '../jobs/create-users.ts';
import { deactivateUsers } from '../jobs/deactivate-users.ts';
import { deleteUsers } from '../jobs/delete-users.ts';
import { runCycle as runScheduledCycle } from '../jobs/run-cycle.ts';
import type { JobContext } from '../jobs/run-operations.ts';
import { sendNotification } from '../jobs/send-notification.ts';
import { updateUsers } from '../jobs/update-users.ts';
import type { ApplyRules } from './apply/apply.ts';
import { createBreaker } from './apply/breaker.ts';
import { configFile } from './config-file.ts';
import type { CycleContext, DirectoryCycle } from './cycle/cycle-context.ts';
import type { GuardRules } from './cycle/guard-state.ts';
import type { ProvisionContext } from './cycle/provision.ts';
import type { WhyContext } from './cycle/why.ts';
import { createCredential } from './directory/credential.ts';
import { createGraphClient } from './directory/graph-client.ts';
import type { PullContext } from './directory/pull-context.ts';
import type { Duty } from './duties.ts';
import { SyncError, toSyncError } from './errors.ts';
import type { OnRequest } from './http.ts';
import { leaveQuarantine } from './leave-quarantine.ts';
import type { Log } from './log.ts';
import { openLogKeeper } from './log-export/keep-log.ts';
import { readsRoles } from './mapping/attribute-mapping.ts';
import { type AttributeTable, matchingAttributes, redactedProperties } from './mapping/attribute-table.ts';
import { loadAttributeTable } from './mapping/load-attribute-table.ts';
import { concurrencyOf, openUserStore, storeIdentity } from './maptician/open-user-store.ts';
import type { UserStore } from './maptician/user-store.ts';
import { type Channel, openChannels } from './notify/channels.ts';
import { notificationDuties } from './notify/duties.ts';
import { once } from './once.ts';
import { directoryOpener } from './open-directory.ts';
import type { PlanRules } from './plan/decide.ts';
import { openQueueBackend, type QueueBackend, type RunningJob } from './queue/backend.ts';
import { jobNames } from './queue/outbox.ts';
import { scheduledJobs } from './queue/ticks.ts';
import type { ScopingFilters } from './scope/filters/model.ts';
import { loadScopingFilters } from './scope/load-scoping-filters.ts';
import type { Settings } from './settings.ts';
import { type Database, installationId, openDatabase } from './state/database.ts';
import type { DriftAction } from './state/drift.ts';
import { fillSearch } from './state/fill-search.ts';
import type { Metrics } from './telemetry/metrics.ts';
import { openTelemetry, type Telemetry } from './telemetry/telemetry.ts';

/** What the commands work with. */
export interface Service {
  readonly settings: Settings;
  readonly log: Log;
  readonly database: Database;
  readonly table: AttributeTable;
  readonly filters: ScopingFilters;
  /** Where the two stand; that of the filters need not exist. */
  readonly files: { readonly attributes: string; readonly filters: string };
  readonly rules: PlanRules;
  readonly guard: GuardRules;
  readonly applyRules: ApplyRules;
  /** Opened when it is first asked for, since `status` and `log` need none of them. */
  readonly queue: () => Promise<QueueBackend>;
  readonly store: () => Promise<UserStore>;
  /** What this process counts of its own work. */
  readonly metrics: Metrics;
  /** The ways in which people are told. */
  readonly channels: readonly Channel[];
  readonly cycleContext: () => Promise<CycleContext>;
  /** Provisions single users in this process; needs no queue. */
  readonly provisionContext: () => ProvisionContext;
  readonly whyContext: () => WhyContext;
  readonly openDirectory: (cycle: DirectoryCycle) => Promise<PullContext>;
  /** Starts to take jobs. `cycles` too for the service; a command runs its own cycle. */
  readonly work: (options: { cycles: boolean; signal: AbortSignal }) => Promise<void>;
  /** What a running service looks after once a minute; `schedule` where it is this process that ticks. */
  readonly duties: (options: { readonly schedule: boolean }) => Promise<readonly Duty[]>;
  readonly close: () => Promise<void>;
}

export interface ServiceOptions {
  readonly settings: Settings;
  readonly log: Log;
  /** Told of each request to Graph, beside the metrics. */
  readonly onGraphRequest?: OnRequest | undefined;
  /** Milliseconds until a request to Maptician is given up; 30 seconds by default. */
  readonly mapticianTimeout?: number | undefined;
  /** The folder of attributes.yaml and scoping-filters.yaml; `config` by default. */
  readonly configFolder?: string | undefined;
}

/** Opens the service's own state; everything else when it is first used. Rejects with a SyncError. */
export async function openService(options: ServiceOptions): Promise<Service> {
  const { settings, log } = options;
  const files = {
    attributes: configFile('attributes.yaml', options.configFolder),
    filters: configFile('scoping-filters.yaml', options.configFolder),
  };
  const table = await loadAttributeTable(files.attributes);
  const filters = await loadScopingFilters(files.filters);
  const telemetry = await openTelemetry(settings, log);
  const database = await openDatabase({
    databaseUrl: settings.DATABASE_URL,
    home: settings.MAPTICIAN_SYNC_HOME,
    log,
  });
  const stops: (() => Promise<void>)[] = [];
  const closing = new AbortController();
  if (settings.SYNC_SCOPE === 'all' && table.mappings.some(({ source }) => readsRoles(source))) {
    throw new SyncError(
      'Misconfigured',
      'The attribute table reads appRoleAssignments, which needs SYNC_SCOPE=assigned: change one of them',
    );
  }
  const matching = matchingAttributes(table);
  const rules: PlanRules = {
    table,
    flowNulls: settings.FLOW_NULL_VALUES,
    hardDelete: settings.HARD_DELETE_ACTION,
    deleteInactiveAfterDays: settings.DELETE_INACTIVE_AFTER_DAYS,
    skipOutOfScope: filters.skipOutOfScopeDeletions,
  };
  const applyRules: ApplyRules = { flowNulls: rules.flowNulls, actions: table.actions, matching };
  const guard = guardRules(settings);
  const queue = once(() => openQueue(settings, database, log, telemetry));
  const store = once(() =>
    openUserStore({
      ...options,
      database,
      signal: closing.signal,
      matching,
      onRequest: telemetry.onRequest('maptician'),
    }),
  );
  const logKeeper = await openLogKeeper({ settings, database, log });
  const credential = createCredential(settings);
  const origin = new URL(settings.GRAPH_BASE_URL).origin;
  const onGraphRequest = telemetry.onRequest('graph');
  const openGraph = () => createGraphClient({ origin, credential, signal: closing.signal, onRequest: onGraphRequest });
  const channels = openChannels(settings, openGraph, log);
  const channelNames = channels.map(({ name }) => name);
  const openDirectory = directoryOpener({
    settings,
    log,
    filters,
    rules,
    database,
    credential,
    onRequest: (event) => {
      onGraphRequest(event);
      // What went along in a batch was sent with it.
      if (!event.inner) options.onGraphRequest?.(event);
    },
  });

  const cycleContext = async (): Promise<CycleContext> => ({
    pool: database.pool,
    databaseUrl: database.url,
    queue: await queue(),
    openStore: store,
    storeIdentity: storeIdentity(settings),
    rules,
    thresholds: {
      minFailures: settings.QUARANTINE_MIN_FAILURES,
      percent: settings.QUARANTINE_PERCENT,
      failures: settings.QUARANTINE_FAILURES,
    },
    guard,
    logKeeper,
    channels: channelNames,
    log,
    telemetry,
    openDirectory,
  });

  const jobContext: JobContext = {
    pool: database.pool,
    enqueue: async (jobs) => (await queue()).add('operations', jobs),
    openStore: store,
    storeIdentity: storeIdentity(settings),
    rules: applyRules,
    onTried: async (_cycle, tried) => telemetry.metrics.operationsTried(tried),
    log,
  };

  return {
    settings,
    log,
    database,
    table,
    filters,
    files,
    rules,
    guard,
    applyRules,
    queue,
    store,
    metrics: telemetry.metrics,
    channels,
    cycleContext,
    openDirectory,
    provisionContext: () => ({
      pool: database.pool,
      databaseUrl: database.url,
      rules,
      storeIdentity: storeIdentity(settings),
      log,
      telemetry,
      openStore: store,
      openDirectory,
      runJob: (job, watched) => runOperationJob({ ...jobContext, openStore: async () => watched }, job),
    }),
    whyContext: () => ({
      pool: database.pool,
      rules,
      filters,
      everyone: settings.SYNC_SCOPE === 'all',
      openStore: store,
      openDirectory,
    }),
    work: async ({ cycles, signal }) => {
      const backend = await queue();
      const breaker = createBreaker(database.pool);
      const context: JobContext = {
        ...jobContext,
        onTried: async (cycleId, tried) => {
          await jobContext.onTried?.(cycleId, tried);
          await breaker(cycleId, tried);
        },
      };
      stops.push(backend.work('operations', (job) => runOperationJob(context, job), concurrencyOf(settings)));
      if (channels.length > 0) {
        const notifying = { pool: database.pool, channels, settings, log };
        // One for each, so that one that does not answer does not hold up the other.
        stops.push(backend.work('notifications', (job) => sendNotification(notifying, job), channels.length));
      }
      if (!cycles) return;
      const cycle = await cycleContext();
      const action = settings.DRIFT_ACTION;
      stops.push(backend.work('cycles', (job) => runScheduledJob({ ...cycle, action }, job, signal), 1));
    },
    duties: async ({ schedule }) => [
      ...(schedule ? [leaveQuarantine(database.pool, await queue(), log)] : []),
      fillSearch(database.pool, redactedProperties(table)),
      ...logKeeper.duties,
      ...(await notificationDuties({
        pool: database.pool,
        queue: await queue(),
        channels: channelNames,
        settings,
        openGraph,
      })),
    ],
    close: async () => {
      // Whoever waits for Maptician gives up; its job is run again elsewhere, or by the next cycle.
      closing.abort(new SyncError('Interrupted', 'The service is stopping'));
      // In this order, and each of them whatever became of the one before.
      const parts = [
        () => Promise.allSettled(stops.map((stop) => stop())),
        () => logKeeper.close(),
        async () => queue.opened() && (await queue()).close(),
        async () => store.opened() && (await store()).close(),
        async () => {
          for (const channel of channels) channel.close();
        },
        () => database.close(),
        () => telemetry.close(),
      ];
      for (const close of parts) {
        await close().catch((thrown: unknown) =>
          log.warn({ code: toSyncError(thrown).code }, 'something could not be closed'),
        );
      }
    },
  };
}

/** A kind without a setting has no limit of its own. Whoever raised the limits of a cycle raised those of a day with them. */
function guardRules(settings: Settings): GuardRules {
  const { CREATE_LIMIT, UPDATE_LIMIT, DEACTIVATE_LIMIT, DELETE_LIMIT } = settings;
  const { REMOVAL_LIMIT_COUNT: count, REMOVAL_LIMIT_PERCENT: percent } = settings;
  return {
    limits: {
      removals: { count, percent },
      day: {
        count: settings.REMOVAL_LIMIT_DAY_COUNT ?? Math.max(1000, 2 * count),
        percent: settings.REMOVAL_LIMIT_DAY_PERCENT ?? Math.max(50, 2 * percent),
      },
      kinds: {
        ...(CREATE_LIMIT && { create: CREATE_LIMIT }),
        ...(UPDATE_LIMIT && { update: UPDATE_LIMIT }),
        ...(DEACTIVATE_LIMIT && { deactivate: DEACTIVATE_LIMIT }),
        ...(DELETE_LIMIT && { delete: DELETE_LIMIT }),
      },
    },
    whenHeld: settings.WHEN_HELD,
    expiryDays: settings.HELD_EXPIRY_DAYS,
    everyone: settings.SYNC_SCOPE === 'all',
  };
}

function runOperationJob(context: JobContext, job: RunningJob): Promise<void> {
  switch (job.name) {
    case jobNames.create:
      return createUsers(context, job);
    case jobNames.update:
      return updateUsers(context, job);
    case jobNames.deactivate:
      return deactivateUsers(context, job);
    case jobNames.delete:
      return deleteUsers(context, job);
    default:
      throw new SyncError(
        'InternalError',
        `No job is called ${job.name}: is a newer version putting jobs into this queue?`,
      );
  }
}

/** What the schedule puts into the queue, one at a time. */
function runScheduledJob(
  context: CycleContext & { readonly action: DriftAction },
  job: RunningJob,
  signal: AbortSignal,
): Promise<void> {
  return job.name === scheduledJobs.drift ? checkDrift(context, signal) : runScheduledCycle(context, job, signal);
}

async function openQueue(
  settings: Settings,
  database: Database,
  log: Log,
  telemetry: Telemetry,
): Promise<QueueBackend> {
  const instance = await installationId(database);
  return openQueueBackend({
    redisUrl: settings.REDIS_URL,
    databaseUrl: database.url,
    instance,
    log,
    spans: telemetry.queue,
  });
}
