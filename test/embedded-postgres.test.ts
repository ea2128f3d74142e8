import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type EmbeddedDatabase, openEmbedded } from '../src/state/embedded.ts';
import { findBinaries } from '../src/state/embedded-binaries.ts';
import { waitUntil } from './support/wait-until.ts';

const userScript = path.join(import.meta.dirname, 'support', 'embedded-user.ts');
const isRoot = process.getuid?.() === 0;
const nobody = 65534;

let prepared: string;
let folder: string;
let home: string;
let users: EmbeddedUser[];

beforeAll(async () => {
  prepared = await mkdtemp(path.join(tmpdir(), 'maptician-sync-prepared-'));
  await chmod(prepared, 0o755);
  await closed(openEmbedded(path.join(prepared, 'data')));
});

afterAll(() => rm(prepared, { recursive: true, force: true }));

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'maptician sync embedded-'));
  await chmod(folder, 0o755);
  home = path.join(folder, 'data');
  users = [];
});

afterEach(async () => {
  await Promise.all(users.map((user) => user.kill()));
  for (const name of await readdir(folder)) await killServer(path.join(folder, name));
  await rm(folder, { recursive: true, force: true });
});

/** A home whose database was made before: making one takes a second. */
async function copyPrepared(to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', path.join(prepared, 'data'), to]);
}

test('the first starts it, others attach, and only the last one out stops it', async () => {
  await copyPrepared(home);
  const first = await use(home);
  const second = await use(home);
  const server = await serverOf(home);
  expect(second.url).toBe(first.url);
  await first.close();
  expect(await serverOf(home)).toBe(server);
  await query(second.url, 'create table kept as select 1 as value');
  await second.close();
  expect(await serverOf(home)).toBeUndefined();

  const next = await openEmbedded(home);
  expect(await query(next.url, 'select value from kept')).toEqual([{ value: 1 }]);
  await next.close();
  expect(await serverOf(home)).toBeUndefined();
});

test('several that find no database at the same moment make one and share it', async () => {
  const all = await Promise.all([use(home), use(home), use(home)]);
  expect(new Set(all.map(({ url }) => url)).size).toBe(1);
  expect(await readdir(home)).toEqual(['postgres']);
  await Promise.all(all.map((user) => user.close()));
  expect(await serverOf(home)).toBeUndefined();
});

test('those that open it while others close it always get a server that stays', async () => {
  await copyPrepared(home);
  const comeAndGo = async () => {
    for (let round = 0; round < 5; round += 1) {
      const embedded = await openEmbedded(home);
      expect(await query(embedded.url, 'select 1 as value')).toEqual([{ value: 1 }]);
      await embedded.close();
    }
  };
  await Promise.all(Array.from({ length: 4 }, comeAndGo));
  expect(await serverOf(home)).toBeUndefined();
});

test('a server left by a user killed with its process group is used by the next, and stopped by it', async () => {
  await copyPrepared(home);
  const killed = await use(home);
  const server = await serverOf(home);
  await query(killed.url, 'create table kept as select 1 as value');
  await killed.kill();
  expect(await serverOf(home)).toBe(server);

  const next = await openEmbedded(home);
  expect(await serverOf(home)).toBe(server);
  expect(await query(next.url, 'select value from kept')).toEqual([{ value: 1 }]);
  await next.close();
  expect(await serverOf(home)).toBeUndefined();
});

test('what a killed process had running ends with it', async () => {
  await copyPrepared(home);
  const embedded = await openEmbedded(home);
  const script = `const { Client } = require(${JSON.stringify(path.resolve('node_modules/pg'))});
    const client = new Client({ connectionString: ${JSON.stringify(embedded.url)} });
    client.connect().then(() => client.query('select pg_sleep(600)'));`;
  const killed = spawn(process.execPath, ['-e', script], { stdio: 'inherit' });
  const isRunning = async () =>
    (await query(embedded.url, "select from pg_stat_activity where query = 'select pg_sleep(600)'")).length === 1;
  await waitUntil(isRunning);
  killed.kill('SIGKILL');
  await waitUntil(async () => !(await isRunning()), { message: 'the end of its statement' });
  await embedded.close();
});

test('a killed server is recovered by the next user with all that was committed', async () => {
  await copyPrepared(home);
  const first = await use(home);
  await query(first.url, 'create table kept as select 1 as value');
  const server = await serverOf(home);
  // Someone's statement outlives the server: the next one must wait for it, or the data would be damaged.
  const busy = new Client({ connectionString: first.url });
  busy.on('error', () => {});
  await busy.connect();
  const statement = busy.query('select count(*) from generate_series(1, 10000000)').catch(() => {});
  await waitUntil(async () => {
    const running = await query(
      first.url,
      "select from pg_stat_activity where query like '%series(1%' and state = 'active'",
    );
    return running.length === 2;
  });
  await first.kill();
  process.kill(Number(server), 'SIGKILL');

  const next = await openEmbedded(home);
  expect(await serverOf(home)).not.toBe(server);
  expect(await query(next.url, 'select value from kept')).toEqual([{ value: 1 }]);
  await next.close();
  await statement;
});

