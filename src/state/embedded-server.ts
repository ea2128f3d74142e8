import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { SyncError } from '../errors.ts';
import type { PostgresAccount } from './embedded-account.ts';
import { findPostmaster } from './embedded-postmaster.ts';

/**
 * Starts the server of `folder/data` and waits until it takes connections.
 *
 * @param pgCtl the program pg_ctl; it puts the server into a session of its own, out of reach of a kill of ours
 * @returns false where another process starts it at the same time, or what a killed server left behind is still in
 *   the way
 * @throws SyncError `Misconfigured` when it does not start
 */
export async function startServer(folder: string, pgCtl: string, account: PostgresAccount): Promise<boolean> {
  const data = path.join(folder, 'data');
  const logs = path.join(folder, 'log');
  const began = new Date();
  await removeOldLogs(logs);
  const port = await choosePort(data);
  const outputFile = path.join(logs, `start-${randomUUID()}.txt`);
  const output = await open(outputFile, 'w');
  const settings = [...serverSettings].map(([name, value]) => `-c ${name}=${value}`).join(' ');
  const { file, args, options } = account.command(pgCtl, [
    ...['start', '-D', data, '-w', '-t', '60', '-o', `-p ${port} ${settings}`],
  ]);
  try {
    // Not a pipe: the server keeps it open, and this would wait for its end.
    const child = spawn(file, args, { ...options, stdio: ['ignore', output.fd, output.fd] });
    const status = await new Promise<number | null>((resolve, reject) =>
      child.on('error', reject).on('close', resolve),
    );
    if (status === 0) return true;
    if ((await findPostmaster(data)) !== undefined) return false;
    const said = `${await readFile(outputFile, 'utf8')}\n${await logSince(logs, began)}`;
    const complaints = complaintsIn(said);
    // Without a word it was killed; with these words someone or something is in the way for a moment.
    if (complaints.length === 0 || passingComplaints.test(complaints.join('\n'))) return false;
    throw new SyncError(
      'Misconfigured',
      `The embedded Postgres in ${folder} does not start: ${decisiveLine(complaints)}. More may stand in ${logs}. ` +
        'Mend that, or set DATABASE_URL.',
      { detail: said.trim() },
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
    // What a killed process had running ends with it, instead of holding its locks to the end.
    ...(process.platform === 'win32' ? {} : { client_connection_check_interval: '1s' }),
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

/** The lines of the server's log from a moment on. */
async function logSince(folder: string, moment: Date): Promise<string> {
  const stamp = moment.toISOString().slice(0, 23).replace('T', ' ');
  const lines: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.endsWith('.log')) continue;
    const text = await readFile(path.join(folder, name), 'utf8').catch(() => '');
    lines.push(...text.split('\n').filter((line) => /^\d{4}-/.test(line) && line >= stamp));
  }
  return lines.join('\n');
}

const passingComplaints = /pre-existing shared memory|lock file "postmaster.pid"|Address already in use/i;

/** What a failed start says, without what every start says. */
function complaintsIn(output: string): string[] {
  return output
    .replace(/waiting for server to start\.*( stopped waiting)?/g, '')
    .split('\n')
    .filter(
      (line) => !/^\s*$|^pg_ctl: could not start|^Examine the log|\b(HINT|LOG): {2}(?!could not bind)/.test(line),
    );
}

/** A program's own last word on why it failed. */
export function decisiveLine(lines: readonly string[]): string {
  return lines.findLast((line) => /\b(FATAL|PANIC|error): /i.test(line)) ?? lines.at(-1) ?? 'it does not say why';
}
