import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { SyncError, toError } from '../errors.ts';
import { chooseAccount, type PostgresAccount, runAs } from './embedded-account.ts';
import { findBinaries, type PostgresBinaries } from './embedded-binaries.ts';
import { decisiveLine, startServer } from './embedded-server.ts';

/** The superuser of the embedded Postgres. */
export const superuser = 'maptician_sync';

/** One embedded Postgres on disk: `HOME/postgres/{data,log,password}`. */
export interface Cluster {
  /** Its data folder. */
  readonly data: string;
  readonly password: string;
  /**
   * Starts the server and waits until it takes connections. False where another process starts it at the same time,
   * or what a killed server left behind is still in the way: look again.
   *
   * @throws SyncError `Misconfigured` when it does not start
   */
  start(): Promise<boolean>;
  /** Stops the server; its connections are closed, its transactions rolled back. */
  stop(): Promise<void>;
}

/**
 * Finds the embedded Postgres of a home folder, or makes it. Several processes may do so at once: it is made under
 * another name and moved into place, so that it is either whole or not there, and one of them wins.
 *
 * @throws SyncError `Misconfigured` when it cannot be made or used here
 */
export async function openCluster(home: string): Promise<Cluster> {
  const binaries = await findBinaries();
  const folder = path.join(home, 'postgres');
  const account = await chooseAccount(home, binaries.postgres);
  if (!(await exists(folder))) await createCluster(folder, binaries, account);
  const data = path.join(folder, 'data');
  const [version, password] = await Promise.all(
    [path.join(data, 'PG_VERSION'), path.join(folder, 'password')].map((file) => readFile(file, 'utf8')),
  ).catch((error: NodeJS.ErrnoException) => {
    const reason = error.code === 'EACCES' ? 'belongs to another account' : `cannot be read (${error.code})`;
    throw new SyncError(
      'Misconfigured',
      `The embedded Postgres in ${folder} ${reason}. Run this as the account that made it, or choose another ` +
        'MAPTICIAN_SYNC_HOME, or set DATABASE_URL.',
      { cause: error },
    );
  });
  if (version?.trim() !== binaries.major) {
    throw new SyncError(
      'Misconfigured',
      `The embedded Postgres in ${folder} was made by Postgres ${version?.trim()}, and this release brings Postgres ` +
        `${binaries.major}. Copy its data with pg_dump of the release that made it, or choose another ` +
        'MAPTICIAN_SYNC_HOME (an initial cycle then links the existing accounts again).',
    );
  }
  return {
    data,
    password: password?.trim() ?? '',
    start: () => startServer(folder, binaries.pgCtl, account),
    stop: () => runAs(account, binaries.pgCtl, ['stop', '-D', data, '-m', 'fast', '-w', '-t', '60']),
  };
}

async function createCluster(folder: string, binaries: PostgresBinaries, account: PostgresAccount): Promise<void> {
  try {
    await removeAbandoned(folder);
    const temporary = await mkdtemp(`${folder}.new-`);
    try {
      await fillCluster(temporary, binaries, account);
      await rename(temporary, folder);
    } finally {
      await rm(temporary, { recursive: true, force: true });
    }
  } catch (error) {
    // Another process was first.
    if (await exists(folder)) return;
    throw new SyncError(
      'Misconfigured',
      `The embedded Postgres could not be made in ${path.dirname(folder)}: ${decisiveLine(toError(error).message.trim().split('\n'))}. Mend that, or choose ` +
        'another MAPTICIAN_SYNC_HOME, or set DATABASE_URL.',
      { cause: error, detail: toError(error).message },
    );
  }
}

async function fillCluster(folder: string, binaries: PostgresBinaries, account: PostgresAccount): Promise<void> {
  const passwordFile = path.join(folder, 'password');
  const log = path.join(folder, 'log');
  await writeFile(passwordFile, `${randomBytes(24).toString('hex')}\n`, { mode: 0o600, flush: true });
  await mkdir(log, { mode: 0o700 });
  for (const file of [folder, passwordFile, log]) await account.own(file);
  await runAs(account, binaries.initdb, [
    ...['-D', path.join(folder, 'data'), '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    // The same order of strings on every machine, whatever its locale.
    ...['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ]);
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** Folders of processes that were killed while they made a database. */
async function removeAbandoned(folder: string): Promise<void> {
  const home = path.dirname(folder);
  for (const name of await readdir(home)) {
    if (!name.startsWith(`${path.basename(folder)}.new-`)) continue;
    const age = await stat(path.join(home, name)).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > 600_000) await rm(path.join(home, name), { recursive: true, force: true });
  }
}
