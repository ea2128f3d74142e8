import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase, type TestDatabase } from './support/database.ts';

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createDatabase();
  // An empty folder: neither a config/ nor a .env of this checkout takes part.
  folder = await mkdtemp(join(tmpdir(), 'maptician-sync-cli-'));
});
afterAll(async () => {
  await database.drop();
  await rm(folder, { recursive: true });
});

async function run(args: readonly string[], settings: Record<string, string> = {}) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/cli/main.ts'), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, ...settings },
  });
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  return { stdout, stderr, status };
}

const tenant = {
  AZURE_TENANT_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b11',
  AZURE_CLIENT_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b12',
  AZURE_CLIENT_SECRET: 'very-secret-indeed',
  ENTRA_APP_ID: '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b13',
};

describe('the command line', () => {
  it('names every command in its help, with what the exit statuses mean', async () => {
    const { stdout, status } = await run(['--help']);
    expect(status).toBe(0);
    for (const command of ['start', 'sync', 'resync', 'plan', 'status', 'log', 'test-connection', 'sandbox', 'demo']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    expect(stdout).toContain('Exit status: 0 converged');
  });

  it.each([[['sync', '--jsn']], [['snyc']], [['log', '--limit', 'many']], [['approve', 'x']], [['status', 'extra']]])(
    'refuses %j with exit status 2',
    async (args) => {
      const { stdout, stderr, status } = await run(args, tenant);
      expect(status).toBe(2);
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^error: /);
    },
  );

  it('names all that is wrong with the settings in one message, and exits with 2', async () => {
    const { stderr, stdout, status } = await run(['sync', '--json'], {
      SYNC_SCOPEE: 'all',
      GRAPH_BASE_URL: 'http://graph.example',
      REDIS_URL: 'http://redis.example',
    });
    expect(status).toBe(2);
    for (const name of ['SYNC_SCOPEE', 'GRAPH_BASE_URL', 'REDIS_URL', 'ENTRA_APP_ID']) expect(stderr).toContain(name);
    expect(JSON.parse(stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({ error: { code: 'Misconfigured' } });
  });

  it('prints the effective settings with the secrets masked', async () => {
    const { stdout, status } = await run(['settings'], tenant);
    expect(status).toBe(0);
    expect(stdout).toContain(`ENTRA_APP_ID=${tenant.ENTRA_APP_ID}`);
    expect(stdout).not.toContain(tenant.AZURE_CLIENT_SECRET);
  });

  it('shows status and log before the first cycle, and says what to do', async () => {
    const found = await run(['status'], tenant);
    expect(found).toMatchObject({ status: 0, stdout: expect.stringContaining('maptician-sync test-connection') });
    const json = await run(['status', '--json'], tenant);
    expect(JSON.parse(json.stdout)).toMatchObject({ state: 'never run', failed: 0, held: [] });
    expect(await run(['log'], tenant)).toMatchObject({ status: 0, stdout: 'No entries.\n' });
  });

  it('says that a set of held removals is not known', async () => {
    const { status, stderr } = await run(['approve', '7'], tenant);
    expect(status).toBe(2);
    expect(stderr).toContain('No removals are held as set 7');
  });

  it('names the setting of a database that does not answer, without its password', async () => {
    const { status, stderr } = await run(['status'], {
      ...tenant,
      DATABASE_URL: 'postgres://sync:very-secret-indeed@127.0.0.1:1/sync',
    });
    expect(status).toBe(2);
    expect(stderr).toContain('DATABASE_URL');
    expect(stderr).not.toContain('very-secret-indeed');
  });
});
