/**
 * A connection that is there to hold an advisory lock: one of its own, since whoever takes one of the pool's for as long as
 * others of the pool are needed can wait for himself.
 */
import pg from 'pg';
import { SyncError } from '../errors.ts';
import { stateSchema } from './migrate.ts';

export interface LockConnection {
  readonly client: pg.Client;
  /** Aborted when the connection is lost, and its locks with it. */
  readonly signal: AbortSignal;
  /** Ends it, and so frees what it holds. */
  release(): Promise<void>;
}

/**
 * Opens one; Postgres frees what it holds when the process dies, however it dies.
 * @param holder what holds the lock, as it stands in a sentence: `a cycle`
 */
export async function openLockConnection(url: string, holder: string): Promise<LockConnection> {
  const client = new pg.Client({
    connectionString: url,
    application_name: 'maptician-sync lock',
    keepAlive: true,
    connectionTimeoutMillis: 15_000,
    options: `-c search_path=${stateSchema}`,
  });
  const lost = new AbortController();
  client.on('error', () =>
    lost.abort(
      new SyncError('Unreachable', `The connection to the state database (DATABASE_URL) was lost in ${holder}`),
    ),
  );
  const release = () => client.end().catch(() => undefined);
  try {
    await client.connect();
    // Of a machine that lost its power the server would else hear nothing for two hours, and keep its lock so long.
    await client.query('set tcp_keepalives_idle = 30; set tcp_keepalives_interval = 10; set tcp_keepalives_count = 3');
  } catch (thrown) {
    await release();
    throw thrown;
  }
  return { client, signal: lost.signal, release };
}
