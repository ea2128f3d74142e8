/**
 * The state database: one Postgres schema, `maptician_sync`, created by migrations at the first use. Where DATABASE_URL
 * is not set, an embedded Postgres is started or joined.
 */
import pg from 'pg';
import type { Log } from '../log.ts';
import { postgresError } from '../postgres-errors.ts';
import { openEmbedded } from './embedded.ts';
import { migrate, stateSchema } from './migrate.ts';

/** A pool or one client of it: whatever runs a statement. */
export type Queryable = Pick<pg.ClientBase, 'query'>;

/** The clock of the state database at this moment, as precise as it is. */
export async function databaseTime(db: Queryable): Promise<string> {
  const { rows } = await db.query<{ now: string }>('select clock_timestamp()::text as now');
  return rows[0]?.now ?? '';
}

export interface Database {
  readonly url: string;
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

/** 64-bit integers are ids and counts here, all far below 2^53: numbers, not strings. */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8
      ? Number
      : pg.types.getTypeParser(oid, format as 'text')) as typeof pg.types.getTypeParser,
};

/** A pool whose statements speak of the tables of one schema; an idle connection that drops is replaced silently. */
export function openPool(
  url: string,
  options: { searchPath?: string; max?: number; lockTimeout?: number; statementTimeout?: number } = {},
): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    max: options.max ?? 10,
    types,
    application_name: 'maptician-sync',
    connectionTimeoutMillis: 15_000,
    keepAlive: true,
    ...(options.lockTimeout === undefined ? {} : { lock_timeout: options.lockTimeout }),
    ...(options.statementTimeout === undefined ? {} : { statement_timeout: options.statementTimeout }),
    // Named statements look rows up by their keys whatever they are given, so one plan does; by itself Postgres would
    // plan each anew.
    ...(options.searchPath === undefined
      ? {}
      : {
          // A job waits for Maptician within its transaction, for longer than some servers let one be idle.
          options: `-c search_path=${options.searchPath} -c plan_cache_mode=force_generic_plan -c idle_in_transaction_session_timeout=0`,
        }),
  });
  pool.on('error', () => undefined);
  // `end()` resolves before the server has closed the connections: what they still say must not end the process.
  pool.on('connect', (client) => client.on('error', () => undefined));
  return pool;
}

/** A pool of the state database's own tables. `statementTimeout` in milliseconds: what takes longer is stopped. */
export function openStatePool(url: string, max: number, statementTimeout?: number): pg.Pool {
  return openPool(url, {
    searchPath: stateSchema,
    max,
    ...(statementTimeout === undefined ? {} : { statementTimeout }),
  });
}

/** More than jobs that run side by side: each holds a connection while it waits for Maptician. */
const connectionsAtMost = 15;

/**
 * Opens the state database and brings its schema up to date. Rejects with a SyncError that says what to mend; SchemaVersion
 * where a newer version was here before.
 */
export async function openDatabase(options: {
  readonly databaseUrl: string | undefined;
  readonly home: string;
  readonly log: Log;
}): Promise<Database> {
  const embedded =
    options.databaseUrl === undefined
      ? await openEmbedded(options.home, { log: (line) => options.log.debug(line) })
      : undefined;
  const url = options.databaseUrl ?? embedded?.url ?? '';
  const pool = openStatePool(url, connectionsAtMost);
  try {
    await migrate(pool, options.log);
  } catch (thrown) {
    await pool.end();
    await embedded?.close();
    throw postgresError(thrown, 'the state database (DATABASE_URL)');
  }
  return {
    url,
    pool,
    close: async () => {
      await pool.end();
      await embedded?.close();
    },
  };
}

/** Made once for a state database, so that several installations can be told apart. */
export async function installationId({ pool }: Pick<Database, 'pool'>): Promise<string> {
  const { rows } = await pool.query<{ value: string }>(
    `insert into facts (name, value) values ('instance', gen_random_uuid()::text)
     on conflict (name) do update set value = facts.value returning value`,
  );
  return rows[0]?.value ?? '';
}

/**
 * Runs `work` in one transaction on one connection. With `relaxed` the commit does not wait for the disk: for what is
 * read or planned again if the database's machine loses its last moments, as long as the pieces go together.
 */
export async function transaction<T>(
  pool: pg.Pool,
  work: (client: pg.PoolClient) => Promise<T>,
  options: { readonly relaxed?: boolean; readonly constraints?: 'immediate' } = {},
): Promise<T> {
  const client = await pool.connect();
  let broken = false;
  try {
    const begin = ['begin'];
    if (options.relaxed) begin.push('set local synchronous_commit = off');
    if (options.constraints === 'immediate') begin.push('set constraints all immediate');
    await client.query(begin.join('; '));
    const result = await work(client);
    await client.query('commit');
    return result;
  } catch (thrown) {
    await client.query('rollback').catch(() => {
      broken = true;
    });
    throw thrown;
  } finally {
    client.release(broken);
  }
}