test('a process that stays when its server is killed has it back on the same port', async () => {
  await copyPrepared(home);
  const lines: string[] = [];
  const embedded = await openEmbedded(home, { log: (line) => lines.push(line) });
  process.kill(Number(await serverOf(home)), 'SIGKILL');
  await waitUntil(() =>
    query(embedded.url, 'select 1 as value').then(
      () => true,
      () => false,
    ),
  );
  await embedded.close();
  expect(await serverOf(home)).toBeUndefined();
  expect(lines.join('\n')).toContain('closed the connection');
});

test('one killed while it makes the database leaves nothing that hinders the next', async () => {
  const user = startUser(home);
  await waitUntil(async () => (await readdir(home).catch(() => [])).some((name) => name.startsWith('postgres.new-')));
  await user.kill();
  const next = await openEmbedded(home);
  await next.close();
  expect(await readdir(home)).toContain('postgres');
});

test('two homes run side by side on ports of their own', async () => {
  const other = path.join(folder, 'other');
  await Promise.all([copyPrepared(home), copyPrepared(other)]);
  const [first, second] = await Promise.all([openEmbedded(home), openEmbedded(other)]);
  expect(new URL(first.url).port).not.toBe(new URL(second.url).port);
  await first.close();
  expect(await query(second.url, 'select 1 as value')).toEqual([{ value: 1 }]);
  await second.close();
});

