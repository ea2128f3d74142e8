/**
 * Brings the state database's schema up to date: the files of `migrations/`, each in a transaction of its own, by one
 * process at a time. There is no way back, and what was applied elsewhere is compared before anything is done.
 */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PG_MIGRATE_LOCK_ID, runner } from 'node-pg-migrate';
import pg from 'pg';
import { SyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import { packageRoot } from '../package-root.ts';
import type { Queryable } from './database.ts';

/** The schema of all that is the service's own. */
export const stateSchema = 'maptician_sync';

const folder = join(packageRoot, 'src/state/migrations');
/**
 * Older workers go on while a newer one migrates, and a statement that waits for a table holds up all that come after it:
 * so it gives up soon, and tries again.
 */
const lockTimeout = '3s';
/** Milliseconds between two tries, and until it gives up altogether. */
const pause = 1_000;
const within = 10 * 60_000;

/**
 * Applies what is missing; nothing, and without a lock, where nothing is. A process that is killed leaves what it had
 * finished; the next one goes on from there.
 * @throws SyncError SchemaVersion where the database is newer than this version, or of another build
 */
export async function migrate(pool: pg.Pool, log: Log): Promise<void> {
  const known = await knownMigrations();
  if (toApply(await appliedMigrations(pool), known).length === 0) return;
  const client = await pool.connect();
  try {
    await client.query('set statement_timeout = 0');
    await lock(client, log);
    const missing = toApply(await appliedMigrations(client), known);
    if (missing.length === 0) return;
    log.info({ migrations: missing }, 'the state database is upgraded');
    await client.query(`set lock_timeout = '${lockTimeout}'`);
    await apply(client, log);
  } finally {
    // Its settings and its lock are the session's: the connection is not handed out again.
    client.release(true);
  }
}

/** Names of the files, in their order. */
async function knownMigrations(): Promise<string[]> {
  const files = await readdir(folder);
  return files
    .filter((file) => file.endsWith('.sql'))
    .map((file) => file.slice(0, -'.sql'.length))
    .sort();
}

/** In the order in which they were applied, by number: a clock may have been set back between two. */
async function appliedMigrations(db: Queryable): Promise<string[]> {
  try {
    const { rows } = await db.query<{ name: string }>(`select name from ${stateSchema}.migrations order by id`);
    return rows.map(({ name }) => name);
  } catch (thrown) {
    if (thrown instanceof pg.DatabaseError && thrown.code === undefinedTable) return [];
    throw thrown;
  }
}

const undefinedTable = '42P01';
const lockNotAvailable = '55P03';

/**
 * Which of the known migrations are still to be applied.
 * @throws SyncError SchemaVersion unless those applied are the first of those known
 */
function toApply(applied: readonly string[], known: readonly string[]): readonly string[] {
  const differs = applied.findIndex((name, index) => name !== known[index]);
  if (differs === -1) return known.slice(applied.length);
  const [found, expected] = [applied[differs], known[differs]];
  if (expected === undefined) {
    throw new SyncError(
      'SchemaVersion',
      `The state database was upgraded by a newer version of maptician-sync: it is at ${applied.at(-1)}, and this version knows no more than ${known.at(-1)}. Nothing was changed.`,
    );
  }
  throw new SyncError(
    'SchemaVersion',
    applied.includes(expected)
      ? `The state database was upgraded out of order: ${found} came before ${expected}. Nothing was changed.`
      : `The state database was upgraded by another build of maptician-sync: it has ${found} where this version has ${expected}. Nothing was changed.`,
  );
}

/** The one that older versions take as well. It goes with its connection, however the process ends. */
async function lock(client: pg.PoolClient, log: Log): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [
    PG_MIGRATE_LOCK_ID,
  ]);
  if (rows[0]?.taken) return;
  log.info('another process is upgrading the state database: waiting until it has');
  await client.query('select pg_advisory_lock($1)', [PG_MIGRATE_LOCK_ID]);
}

async function apply(client: pg.PoolClient, log: Log): Promise<void> {
  const deadline = Date.now() + within;
  for (;;) {
    try {
      await runner({
        dbClient: client,
        dir: folder,
        direction: 'up',
        migrationsTable: 'migrations',
        migrationsSchema: stateSchema,
        schema: stateSchema,
        createSchema: true,
        createMigrationsSchema: true,
        // Both are seen to here: its own check goes by the clock.
        checkOrder: false,
        noLock: true,
        log: () => undefined,
      });
      return;
    } catch (thrown) {
      await client.query('rollback');
      if (!(thrown instanceof pg.DatabaseError && thrown.code === lockNotAvailable)) throw thrown;
      if (Date.now() > deadline) {
        throw new SyncError(
          'Timeout',
          'The state database could not be upgraded within ten minutes, since its tables were in use all the time. Stop the workers of the older version, and start again.',
          { cause: thrown },
        );
      }
      log.info('a table of the state database is in use: its upgrade is tried again');
      await sleep(pause);
    }
  }
}
