/** Opens the user store that the settings name: a database, or Maptician itself. */
import type { OnRequest } from '../http.ts';
import type { AttributePath } from '../mapping/maptician-user.ts';
import type { Settings } from '../settings.ts';
import { type Database, installationId, openPool, openStatePool } from '../state/database.ts';
import { openPostgresUserStore } from './postgres/postgres-user-store.ts';
import { parseTenantUrl } from './scim/profile.ts';
import { createRequestPace } from './scim/request-pace.ts';
import { createScimClient } from './scim/scim-client.ts';
import { openScimUserStore } from './scim/scim-user-store.ts';
import type { UserStore } from './user-store.ts';

interface OpenUserStore {
  readonly settings: Settings;
  readonly database: Database;
  /** Aborted when the service stops: then nobody waits for Maptician any more. */
  readonly signal: AbortSignal;
  /** Milliseconds until a request to Maptician is given up; 30 seconds by default. */
  readonly mapticianTimeout?: number | undefined;
  /** The attributes by which accounts are found. */
  readonly matching: readonly AttributePath[];
  /** Told of each request to Maptician. */
  readonly onRequest: OnRequest;
}

/** Jobs that run side by side in one process: of many users each on two cores, or of one, mostly waiting for Maptician. */
export const concurrency = { postgres: 4, scim: 10 } as const;

export function concurrencyOf(settings: Settings): number {
  return concurrency[settings.MAPTICIAN_TENANT_URL === undefined ? 'postgres' : 'scim'];
}

/** The same for every spelling of credentials and options; the embedded database has another port each time. */
export function storeIdentity(settings: Settings): string {
  if (settings.MAPTICIAN_TENANT_URL !== undefined) return `scim ${parseTenantUrl(settings.MAPTICIAN_TENANT_URL).store}`;
  if (settings.MAPTICIAN_DATABASE_URL === undefined) return 'the state database';
  const { host, pathname } = new URL(settings.MAPTICIAN_DATABASE_URL);
  return `postgres ${host}${pathname}`;
}

/** Opens the store that the settings name. Rejects with a SyncError that says what to mend. */
export function openUserStore(options: OpenUserStore): Promise<UserStore> {
  const { settings, database } = options;
  return settings.MAPTICIAN_TENANT_URL === undefined
    ? openDatabaseStore(settings.MAPTICIAN_DATABASE_URL ?? database.url)
    : openScimStore(options, settings.MAPTICIAN_TENANT_URL);
}

async function openDatabaseStore(url: string): Promise<UserStore> {
  // A row that somebody holds fails alone instead of holding up the cycle, and is tried again.
  const pool = openPool(url, { max: concurrency.postgres, lockTimeout: 2_000, statementTimeout: 60_000 });
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

async function openScimStore(
  { settings, database, signal, mapticianTimeout, matching, onRequest }: OpenUserStore,
  tenantUrl: string,
): Promise<UserStore> {
  const { url, store, flag } = parseTenantUrl(tenantUrl);
  const { MAPTICIAN_SCIM_DIALECT: dialect, MAPTICIAN_REQUESTS_PER_SECOND: ceiling } = settings;
  // Apart from the jobs' connections: a job that waits for its turn holds one of those.
  const pool = openStatePool(database.url, 4);
  const close = () => pool.end();
  try {
    const pace = createRequestPace({ pool, store, ceiling, signal });
    const client = createScimClient({
      url,
      token: settings.MAPTICIAN_SECRET_TOKEN ?? '',
      pace,
      signal,
      onRequest,
      ...(mapticianTimeout === undefined ? {} : { timeout: mapticianTimeout }),
    });
    const opened = await openScimUserStore({
      client,
      url,
      store,
      pool,
      dialect: dialect === 'auto' ? flag : dialect,
      instance: await installationId(database),
      matching: matching.filter((attribute) => attribute !== 'userName'),
    });
    return { ...opened, close };
  } catch (thrown) {
    await close();
    throw thrown;
  }
}