test('a postmaster.pid whose process id now belongs to another program is no obstacle', async () => {
  await copyPrepared(home);
  const data = path.join(home, 'postgres', 'data');
  const { uid, gid } = await stat(data);
  const stranger = spawn('/bin/sh', ['-c', 'read line'], {
    ...(isRoot ? { uid, gid } : {}),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  await once(stranger, 'spawn');
  const file = path.join(data, 'postmaster.pid');
  await writeFile(file, `${stranger.pid}\n${data}\n1700000000\n5432\n\n127.0.0.1\n  1234567         0\nready   \n`);
  await chown(file, uid, gid);

  const embedded = await openEmbedded(home);
  expect(await query(embedded.url, 'select 1 as value')).toEqual([{ value: 1 }]);
  await embedded.close();
  expect(stranger.exitCode).toBeNull();
  stranger.stdin.end();
  await once(stranger, 'exit');
});

test('its port being taken meanwhile is no obstacle', async () => {
  await copyPrepared(home);
  const before = await closed(openEmbedded(home));
  const squatter = spawn(
    process.execPath,
    ['-e', `require('net').createServer().listen(${new URL(before).port}, '127.0.0.1', () => console.log('up'))`],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  await once(squatter.stdout, 'data');
  const embedded = await openEmbedded(home);
  expect(embedded.url).not.toBe(before);
  squatter.kill('SIGKILL');
  await embedded.close();
});

test('odd locale and PG variables change nothing, and it listens on loopback with a password only', async () => {
  const user = await use(home, {
    env: { ...process.env, LC_ALL: 'xx_YY.UTF-8', LANG: 'nowhere', PGDATA: '/nowhere', PGPORT: '1', PGUSER: 'nobody' },
  });
  expect(
    await query(
      user.url,
      `select current_setting('server_encoding') as encoding, current_setting('listen_addresses') as addresses,
        current_setting('unix_socket_directories') as sockets, 'Z' < 'a' as by_code_point, lower('ÄŁ') as lower,
        current_setting('fsync') as fsync, current_setting('synchronous_commit') as durable`,
    ),
  ).toEqual([
    {
      encoding: 'UTF8',
      addresses: '127.0.0.1',
      sockets: '',
      by_code_point: true,
      lower: 'äł',
      fsync: 'on',
      durable: 'on',
    },
  ]);
  const wrong = new URL(user.url);
  wrong.password = 'wrong';
  await expect(query(wrong.href, 'select 1')).rejects.toThrow(/password authentication failed/);
  expect((await stat(path.join(home, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
  await user.close();
});

test('it runs below a folder that nobody else can enter', async () => {
  await chmod(folder, 0o700);
  const url = await closed(openEmbedded(home));
  expect(await closed(openEmbedded(home))).toBe(url);
});

test('an ordinary user runs it, and root then runs it as that user', async () => {
  await mkdir(home);
  if (isRoot) await chown(home, nobody, nobody);
  const user = startUser(home, isRoot ? { uid: nobody } : {});
  const canReach = !isRoot || (await canEnter(nobody, import.meta.dirname));
  if (!canReach) {
    await expect(user.opened).rejects.toThrow(/Misconfigured/);
    return;
  }
  const url = await user.opened;
  const embedded = await openEmbedded(home);
  expect(embedded.url).toBe(url);
  await user.close();
  await embedded.close();
  const again = await use(home, isRoot ? { uid: nobody } : {});
  await again.close();
  const owner = (await stat(path.join(home, 'postgres', 'data', 'global'))).uid;
  expect(owner).toBe(isRoot ? nobody : process.getuid?.());
});

test('a process that forgets to close it can end all the same', async () => {
  await copyPrepared(home);
  const script = `import { openEmbedded } from ${JSON.stringify(path.resolve('src/state/embedded.ts'))};
    await openEmbedded(${JSON.stringify(home)});`;
  const forgetful = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'inherit' });
  expect(await once(forgetful, 'exit')).toEqual([0, null]);
});

test('a data folder of another major version is refused by name', async () => {
  await copyPrepared(home);
  await writeFile(path.join(home, 'postgres', 'data', 'PG_VERSION'), '17\n');
  await expect(openEmbedded(home)).rejects.toThrow(/was made by Postgres 17, and this release brings Postgres 18/);
});

test('a server that cannot start is reported at once, with its own reason', async () => {
  await copyPrepared(home);
  await rm(path.join(home, 'postgres', 'data', 'global', 'pg_control'));
  await expect(openEmbedded(home)).rejects.toMatchObject({
    code: 'Misconfigured',
    detail: expect.stringContaining('pg_control'),
  });
});

test('a platform without a package is told to set DATABASE_URL', async () => {
  await expect(findBinaries('sunos', 'mips')).rejects.toThrow(/sunos-mips is not installed.*DATABASE_URL/);
});

interface EmbeddedUser {
  /** Its connection string, once it has one; rejects with what it said when it ends before. */
  readonly opened: Promise<string>;
  close(): Promise<void>;
  /** Kills its process group. */
  kill(): Promise<void>;
}

interface UserOptions {
  readonly uid?: number;
  readonly env?: NodeJS.ProcessEnv;
}

function startUser(of: string, options: UserOptions = {}): EmbeddedUser {
  const child: ChildProcessByStdio<Writable, Readable, Readable> = spawn(
    process.execPath,
    [userScript, of, ...(options.uid === undefined ? [] : [String(options.uid)])],
    { detached: true, stdio: ['pipe', 'pipe', 'pipe'], env: options.env ?? process.env },
  );
  const ended = once(child, 'exit');
  const said = text(child.stderr);
  const opened = new Promise<string>((resolve, reject) => {
    child.stdout.once('data', (line: Buffer) => resolve(line.toString().trim()));
    child.once('exit', () => said.then((words) => reject(new Error(words))));
  });
  opened.catch(() => {});
  const user: EmbeddedUser = {
    opened,
    close: async () => {
      child.stdin.end();
      expect(await ended).toEqual([0, null]);
    },
    kill: async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-Number(child.pid), 'SIGKILL');
      await ended;
    },
  };
  users.push(user);
  return user;
}

async function use(of: string, options: UserOptions = {}): Promise<EmbeddedUser & { url: string }> {
  const user = startUser(of, options);
  return { ...user, url: await user.opened };
}

/** Closes it as soon as it is open. */
async function closed(opening: Promise<EmbeddedDatabase>): Promise<string> {
  const embedded = await opening;
  await embedded.close();
  return embedded.url;
}

/** The process id of the server of a home, as its postmaster.pid says. */
async function serverOf(of: string): Promise<number | undefined> {
  const file = path.join(of, 'postgres', 'data', 'postmaster.pid');
  const content = await readFile(file, 'utf8').catch(() => undefined);
  return content === undefined ? undefined : Number(content.split('\n')[0]);
}

async function killServer(of: string): Promise<void> {
  const pid = await serverOf(of);
  if (pid === undefined) return;
  process.kill(pid, 'SIGQUIT');
  await waitUntil(async () => (await serverOf(of)) === undefined);
}

async function canEnter(uid: number, target: string): Promise<boolean> {
  const probe = spawn('/bin/sh', ['-c', 'test -x "$0"', target], { uid, gid: uid, stdio: 'ignore' });
  const [status] = await once(probe, 'exit');
  return status === 0;
}

async function query(url: string, statement: string): Promise<unknown[]> {
  const client = new Client({ connectionString: url });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
