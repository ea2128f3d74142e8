/**
 * Everything between an emulated tenant and `maptician.users`, for real and in this process: a sandbox over https, a
 * database of its own, the queue on Postgres or on a Redis of its own, and the service as the commands open it.
 */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { inject } from 'vitest';
import { z } from 'zod';
import type { CycleResult } from '../../src/cycle/cycle-context.ts';
import type { SavedPlan } from '../../src/cycle/open-plan.ts';
import { exitStatus, runCycle } from '../../src/cycle/run-cycle.ts';
import { createLog } from '../../src/log.ts';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../../src/sandbox/sandbox.ts';
import type { Tenant } from '../../src/sandbox/tenant.ts';
import { openService, type Service } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { createDatabase } from '../support/database.ts';
import { migratedTemplate } from '../support/migrated-template.ts';
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
  /** Where users go: the table maptician.users, or Maptician in the sandbox. */
  readonly store?: 'postgres' | 'scim';
  /** Milliseconds until a request to Maptician is given up. */
  readonly mapticianTimeout?: number;
  readonly config?: Config;
}

/** Files of `config/` in place of those that are shipped. */
interface Config {
  readonly attributes?: string;
  readonly filters?: string;
}

interface CycleRequest {
  readonly resync?: boolean;
  /** As `sync --plan`. */
  readonly plan?: SavedPlan;
  readonly signal?: AbortSignal;
}

/** A cycle's result, and the status `sync` would exit with. */
type Synced = CycleResult & { readonly exit: ReturnType<typeof exitStatus> };

export interface World extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly tenant: Tenant;
  readonly databaseUrl: string;
  readonly redisUrl: string | undefined;
  /** The folder in which a command finds the same `config/`. */
  readonly folder: string;
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
  /** Closes the service; the next cycle opens a new one with these settings changed, and these files. */
  restart(settings?: Record<string, string>, config?: Config): Promise<void>;
  /** `maptician.users`, or Maptician's accounts as if they stood there, by external_id. */
  rows(): Promise<StoredRow[]>;
  /** Requests to Graph since the log was last cleared, those inside of a batch not counted. */
  requests(): number;
  /** Requests to Maptician since then. */
  mapticianRequests(): Sandbox['requests']['entries'];
  close(): Promise<void>;
}

const resourceMeta = z.object({ created: z.string(), lastModified: z.string() });

/** An account as a row of the table: the resource's version moves with every write, as xmin does. */
export function accountRow(
  id: string,
  attributes: UserAttributes,
  resource: Readonly<Record<string, unknown>>,
): StoredRow {
  const meta = resourceMeta.parse(resource.meta);
  const columns = Object.fromEntries(scimColumns.map(([column, path]) => [column, attributes[path] ?? null]));
  const times = { created_at: new Date(meta.created), updated_at: new Date(meta.lastModified) };
  return { ...columns, ...times, id, xmin: meta.lastModified };
}

/** Maptician's accounts in the sandbox, by external_id. */
function accountRows({ maptician }: Sandbox): StoredRow[] {
  const rows = maptician.users().map(({ id, attributes, resource }) => accountRow(id, attributes, resource));
  return rows.sort((a, b) => (`${a.external_id}` < `${b.external_id}` ? -1 : 1));
}

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
/** The columns of the table by their attributes, said once more on purpose. */
const scimColumns = [
  ['user_name', 'userName'],
  ['work_email', 'emails[type eq "work"].value'],
  ['active', 'active'],
  ['title', 'title'],
  ['user_type', 'userType'],
  ['given_name', 'name.givenName'],
  ['family_name', 'name.familyName'],
  ['work_locality', 'addresses[type eq "work"].locality'],
  ['work_region', 'addresses[type eq "work"].region'],
  ['work_phone', 'phoneNumbers[type eq "work"].value'],
  ['mobile_phone', 'phoneNumbers[type eq "mobile"].value'],
  ['external_id', 'externalId'],
  ['employee_number', `${enterprise}:employeeNumber`],
  ['organization', `${enterprise}:organization`],
  ['department', `${enterprise}:department`],
] as const;

async function writeConfig(folder: string, { attributes, filters }: Config): Promise<void> {
  if (attributes !== undefined) await writeFile(join(folder, 'attributes.yaml'), attributes);
  if (filters !== undefined) await writeFile(join(folder, 'scoping-filters.yaml'), filters);
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const sandbox = await startSandbox(options.sandbox);
  sandbox.trust();
  const database = await createDatabase(migratedTemplate);
  const redis = options.queue === 'redis' ? await startRedis() : undefined;
  const pool = openTestPool(database.url);
  const log: string[] = [];
  let settings: Record<string, string> = {
    ...sandbox.environment(options.store === 'scim' ? { maptician: 'scim' } : {}),
    ...(options.store === 'scim' ? { MAPTICIAN_REQUESTS_PER_SECOND: '1000' } : {}),
    DATABASE_URL: database.url,
    ...(redis === undefined ? {} : { REDIS_URL: redis.url }),
    ...options.settings,
  };
  const folder = await mkdtemp(join(tmpdir(), 'maptician-config-'));
  const configFolder = join(folder, 'config');
  await mkdir(configFolder);
  await writeConfig(configFolder, options.config ?? {});
  let opening: Promise<Service> | undefined;
  let requestNumber = 0;

  const open = async (): Promise<Service> => {
    const service = await openService({
      settings: loadSettings({ env: settings }),
      log: createLog('debug', { write: (line: string) => void log.push(line) }),
      onGraphRequest: () => world.onRequest?.(++requestNumber),
      mapticianTimeout: options.mapticianTimeout,
      configFolder,
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
    folder,
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
    sync: async ({ resync = false, plan, signal } = {}) => {
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
        plan,
        ...(signal === undefined ? {} : { signal }),
      });
      if (result === undefined) throw new Error('The cycle was passed over.');
      return { ...result, exit: exitStatus(result) };
    },
    restart: async (changed = {}, config = {}) => {
      await closeService();
      await writeConfig(configFolder, config);
      settings = { ...settings, ...changed };
    },
    rows: async () => {
      if (options.store === 'scim') return accountRows(sandbox);
      const { rows } = await pool.query<StoredRow>(
        'select *, xmin::text as xmin from maptician.users order by external_id, id',
      );
      return rows;
    },
    requests: () => sandbox.requests.entries.filter(({ service, inner }) => service !== 'maptician' && !inner).length,
    mapticianRequests: () => sandbox.requests.entries.filter(({ service }) => service === 'maptician'),
    close: async () => {
      await closeService();
      await pool.end();
      await database.drop();
      await redis?.stop();
      await sandbox.close();
      await rm(folder, { recursive: true });
    },
    [Symbol.asyncDispose]: () => world.close(),
  };
  return world;
}
