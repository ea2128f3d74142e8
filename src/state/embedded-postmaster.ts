import { execFile } from 'node:child_process';
import { readFile, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

/** What postmaster.pid says of a server that runs on a data folder. */
export interface Postmaster {
  readonly pid: number;
  readonly port: number;
  /** It takes connections; false while it starts, recovers or stops. */
  readonly ready: boolean;
}

/**
 * The server that runs on a data folder, from its postmaster.pid
 * (https://www.postgresql.org/docs/18/storage-file-layout.html). Undefined when none runs. A file left behind whose
 * process id now belongs to something else, as after the restart of a container, is removed: Postgres itself would
 * refuse to start beside it.
 *
 * HAZARD: the processes of another container are invisible, so two containers must not share one data folder.
 */
export async function findPostmaster(data: string): Promise<Postmaster | undefined> {
  const file = path.join(data, 'postmaster.pid');
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const [pidLine = '', folder = '', , portLine = '', , , , status = ''] = text.split('\n');
  const pid = Number(pidLine);
  const isComplete = Number.isInteger(pid) && pid > 0 && folder !== '';
  if (!isComplete && (await isFresh(file))) return { pid: 0, port: 0, ready: false };
  const commandLine = isComplete ? await commandLineOf(pid) : '';
  // Postgres itself takes over the file of a process that is gone.
  if (commandLine === undefined) return undefined;
  const isPostmaster = commandLine === 'unknown' || (commandLine.includes('postgres') && commandLine.includes(folder));
  if (!isPostmaster || !(await isSameFolder(folder, data))) {
    if ((await readFile(file, 'utf8').catch(() => undefined)) === text) await rm(file, { force: true });
    return undefined;
  }
  return { pid, port: Number(portLine), ready: status.trim() === 'ready' };
}

/** A file that was just created may not be filled yet. */
async function isFresh(file: string): Promise<boolean> {
  const age = await stat(file).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  return age < 5_000;
}

/**
 * The command line of a process; undefined when there is no such process, empty for one that has ended and was not
 * waited for (where process 1 of a container does not do that).
 */
async function commandLineOf(pid: number): Promise<string | undefined> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  if (process.platform === 'win32') return 'unknown';
  if (process.platform === 'linux') {
    return readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => undefined);
  }
  const { stdout } = await promisify(execFile)('ps', ['-o', 'command=', '-p', String(pid)]).catch(() => ({
    stdout: '',
  }));
  return stdout.trim();
}

/** A copied data folder brings along the file of the server that runs on the original. */
async function isSameFolder(one: string, other: string): Promise<boolean> {
  const [first, second] = await Promise.all([stat(one).catch(() => undefined), stat(other)]);
  return first !== undefined && first.ino === second.ino && first.dev === second.dev;
}
