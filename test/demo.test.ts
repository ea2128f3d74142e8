import { type ChildProcessWithoutNullStreams, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { Client } from 'pg';
import { describe, expect, it } from 'vitest';

const execute = promisify(execFile);

interface RunningDemo extends AsyncDisposable {
  readonly child: ChildProcessWithoutNullStreams;
  /** Its folder for what is temporary, so that what it leaves behind is seen. */
  readonly folder: string;
}

async function startDemo(args: readonly string[], settings: Record<string, string> = {}): Promise<RunningDemo> {
  const folder = await mkdtemp(join(tmpdir(), 'maptician-sync-demo-test-'));
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/cli/main.ts'), 'demo', ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, TMPDIR: folder, ...settings },
    // One that does not end cleans up before the test is given up, so that it leaves no server behind.
    timeout: 50_000,
  });
  const closed = once(child, 'close');
  return {
    child,
    folder,
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGTERM');
      await closed;
      await rm(folder, { recursive: true });
    },
  };
}

/** Servers of the embedded Postgres whose data is in the folder; those that have ended and nobody waited for are none. */
async function serversIn(folder: string): Promise<string[]> {
  const { stdout } = await execute('ps', ['-A', '-o', 'stat=,args='], { maxBuffer: 2 ** 24 });
  return stdout.split('\n').filter((line) => line.includes(`-D ${folder}`) && !line.startsWith('Z'));
}

/** The lines under a heading, up to the next empty one. */
function section(output: string, title: string): string[] {
  const lines = output.split('\n');
  const start = lines.findIndex((line) => line.includes(title));
  return start === -1 ? [] : lines.slice(start + 1, lines.indexOf('', start + 1));
}

/** What it has printed when these words are there. */
async function outputUntil(child: ChildProcessWithoutNullStreams, words: string): Promise<string> {
  let output = '';
  for await (const chunk of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false })) {
    output += String(chunk);
    if (output.includes(words)) break;
  }
  return output;
}

/** One cycle in another process with the settings that were printed, whatever else is set there. */
async function syncWith(output: string, folder: string): Promise<unknown> {
  const script = output.split('\n').filter((line) => line.startsWith('  export '));
  const sync = `${process.execPath} ${join(import.meta.dirname, '../src/cli/main.ts')} sync --json`;
  const { stdout } = await execute('sh', ['-c', [...script, sync].join('\n')], {
    cwd: folder,
    env: { PATH: process.env.PATH, SYNC_SCOPE: 'all', MAPTICIAN_DATABASE_URL: 'postgres://127.0.0.1:1/x' },
  });
  return JSON.parse(stdout);
}

