import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';
import { beginCycle } from '../src/state/cycles.ts';
import { openDatabase } from '../src/state/database.ts';
import { settleEscrow } from '../src/state/escrow.ts';
import { writeLog } from '../src/state/provisioning-log.ts';
import { runCommand, someTenant } from './support/command.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createDatabase();
});
afterAll(async () => {
  await database.drop();
});

const run = (args: readonly string[], settings: Record<string, string> = {}) =>
  runCommand(args, { DATABASE_URL: database.url, ...settings });

describe('the command line', () => {
  it('names every command in its help, with what the exit statuses mean', async () => {
    const { stdout, status } = await run(['--help']);
    expect(status).toBe(0);
    for (const command of [
      'start',
      'sync',
      'resync',
      'plan',
      'provision',
      'why',
      'status',
      'log',
      'mapping',
      'test-connection',
      'sandbox',
      'demo',
    ]) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    expect(stdout).toContain('Exit status: 0 converged');
  });

  it.each([
    [['sync', '--jsn']],
    [['snyc']],
    [['log', '--limit', 'many']],
    [['approve', 'x']],
    [['status', 'extra']],
    [['log', '--since', 'yesterday']],
  ])('refuses %j with exit status 2', async (args) => {
    const { stdout, stderr, status } = await run(args, someTenant);
    expect(status).toBe(2);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error: /);
  });

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
    const { stdout, status } = await run(['settings'], someTenant);
    expect(status).toBe(0);
    expect(stdout).toContain(`ENTRA_APP_ID=${someTenant.ENTRA_APP_ID}`);
    expect(stdout).not.toContain(someTenant.AZURE_CLIENT_SECRET);
  });

  it('shows status and log before the first cycle, and says what to do', async () => {
    const found = await run(['status'], someTenant);
    expect(found).toMatchObject({ status: 0, stdout: expect.stringContaining('maptician-sync test-connection') });
    const json = await run(['status', '--json'], someTenant);
    expect(JSON.parse(json.stdout)).toMatchObject({ state: 'never run', failed: 0, held: [] });
    expect(await run(['log'], someTenant)).toMatchObject({ status: 0, stdout: 'No entries.\n' });
  });

  it('shows of a failure what Maptician answered, which attempt it was, and when the next one is', async () => {
    const state = await openDatabase({ databaseUrl: database.url, home: '/nowhere', log: createLog('silent') });
    const ids = ['5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b21', '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b22'];
    const cycleId = await beginCycle(state.pool, 'sync');
    const base = { action: 'create', mapticianId: null, operation: 'create', status: 'failure' } as const;
    const conflict = { code: 'Conflict', reason: 'userName is taken', httpStatus: 409 } as const;
    const slow = { code: 'Timeout', reason: 'no answer', httpStatus: undefined } as const;
    for (let attempt = 1; attempt <= 2; attempt++) {
      const failures = [
        { entraId: ids[0] ?? '', action: base.action, ...conflict },
        { entraId: ids[1] ?? '', action: base.action, ...slow },
      ];
      await writeLog(
        state.pool,
        cycleId,
        failures.map((failure) => ({ ...base, ...failure, userName: 'ada@contoso.example' })),
      );
      await settleEscrow(state.pool, { cycleId, failures, succeeded: [] });
    }
    await state.pool.query(`update cycles set state = 'partial', ended_at = now()`);
    await state.close();

    const [json, table, shown, found] = await Promise.all([
      run(['log', '--json', '--user', ids[0] ?? '', '--limit', '1'], someTenant),
      run(['log', '--since', '1h'], someTenant),
      run(['status'], someTenant),
      run(['status', '--json'], someTenant),
    ]);
    const [entry] = JSON.parse(json.stdout);
    expect(entry.provisioningStatusInfo).toEqual({
      status: 'failure',
      reason: 'userName is taken',
      errorInformation: {
        errorCode: 'Conflict',
        reason: expect.stringMatching(
          /^userName is taken\. This operation was retried 1 time\. It will be retried again after this date: \d{4}-.*Z\.$/,
        ),
        additionalDetails: 'HTTP status 409, attempt 2',
        errorCategory: 'nonServiceFailure',
        recommendedAction: expect.stringContaining('Another account'),
      },
    });
    expect(table.stdout.trimEnd().split('\n')).toHaveLength(3);
    expect(table.stdout).toMatch(/Conflict \(409, attempt 2\): userName is taken ×2 since \d{4}-.*\. Next try \d{4}-/);
    expect(table.stdout).toMatch(/Timeout \(attempt 2\): no answer ×2 since .* Next try in the next cycle\./);
    expect(shown.stdout).toMatch(/: Conflict \(409\), retried 1 time, next at \d{4}-.* UTC or after a change/);
    expect(shown.stdout).toMatch(/: Timeout, retried 1 time, next in the next cycle/);
    expect(JSON.parse(found.stdout)).toMatchObject({
      failed: 2,
      failing: [
        { id: ids[1], code: 'Timeout', httpStatus: null, attempts: 2 },
        { id: ids[0], code: 'Conflict', httpStatus: 409, attempts: 2 },
      ],
    });
  });

  it('says that a set of held removals is not known', async () => {
    const { status, stderr } = await run(['approve', '7'], someTenant);
    expect(status).toBe(2);
    expect(stderr).toContain('No removals are held as set 7');
  });

  it('names the setting of a database that does not answer, without its password', async () => {
    const { status, stderr } = await run(['status'], {
      ...someTenant,
      DATABASE_URL: 'postgres://sync:very-secret-indeed@127.0.0.1:1/sync',
    });
    expect(status).toBe(2);
    expect(stderr).toContain('DATABASE_URL');
    expect(stderr).not.toContain('very-secret-indeed');
  });
});
