import { mkdir, realpath } from 'node:fs/promises';
import { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, DatabaseError } from 'pg';
import { SyncError, toError } from '../errors.ts';
import { type Cluster, openCluster, superuser } from './embedded-cluster.ts';
import { findPostmaster } from './embedded-postmaster.ts';

/** The Postgres that runs under MAPTICIAN_SYNC_HOME where DATABASE_URL is not set. */
export interface EmbeddedDatabase {
  /** A connection string for its database `maptician_sync`. It holds the password: keep it out of logs. */
  readonly url: string;
  /** Lets go of it; the last process to do so stops the server. Close every other connection first. */
  close(): Promise<void>;
}

const database = 'maptician_sync';
/** Whoever uses the server holds it shared; who gets it alone may stop the server. */
const usersLock = 1_297_109_840;
const patience = 120_000;

/**
 * Opens the embedded Postgres of a home folder: makes it when there is none, starts it when it does not run, and
 * attaches to it when it does. A process that is killed loses its hold with its connection, so the next one finds
 * either a running server or one that Postgres recovers as it starts.
 *
 * @param home the folder of MAPTICIAN_SYNC_HOME; made when missing
 * @param options.log takes a line of plain text for what is worth knowing (started, recovered)
 * @throws SyncError `Misconfigured` when it cannot run here, `Unreachable` when it does not come up in time
 */
export async function openEmbedded(
  home: string,
  options: { log?: (line: string) => void } = {},
): Promise<EmbeddedDatabase> {
  const log = options.log ?? (() => {});
  await mkdir(home, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    throw new SyncError('Misconfigured', `The folder ${home} (MAPTICIAN_SYNC_HOME) cannot be made: ${error.code}.`, {
      cause: error,
    });
  });
  const cluster = await openCluster(await realpath(home));

  let hold = await attach(cluster, log);
  let retaking: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  const watch = () => {
    hold.client.on('end', () => {
      if (closing === undefined) retaking = retake();
    });
    // It alone must not keep a process alive that is done.
    hold.socket.unref();
  };
  const retake = async (): Promise<void> => {
    const { port } = hold;
    log('The embedded Postgres closed the connection; looking for it again.');
    try {
      hold = await attach(cluster, log);
      watch();
      if (hold.port !== port) log(`It is on port ${hold.port} now: restart this process to use it.`);
    } catch (error) {
      log(toError(error).message);
    }
  };
  const close = async (): Promise<void> => {
    await retaking;
    hold.socket.ref();
    await letGo(hold.client, cluster, log);
  };

  watch();
  return {
    url: connectionString(cluster, hold.port, database),
    close: () => {
      closing ??= close();
      return closing;
    },
  };
}

/** A connection that holds the shared lock. */
interface Hold {
  readonly client: Client;
  readonly socket: Socket;
  readonly port: number;
}

/** Takes hold of the server, which is started if need be. */
async function attach(cluster: Cluster, log: (line: string) => void): Promise<Hold> {
  const deadline = Date.now() + patience;
  let lastError: Error | undefined;
  let failedStarts = 0;
  while (Date.now() < deadline) {
    const postmaster = await findPostmaster(cluster.data);
    if (postmaster === undefined) {
      try {
        if (await cluster.start()) log('The embedded Postgres was started.');
      } catch (error) {
        // A server that another process started and stopped meanwhile may have left its words in the same log.
        failedStarts += 1;
        if (failedStarts === 3) throw error;
      }
    } else if (postmaster.ready) {
      try {
        const hold = await takeHold(cluster, postmaster.port);
        if (hold !== undefined) return hold;
      } catch (error) {
        lastError = toError(error);
        if (!isPassing(error)) break;
      }
    }
    await delay(50);
  }
  throw new SyncError(
    'Unreachable',
    `The embedded Postgres in ${cluster.data} runs but cannot be used. Its log stands beside it.`,
    { cause: lastError, ...(lastError === undefined ? {} : { detail: lastError.message }) },
  );
}

/** Undefined when the last user is about to stop the server. */
async function takeHold(cluster: Cluster, port: number): Promise<Hold | undefined> {
  const socket = new Socket();
  const client = new Client({
    connectionString: connectionString(cluster, port, 'postgres'),
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
    stream: () => socket,
  });
  // A connection that breaks while idle says so here, and an unheard error event ends the process.
  const ignore = () => {};
  client.on('error', ignore);
  try {
    await client.connect();
    const { rows } = await client.query<{ held: boolean }>('select pg_try_advisory_lock_shared($1) as held', [
      usersLock,
    ]);
    if (rows[0]?.held === true) {
      await createDatabaseOnce(client);
      return { client, socket, port };
    }
  } catch (error) {
    await client.end().catch(ignore);
    throw error;
  }
  await client.end().catch(ignore);
  return undefined;
}

async function createDatabaseOnce(client: Client): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [database]);
  if (rowCount !== 0) return;
  try {
    await client.query(`create database ${database}`);
  } catch (error) {
    // 42P04 duplicate_database, 23505 unique_violation: another process was first.
    if (!(error instanceof DatabaseError && ['42P04', '23505'].includes(error.code ?? ''))) throw error;
  }
}

async function letGo(hold: Client, cluster: Cluster, log: (line: string) => void): Promise<void> {
  const isLast = await isAlone(hold).catch(() => false);
  // The lock is kept until the server ends, so that nobody takes hold of it meanwhile.
  if (isLast)
    await cluster.stop().catch((error) => log(`The embedded Postgres was not stopped: ${toError(error).message}`));
  await hold.end().catch(() => {});
}

/** Gives up the shared lock and tries for the exclusive one. Throws on a broken connection, which holds nothing. */
async function isAlone(hold: Client): Promise<boolean> {
  await hold.query('select pg_advisory_unlock_shared($1)', [usersLock]);
  const { rows } = await hold.query<{ alone: boolean }>('select pg_try_advisory_lock($1) as alone', [usersLock]);
  return rows[0]?.alone === true;
}

/** The server is starting or stopping, or was killed: class 57P0x, or the connection broke. */
function isPassing(error: unknown): boolean {
  return !(error instanceof DatabaseError) || /^57P0/.test(error.code ?? '');
}

function connectionString(cluster: Cluster, port: number, name: string): string {
  // Said, since pg else goes by a PGSSLMODE of the user's, and this server has no TLS.
  return `postgres://${superuser}:${cluster.password}@127.0.0.1:${port}/${name}?sslmode=disable`;
}
