/** The composition root: settings → database, queue, Entra side, user store, jobs; opened and closed in order. */

import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createUsers } from '../jobs/create-users.ts';
import { deactivateUsers } from '../jobs/deactivate-users.ts';
import { deleteUsers } from '../jobs/delete-users.ts';
import { runCycle as runScheduledCycle } from '../jobs/run-cycle.ts';
import type { JobContext } from '../jobs/run-operations.ts';
import { sendNotification } from '../jobs/send-notification.ts';
import { updateUsers } from '../jobs/update-users.ts';
import type { CycleContext, DirectoryCycle } from './cycle/run-cycle.ts';
import { findServicePrincipal } from './directory/assignments.ts';
import { createCredential } from './directory/credential.ts';
import { createGraphClient } from './directory/graph-client.ts';
import type { PullContext } from './directory/pull-context.ts';
import { SyncError, toSyncError } from './errors.ts';
import type { OnRequest } from './http.ts';
import type { Log } from './log.ts';
import { type AttributeTable, fingerprint, graphProperties } from './mapping/attribute-table.ts';
import { loadAttributeTable } from './mapping/load-attribute-table.ts';
import { openPostgresUserStore } from './maptician/postgres/postgres-user-store.ts';
import type { UserStore } from './maptician/user-store.ts';
import { createMailer, type Mailer } from './notify/mail.ts';
import { packageRoot } from './package-root.ts';
import type { PlanRules } from './plan/decide.ts';
import { openQueueBackend, type QueueBackend, type RunningJob } from './queue/backend.ts';
import { jobNames } from './queue/outbox.ts';
import type { Settings } from './settings.ts';
import { type Database, openDatabase, openPool } from './state/database.ts';

