import { execFile } from 'node:child_process';
import { chown, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { SyncError } from '../errors.ts';

const execFileAsync = promisify(execFile);

/** The account the embedded Postgres runs under. */
export interface PostgresAccount {
  /** How child_process runs a program under the account. */
  command(program: string, args: readonly string[]): Command;
  /** Gives a file or folder to the account. */
  own(file: string): Promise<void>;
}

interface Command {
  readonly file: string;
  readonly args: string[];
  readonly options: { cwd: string; env: NodeJS.ProcessEnv; windowsHide: boolean; uid?: number; gid?: number };
}

/** Runs a program under an account to its end; rejects with what it said when it fails. */
export async function runAs(account: PostgresAccount, program: string, programArgs: readonly string[]): Promise<void> {
  const { file, args, options } = account.command(program, programArgs);
  await execFileAsync(file, args, options);
}

/**
 * Postgres refuses to run as root. For an ordinary user its programs run as that user; for root, under the ordinary
 * account that owns the folder, else under `nobody`. Where that account cannot reach the programs or the folder (a
 * clone below /root), it gets the one capability to pass file permissions.
 *
 * @param home the folder that holds the database; it exists
 * @throws SyncError `Misconfigured` when root has no way to run it there
 */
export async function chooseAccount(home: string, postgres: string): Promise<PostgresAccount> {
  const options = cleanOptions();
  if (process.getuid?.() !== 0) {
    return { command: (file, args) => ({ file, args: [...args], options }), own: async () => {} };
  }
  const { uid, gid } = await ordinaryOwner(home);
  const own = (file: string) => chown(file, uid, gid);
  const accounts: PostgresAccount[] = [
    { command: (file, args) => ({ file, args: [...args], options: { ...options, uid, gid } }), own },
    {
      command: (file, args) => ({ file: 'setpriv', args: [...setprivOptions(uid, gid), file, ...args], options }),
      own,
    },
  ];
  for (const account of accounts) {
    if (await canReach(account, [postgres, home])) return account;
  }
  throw new SyncError(
    'Misconfigured',
    `The embedded Postgres cannot run as root, and the account it would run under (uid ${uid}) cannot reach ${home} ` +
      `or ${path.dirname(postgres)}. Run this as an ordinary user, or set DATABASE_URL, or move the installation and ` +
      'MAPTICIAN_SYNC_HOME to a folder that every user can enter.',
  );
}

/** The owner of the database, else of its home, unless that is root; else nobody. */
async function ordinaryOwner(home: string): Promise<{ uid: number; gid: number }> {
  for (const folder of [path.join(home, 'postgres'), home]) {
    const owner = await stat(folder).catch(() => undefined);
    if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  }
  // initdb looks the account up, so it must be one that exists.
  const accounts = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const [, uid, gid] = /^nobody:[^:]*:(\d+):(\d+):/m.exec(accounts) ?? ['', '65534', '65534'];
  return { uid: Number(uid), gid: Number(gid) };
}

/**
 * `no_setuid_fixup` because Postgres checks its programs with access(2), which else ignores the capabilities of
 * everyone but root (capabilities(7)).
 */
function setprivOptions(uid: number, gid: number): string[] {
  return [
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    '--inh-caps=-all,+dac_override',
    '--ambient-caps=+dac_override',
    '--bounding-set=-all,+dac_override',
    '--securebits=+no_setuid_fixup',
  ];
}

async function canReach(account: PostgresAccount, files: readonly string[]): Promise<boolean> {
  const script = 'for file; do test -x "$file" || exit 1; done';
  return runAs(account, '/bin/sh', ['-c', script, 'sh', ...files]).then(
    () => true,
    () => false,
  );
}

/** Nothing of the caller's locale, PG* variables or folder: initdb fails on a locale that is not installed. */
function cleanOptions(): Command['options'] {
  const { PATH, SystemRoot, TEMP, TMPDIR } = process.env;
  const kept = Object.entries({ PATH, SystemRoot, TEMP, TMPDIR }).filter(([, value]) => value !== undefined);
  return {
    cwd: path.parse(process.cwd()).root,
    env: { ...Object.fromEntries(kept), LC_ALL: 'C', TZ: 'UTC' },
    windowsHide: true,
  };
}