describe('the demo', { timeout: 60_000 }, () => {
  it('plays to its end on any machine, tells true numbers, and leaves nothing behind', async () => {
    // Settings of the user's, and what pg and @azure/identity read on their own: none of it takes part.
    await using demo = await startDemo([], {
      ...{
        DATABASE_URL: 'postgres://127.0.0.1:1/x',
        REDIS_URL: 'redis://127.0.0.1:1',
        MAPTICIAN_SYNC_HOME: '/no/such',
      },
      ...{ SYNC_SCOPE: 'nobody', PGSSLMODE: 'require', HTTPS_PROXY: 'http://127.0.0.1:1', AZURE_CLIENT_ID: 'x' },
    });
    const { child, folder } = demo;
    const [output, errors, [status]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    expect({ status, problems: section(output, 'Not everything') }).toEqual({ status: 0, problems: [] });

    expect(output).toContain('1,000 users created in');
    expect(output).toContain('4 created, 2 updated, 3 deactivated, 1 failed in');
    const changes = section(output.slice(output.indexOf('The provisioning log says:')), 'OPERATION');
    expect(changes.filter((line) => /^(create|update|deactivate) /.test(line))).toHaveLength(9);
    expect(changes).toContainEqual(expect.stringMatching(/^create +Noémi Szabó +userName +– → noemi\.szabo@/));
    expect(changes).toContainEqual(expect.stringMatching(/^ +department +Sales → Marketing$/));
    expect(changes).toContainEqual(expect.stringMatching(/^ +mobile phone +\S.* → –$/));

    const summary = section(output, 'Summary').map((line) => line.trim().split(/ +/).slice(0, 6));
    expect(summary).toEqual([
      ['CYCLE', 'CREATED', 'UPDATED', 'DEACTIVATED', 'FAILED', 'REQUESTS'],
      ['1', 'initial', '1,000', '0', '0', '0'],
      ['2', 'incremental', '4', '2', '3', '1'],
      ['3', 'incremental', '0', '1', '0', '0'],
    ]);
    expect(output).toContain('Maptician has 1,004 users now, 1,001 of them active');

    expect(output).toMatch(/│ Subject: \[maptician-sync\] update failed for \S+@contoso\.example +│/);
    expect(output).toContain('title_of_at_most_60_characters');
    expect(output).toContain('[maptician-sync] Well again');
    expect(errors).not.toContain('{"level"');
    const tooLong = output.split('\n').filter((line) => line.length > 80);
    expect(tooLong).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
    expect(await serversIn(folder)).toEqual([]);
  });

  it('plays over SCIM too: adopts what is there, tells why Maptician refused, and with --keep goes on', async () => {
    await using demo = await startDemo(['--scim', '--keep'], {
      MAPTICIAN_TENANT_URL: 'https://maptician.example/scim',
    });
    const { child, folder } = demo;
    child.stderr.resume();
    const output = await outputUntil(child, '/_emu/maptician/users"');
    expect(section(output, 'Not everything')).toEqual([]);
    expect(output).toContain('996 users created and 4 accounts adopted in');
    expect(output).toMatch(/^Found by e-mail: \S+ \S+\.$/m);
    expect(output).toContain('update failed: The title must not be longer than 60 characters.');
    expect(output).toMatch(/· HTTP 400 · tried once/);
    const summary = section(output, 'Summary').map((line) => line.trim().split(/ {2,}|(?<=\d) /));
    expect(summary[0]).toEqual(
      ['CYCLE', 'CREATED', 'UPDATED', 'DEACTIVATED', 'FAILED'].concat('GRAPH', 'MAPTICIAN', 'PER USER'),
    );
    expect(summary.map((line) => [line[1], line[2], line[3], line.at(-1)]).slice(1)).toEqual([
      ['initial', '996', '4', expect.stringMatching(/^1\.0\d$/)],
      ['incremental', '4', '2', expect.stringMatching(/^1\.\d\d$/)],
      ['incremental', '0', '1', '1.00'],
    ]);
    expect(output).toContain('Maptician has 1,004 users now, 1,001 of them active');
    const commands = output.slice(output.indexOf('It keeps running'));
    expect(output.split('\n').filter((line) => line.length > 80 && !commands.includes(line))).toEqual([]);

    expect(await syncWith(output, folder)).toMatchObject({ cycleId: 4, kind: 'incremental', created: 0, updated: 0 });
  });

  it('is cleaned up after Ctrl+C in the middle of the initial cycle', async () => {
    await using demo = await startDemo([]);
    const { child, folder } = demo;
    const closed = once(child, 'close');
    child.stdout.resume();
    for await (const chunk of child.stderr.setEncoding('utf8')) {
      if (!String(chunk).includes('Reading')) continue;
      expect(await serversIn(folder)).toHaveLength(1);
      child.kill('SIGINT');
      break;
    }
    expect(await closed).toEqual([130, null]);
    expect(await readdir(folder)).toEqual([]);
    expect(await serversIn(folder)).toEqual([]);
  });

  it('keeps running with --keep: its settings work in another process, until it is interrupted', async () => {
    await using demo = await startDemo(['--keep']);
    const { child, folder } = demo;
    child.stderr.resume();
    const output = await outputUntil(child, '/_emu/users/');
    expect(await syncWith(output, folder)).toMatchObject({ cycleId: 4, kind: 'incremental', updated: 0, failed: 0 });

    // Somebody who is still connected does not keep the server.
    const url = /DATABASE_URL='(.*)'/.exec(output)?.[1];
    const client = new Client({ connectionString: url });
    client.on('error', () => undefined);
    await client.connect();
    const closed = once(child, 'close');
    child.kill('SIGINT');
    expect(await closed).toEqual([0, null]);
    expect(await readdir(folder)).toEqual([]);
    expect(await serversIn(folder)).toEqual([]);
  });
});