/** What the commands work with. */
export interface Service {
  readonly settings: Settings;
  readonly log: Log;
  readonly database: Database;
  readonly table: AttributeTable;
  readonly rules: PlanRules;
  /** Opened when it is first asked for, since `status` and `log` need none of them. */
  readonly queue: () => Promise<QueueBackend>;
  readonly store: () => Promise<UserStore>;
  readonly mailer: Mailer | undefined;
  readonly cycleContext: () => Promise<CycleContext>;
  readonly openDirectory: (cycle: DirectoryCycle) => Promise<PullContext>;
  /** Starts to take jobs. `cycles` too for the service; a command runs its own cycle. */
  readonly work: (options: { cycles: boolean; signal: AbortSignal }) => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface ServiceOptions {
  readonly settings: Settings;
  readonly log: Log;
  readonly onGraphRequest?: OnRequest | undefined;
}

/** A file of `config/`: the one in the current folder, else the one that comes with the package. */
export function configFile(name: string): string {
  const local = join(process.cwd(), 'config', name);
  return existsSync(local) ? local : join(packageRoot, 'config', name);
}

/** Jobs that run side by side in one process: two cores, and a store that is mostly waited for. */
export const concurrency = 4;

/** Opens the service's own state; everything else when it is first used. Rejects with a SyncError. */
export async function openService(options: ServiceOptions): Promise<Service> {
  const { settings, log } = options;
  const table = await loadAttributeTable(configFile('attributes.yaml'));
  const database = await openDatabase({
    databaseUrl: settings.DATABASE_URL,
    home: settings.MAPTICIAN_SYNC_HOME,
    log,
  });
  const stops: (() => Promise<void>)[] = [];
  const rules: PlanRules = { table, flowNulls: settings.FLOW_NULL_VALUES, hardDelete: settings.HARD_DELETE_ACTION };
  const limits = { count: settings.REMOVAL_LIMIT_COUNT, percent: settings.REMOVAL_LIMIT_PERCENT };
  const queue = once(() => openQueue(settings, database, log));
  const store = once(() => openUserStore(settings, database.url));
  const mailer = openMailer(settings);
  const openDirectory = directoryOpener(options, table, database, rules);

  const cycleContext = async (): Promise<CycleContext> => ({
    pool: database.pool,
    databaseUrl: database.url,
    queue: await queue(),
    openStore: store,
    storeIdentity: storeIdentity(settings),
    rules,
    limits,
    notifies: mailer !== undefined,
    log,
    openDirectory,
  });

  return {
    settings,
    log,
    database,
    table,
    rules,
    queue,
    store,
    mailer,
    cycleContext,
    openDirectory,
    work: async ({ cycles, signal }) => {
      const backend = await queue();
      const context: JobContext = {
        pool: database.pool,
        queue: backend,
        openStore: store,
        flowNulls: rules.flowNulls,
        log,
      };
      stops.push(backend.work('operations', (job) => runOperationJob(context, job), concurrency));
      if (mailer !== undefined) {
        const notifying = { pool: database.pool, mailer, limits, log };
        stops.push(backend.work('notifications', (job) => sendNotification(notifying, job), 1));
      }
      if (!cycles) return;
      const cycle = await cycleContext();
      stops.push(backend.work('cycles', () => runScheduledCycle(cycle, signal), 1));
    },
    close: async () => {
      // In this order, and each of them whatever became of the one before.
      const closing = [
        () => Promise.allSettled(stops.map((stop) => stop())),
        async () => queue.opened() && (await queue()).close(),
        async () => store.opened() && (await store()).close(),
        async () => mailer?.close(),
        () => database.close(),
      ];
      for (const close of closing) {
        await close().catch((thrown: unknown) =>
          log.warn({ code: toSyncError(thrown).code }, 'something could not be closed'),
        );
      }
    },
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

async function openQueue(settings: Settings, database: Database, log: Log): Promise<QueueBackend> {
  const { rows } = await database.pool.query<{ value: string }>(
    `insert into facts (name, value) values ('instance', gen_random_uuid()::text)
     on conflict (name) do update set value = facts.value returning value`,
  );
  const instance = rows[0]?.value ?? '';
  return openQueueBackend({ redisUrl: settings.REDIS_URL, databaseUrl: database.url, instance, log });
}

/** Opens at the first call and only then; a failure is not kept. */
function once<T>(open: () => Promise<T>): (() => Promise<T>) & { opened: () => boolean } {
  let opening: Promise<T> | undefined;
  const get = () => {
    opening ??= open().catch((thrown: unknown) => {
      opening = undefined;
      throw thrown;
    });
    return opening;
  };
  return Object.assign(get, { opened: () => opening !== undefined });
}

/** The same for every spelling of credentials and options; the embedded database has another port each time. */
function storeIdentity(settings: Settings): string {
  if (settings.MAPTICIAN_DATABASE_URL === undefined) return 'the state database';
  const { host, pathname } = new URL(settings.MAPTICIAN_DATABASE_URL);
  return `postgres ${host}${pathname}`;
}

async function openUserStore(settings: Settings, stateUrl: string): Promise<UserStore> {
  if (settings.MAPTICIAN_TENANT_URL !== undefined) {
    throw new SyncError(
      'Misconfigured',
      'This version writes to a Postgres user store only: remove MAPTICIAN_TENANT_URL, and set MAPTICIAN_DATABASE_URL',
    );
  }
  // A row that somebody holds fails alone instead of holding up the cycle, and is tried again.
  const pool = openPool(settings.MAPTICIAN_DATABASE_URL ?? stateUrl, {
    max: concurrency,
    lockTimeout: 2_000,
    statementTimeout: 60_000,
  });
  const store = openPostgresUserStore({ pool });
  const close = () => pool.end();
  try {
    await store.prepare();
  } catch (thrown) {
    await close();
    throw thrown;
  }
  return { ...store, close };
}

function openMailer(settings: Settings): Mailer | undefined {
  const { SMTP_URL: smtpUrl, MAIL_FROM: from, NOTIFICATION_EMAIL: to } = settings;
  return smtpUrl === undefined || to === undefined || from === undefined
    ? undefined
    : createMailer({ smtpUrl, from, to });
}

function directoryOpener(options: ServiceOptions, table: AttributeTable, database: Database, rules: PlanRules) {
  const { settings, log } = options;
  const credential = once(async () => createCredential(settings));
  const origin = new URL(settings.GRAPH_BASE_URL).origin;
  const properties = graphProperties(table);
  const everyone = settings.SYNC_SCOPE === 'all';

  return async (cycle: DirectoryCycle): Promise<PullContext> => {
    const graph = createGraphClient({
      origin,
      credential: await credential(),
      signal: cycle.signal,
      ...(options.onGraphRequest === undefined ? {} : { onRequest: options.onGraphRequest }),
    });
    const servicePrincipalId = everyone
      ? undefined
      : (settings.ENTRA_SERVICE_PRINCIPAL_ID ?? (await findServicePrincipal({ graph }, settings.ENTRA_APP_ID ?? '')));
    // Whatever of these changes makes every comparison of before doubtful: an initial cycle, links are kept.
    const depends = [
      settings.AZURE_TENANT_ID,
      origin,
      settings.SYNC_SCOPE,
      servicePrincipalId?.toLowerCase(),
      properties,
      fingerprint(table),
      rules.flowNulls,
      rules.hardDelete,
    ];
    return {
      pool: database.pool,
      graph,
      mirror: { table, properties, everyone },
      servicePrincipalId: servicePrincipalId?.toLowerCase(),
      fingerprint: createHash('sha256').update(JSON.stringify(depends)).digest('hex').slice(0, 32),
      log,
      now: Date.now,
      progress: cycle.progress,
      warn: (message) => {
        log.warn(message);
        cycle.warn(message);
      },
    };
  };
}
