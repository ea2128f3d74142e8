/**
 * Everything between an emulated tenant and `maptician.users`, for real and in this process: a sandbox over https, a
 * database of its own, the queue on Postgres or on a Redis of its own, and the service as the commands open it.
 */
import type pg from 'pg';
import { inject } from 'vitest';
import { type CycleResult, exitStatus, runCycle } from '../../src/cycle/run-cycle.ts';
import { createLog } from '../../src/log.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Tenant } from '../../src/sandbox/tenant.ts';
import { openService, type Service } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { createDatabase } from '../support/database.ts';
import { openTestPool } from '../support/pool.ts';
import { startRedis } from '../support/redis-server.ts';

/** The queue backends this machine can test. */
export const backends: readonly ('postgres' | 'redis')[] =
  inject('redisUrl') === undefined ? ['postgres'] : ['postgres', 'redis'];

/** A row of `maptician.users`, by column, with the system column that tells of every write. */
export type StoredRow = { readonly id: string; readonly xmin: string } & Readonly<
  Record<string, string | boolean | null | Date>
>;

export interface WorldOptions {
  readonly sandbox?: SandboxOptions;
  /** Over those of the sandbox. */
  readonly settings?: Record<string, string>;
  readonly queue?: 'postgres' | 'redis';
}

interface CycleRequest {
  readonly resync?: boolean;
  readonly signal?: AbortSignal;
}

/** A cycle's result, and the status `sync` would exit with. */
type Synced = CycleResult & { readonly exit: ReturnType<typeof exitStatus> };

export interface World extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly tenant: Tenant;
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** What the service is opened with; a command in a process of its own takes the same. */
  readonly settings: Readonly<Record<string, string>>;
  /** A superuser's pool, for what no setting or command can do. */
  readonly pool: pg.Pool;
  /** Every log line so far, at level debug. */
  readonly log: readonly string[];
  /** Called at each request that the service sends to Graph, with its number in the cycle. */
  onRequest: ((number: number) => void) | undefined;
  service(): Promise<Service>;
  /** One cycle, as `sync` runs it. */
  sync(request?: CycleRequest): Promise<Synced>;
  /** Closes the service; the next cycle opens a new one with these settings changed. */
  restart(settings?: Record<string, string>): Promise<void>;
  /** `maptician.users`, by external_id. */
  rows(): Promise<StoredRow[]>;
  /** Requests to Graph since the log was last cleared, those inside of a batch not counted. */
  requests(): number;
  close(): Promise<void>;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const sandbox = await startSandbox(options.sandbox);
  sandbox.trust();
  const database = await createDatabase();
  const redis = options.queue === 'redis' ? await startRedis() : undefined;
  const pool = openTestPool(database.url);
  const log: string[] = [];
  let settings: Record<string, string> = {
    ...sandbox.environment(),
    DATABASE_URL: database.url,
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    ...options.settings,
  };
  let opening: Promise<Service> | undefined;
  let requestNumber = 0;

  const open = async (): Promise<Service> => {
    const service = await openService({
      settings: loadSettings({ env: settings }),
      log: createLog('debug', { write: (line: string) => void log.push(line) }),
      onGraphRequest: () => world.onRequest?.(++requestNumber),
    });
    return service;
  };
  const working = new WeakSet<Service>();
  const closeService = async (): Promise<void> => {
    const service = opening && (await opening.catch(() => undefined));
    opening = undefined;
    await service?.close();
  };

  const world: World = {
    sandbox,
    tenant: sandbox.tenant,
    databaseUrl: database.url,
    redisUrl: redis?.url,
    get settings() {
      return settings;
    },
    pool,
    log,
    onRequest: undefined,
    service: () => {
      opening ??= open();
      return opening;
    },
    sync: async ({ resync = false, signal } = {}) => {
      const service = await world.service();
      const context = await service.cycleContext();
      if (!working.has(service)) {
        working.add(service);
        await service.work({ cycles: false, signal: new AbortController().signal });
      }
      requestNumber = 0;
      const result = await runCycle(context, {
        trigger: resync ? 'resync' : 'sync',
        resync,
        wait: true,
        ...(signal === undefined ? {} : { signal }),
      });
      if (result === undefined) throw new Error('The cycle was passed over.');
      return { ...result, exit: exitStatus(result) };
    },
    restart: async (changed = {}) => {
      await closeService();
      settings = { ...settings, ...changed };
    },
    rows: async () => {
      const { rows } = await pool.query<StoredRow>(
        'select *, xmin::text as xmin from maptician.users order by external_id, id',
      );
      return rows;
    },
    requests: () => sandbox.requests.entries.filter(({ service, inner }) => service !== 'maptician' && !inner).length,
    close: async () => {
      await closeService();
      await pool.end();
      await database.drop();
      await redis?.stop();
      await sandbox.close();
    },
    [Symbol.asyncDispose]: () => world.close(),
  };
  return world;
}
