import { execFile, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { promisify } from 'node:util';
import { SyncError, toError } from '../errors.ts';
import { chooseAccount, type PostgresAccount } from './embedded-account.ts';
import { findBinaries, type PostgresBinaries } from './embedded-binaries.ts';
import { findPostmaster } from './embedded-postmaster.ts';

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

const execFileAsync = promisify(execFile);

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
    start: () => startServer(folder, data, binaries, account),
    stop: async () => {
      await run(account, binaries.pgCtl, ['stop', '-D', data, '-m', 'fast', '-w', '-t', '60']);
    },
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
      `The embedded Postgres could not be made in ${path.dirname(folder)}: ${lastLine(error)}. Mend that, or choose ` +
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
  await run(account, binaries.initdb, [
    ...['-D', path.join(folder, 'data'), '-U', superuser, '-A', 'scram-sha-256', `--pwfile=${passwordFile}`],
    // The same order of strings on every machine, whatever its locale.
    ...['-E', 'UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  ]);
}

/** A program's own last word on why it failed. */
function lastLine(error: unknown): string {
  return toError(error).message.trim().split('\n').at(-1) ?? '';
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

async function startServer(
  folder: string,
  data: string,
  binaries: PostgresBinaries,
  account: PostgresAccount,
): Promise<boolean> {
  await removeOldLogs(path.join(folder, 'log'));
  const port = await choosePort(data);
  const outputFile = path.join(folder, 'log', `start-${randomUUID()}.txt`);
  const output = await open(outputFile, 'w');
  const settings = [...serverSettings].map(([name, value]) => `-c ${name}=${value}`).join(' ');
  const { file, args, ...ids } = account.command(binaries.pgCtl, [
    ...['start', '-D', data, '-w', '-t', '60', '-o', `-p ${port} ${settings}`],
  ]);
  try {
    // Not a pipe: the server keeps it open, and this would wait for its end.
    const child = spawn(file, args, { ...childOptions(), ...ids, stdio: ['ignore', output.fd, output.fd] });
    const status = await new Promise<number | null>((resolve, reject) =>
      child.on('error', reject).on('close', resolve),
    );
    if (status === 0) return true;
    if ((await findPostmaster(data)) !== undefined) return false;
    const reason = `${await readFile(outputFile, 'utf8')}\n${await newestLogLines(path.join(folder, 'log'))}`;
    if (/pre-existing shared memory|lock file "postmaster.pid"|Address already in use/i.test(reason)) return false;
    throw new SyncError(
      'Misconfigured',
      `The embedded Postgres in ${folder} does not start. Its log in ${path.join(folder, 'log')} says why.`,
      { detail: reason.trim() },
    );
  } finally {
    await output.close();
    await rm(outputFile, { force: true });
  }
}

/**
 * Given on the command line, so that a new release's values reach an existing database. Durability is Postgres's own:
 * fsync and synchronous_commit stay on.
 */
const serverSettings = new Map(
  Object.entries({
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    timezone: 'UTC',
    log_timezone: 'UTC',
    max_connections: '100',
    shared_buffers: '256MB',
    work_mem: '16MB',
    maintenance_work_mem: '128MB',
    effective_cache_size: '1GB',
    random_page_cost: '1.1',
    jit: 'off',
    // Parallel workers need /dev/shm, which containers keep small, and more cores than we count on.
    max_parallel_workers_per_gather: '0',
    max_parallel_maintenance_workers: '0',
    // One server, no standby: bulk loads write less, and a crash is recovered from within seconds.
    wal_level: 'minimal',
    max_wal_senders: '0',
    wal_compression: 'on',
    max_wal_size: '1GB',
    checkpoint_timeout: '10min',
    // A file a weekday, begun anew each week. Failed statements stay out: their messages quote people's data.
    logging_collector: 'on',
    log_directory: '../log',
    log_filename: 'postgres-%a.log',
    log_rotation_age: '1d',
    log_rotation_size: '0',
    log_truncate_on_rotation: 'on',
    log_min_messages: 'log',
    log_min_error_statement: 'panic',
    log_checkpoints: 'off',
  }),
);

/** The port it had before, so that those who know its address find it again, else a free one. */
async function choosePort(data: string): Promise<number> {
  const options = await readFile(path.join(data, 'postmaster.opts'), 'utf8').catch(() => '');
  const before = Number(/"-p" "(\d+)"/.exec(options)?.[1] ?? 0);
  return (await freePort(before)) ?? (await freePort(0)) ?? 0;
}

async function freePort(wanted: number): Promise<number | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.on('error', () => resolve(undefined));
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' ? address?.port : undefined));
    });
  });
}

/** Postgres begins a file anew only when it is running as the day begins; short runs would append for ever. */
async function removeOldLogs(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    const file = path.join(folder, name);
    const age = await stat(file).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > 6 * 86_400_000) await rm(file, { force: true });
  }
}

async function newestLogLines(folder: string): Promise<string> {
  let newest = { file: '', time: 0 };
  for (const name of await readdir(folder).catch(() => [])) {
    const file = path.join(folder, name);
    const time = await stat(file).then(
      (found) => found.mtimeMs,
      () => 0,
    );
    if (name.endsWith('.log') && time > newest.time) newest = { file, time };
  }
  const text = newest.file === '' ? '' : await readFile(newest.file, 'utf8').catch(() => '');
  return text.split('\n').slice(-20).join('\n');
}

async function run(account: PostgresAccount, program: string, programArgs: readonly string[]): Promise<string> {
  const { file, args, ...ids } = account.command(program, programArgs);
  const { stdout } = await execFileAsync(file, args, { ...childOptions(), ...ids });
  return stdout;
}

/** Nothing of the caller's locale, PG* variables or folder: initdb fails on a locale that is not installed. */
function childOptions(): { cwd: string; env: NodeJS.ProcessEnv; windowsHide: boolean } {
  const { PATH, SystemRoot, TEMP, TMPDIR } = process.env;
  const kept = Object.entries({ PATH, SystemRoot, TEMP, TMPDIR }).filter(([, value]) => value !== undefined);
  return {
    cwd: path.parse(process.cwd()).root,
    env: { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' },
    windowsHide: true,
  };
}
