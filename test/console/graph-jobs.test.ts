/** The synchronization job as Graph has it: its addresses, its status, its levers, and what is refused. */
import { describe, expect, it } from 'vitest';
import { type JobState, toSynchronizationJob } from '../../src/console/graph/job-resource.ts';
import { readAudit } from '../../src/state/audit.ts';
import { enterQuarantine, readJob } from '../../src/state/job.ts';
import { addPerson } from '../pipeline/people.ts';
import { openConsoleWorld, type ShownConsole } from './console-world.ts';

type Json = Record<string, unknown>;

async function read(console: ShownConsole, path: string, init?: RequestInit): Promise<{ status: number; body: Json }> {
  const answer = await console.fetch(path, init);
  const text = await answer.text();
  return { status: answer.status, body: text === '' ? {} : JSON.parse(text) };
}

const post = (console: ShownConsole, path: string, body: unknown = {}) =>
  read(console, path, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });

async function openJob(people: number, options: Parameters<typeof openConsoleWorld>[1] = {}) {
  const opened = await openConsoleWorld(people, options);
  const { console } = opened;
  const principals = await read(console, '/v1.0/servicePrincipals');
  const [principal] = principals.body.value as Json[];
  const base = `/v1.0/servicePrincipals/${principal?.id}`;
  const jobs = await read(console, `${base}/synchronization/jobs`);
  const [job] = jobs.body.value as Json[];
  return { ...opened, principal, base, job: `${base}/synchronization/jobs/${job?.id}`, jobId: job?.id };
}

describe('the addresses of Graph', () => {
  it('are known before a cycle has run, by object id and by application id, in both versions', async () => {
    const { world, console, principal, jobId } = await openJob(0);
    const { ENTRA_APP_ID: appId, AZURE_TENANT_ID: tenant } = world.settings;
    expect(principal).toMatchObject({ id: world.tenant.maptician.id, appId });
    expect(jobId).toMatch(new RegExp(`^maptician-sync\\.${tenant}\\.`));
    for (const version of ['v1.0', 'beta']) {
      for (const key of [`/${principal?.id}`, `(appId='${appId}')`, `(appId=%27${appId}%27)`]) {
        const found = await read(console, `/${version}/servicePrincipals${key}/synchronization/jobs/${jobId}`);
        expect(found, key).toMatchObject({ status: 200, body: { id: jobId, status: { code: 'NotRun' } } });
        expect(found.body['@odata.context']).toContain(`/${version}/$metadata#`);
      }
    }
    const filtered = (filter: string) =>
      read(console, `/v1.0/servicePrincipals?$filter=${encodeURIComponent(filter)}`).then(({ body }) => body.value);
    expect(await filtered(`appId eq '${appId}'`)).toHaveLength(1);
    expect(await filtered(`displayName eq 'Another'`)).toEqual([]);
  });

  it('name the installation where everybody is provisioned, since there is no application then', async () => {
    const { world, principal, jobId } = await openJob(0, { settings: { SYNC_SCOPE: 'all' } });
    expect(principal?.appId).toBeNull();
    expect(jobId).toBe(`maptician-sync.${world.settings.AZURE_TENANT_ID}.${principal?.id}`);
  });

  it('refuse another application, another job, and what is not changed here', async () => {
    const { console, base, job } = await openJob(0);
    const other = '00000000-0000-4000-8000-000000000000';
    const refused = async (method: string, path: string, init: RequestInit = {}) => {
      const { status, body } = await read(console, path, { ...init, method });
      return [status, (body.error as Json).code];
    };
    expect(await refused('GET', `/v1.0/servicePrincipals/${other}`)).toEqual([404, 'ResourceNotFound']);
    expect(await refused('POST', `${base}/synchronization/jobs/other/pause`)).toEqual([404, 'ResourceNotFound']);
    expect(await refused('GET', '/v1.0/users')).toEqual([404, 'ResourceNotFound']);
    for (const [method, path] of [
      ['POST', `${base}/synchronization/jobs`],
      ['DELETE', job],
      ['PATCH', job],
      ['PUT', `${job}/schema`],
      ['DELETE', `${job}/schema`],
    ] as const) {
      expect(await refused(method, path), `${method} ${path}`).toEqual([405, 'MethodNotAllowed']);
    }
    const wrong = await read(console, `${job}/restart`, {
      method: 'POST',
      body: '{',
      headers: { 'Content-Type': 'application/json' },
    });
    expect(wrong.status).toBe(400);
    expect((await read(console, `${job}/restart`, { method: 'POST', body: 'criteria=1' })).status).toBe(415);
    const long = JSON.stringify({ criteria: { resetScope: 'x'.repeat(2_000_000) } });
    // With a length, and in chunks without one.
    for (const body of [long, new Blob([long]).stream()]) {
      const init = { method: 'POST', headers: { 'Content-Type': 'application/json' }, body, duplex: 'half' as const };
      expect((await read(console, `${job}/restart`, init)).status).toBe(413);
    }
    const chunks = {
      headers: { 'Content-Type': 'application/json' },
      body: new Blob(['{}']).stream(),
      duplex: 'half' as const,
    };
    expect((await read(console, `${job}/restart`, { method: 'POST', ...chunks })).status).toBe(204);
  });
});

describe('the levers of the job', () => {
  it('start ends a quarantine and asks for a cycle', async () => {
    const { world, console, job } = await openJob(0);
    const { pool } = (await world.service()).database;
    await enterQuarantine(pool, { reason: 'IngestionInterrupted', code: 'IngestionInterrupted', message: 'Too few' });
    expect((await read(console, job)).body.status).toMatchObject({
      code: 'Quarantine',
      quarantine: { reason: 'IngestionInterrupted', seriesCount: 1, error: { message: 'Too few' } },
      troubleshootingUrl: `${console.url}/`,
    });
    expect(await post(console, `${job}/start`)).toEqual({ status: 204, body: {} });
    expect((await readJob(pool)).quarantine).toBeNull();
    const { entries } = await readAudit(pool, { limit: 9 });
    expect(entries.map(({ action }) => action)).toEqual(['sync', 'resume']);
  });

  it('restart takes scopes as Microsoft writes them, and refuses what is none', async () => {
    const { world, console, job } = await openJob(0);
    const { pool } = (await world.service()).database;
    const restarted = async (body: unknown) => {
      await pool.query(`update job set restart_scope = '{}'`);
      const { status } = await post(console, `${job}/restart`, body);
      return [status, (await readJob(pool)).restartScope];
    };
    expect(await restarted({ criteria: { resetScope: 'Full' } })).toEqual([
      204,
      ['ConnectorDataStore', 'Escrows', 'Watermark'],
    ]);
    expect(await restarted({ criteria: { resetScope: '' } })).toEqual([204, ['Escrows', 'Watermark']]);
    expect(await restarted({})).toEqual([204, ['Escrows', 'Watermark']]);
    expect(await restarted({ criteria: { resetScope: 'Everything' } })).toEqual([400, []]);
  });
});

describe('provisionOnDemand', () => {
  const asked = (objectId: string, ruleId = 'entra-to-maptician') => ({
    parameters: [{ ruleId, subjects: [{ objectId, objectTypeName: 'User' }] }],
  });

  it('says what was skipped, what failed and who is unknown', async () => {
    const { world, tenant, console, job, ids } = await openJob(1);
    await world.sync();
    const provisioned = async (id: string) => {
      const { body } = await post(console, `${job}/provisionOnDemand`, asked(id));
      return { key: JSON.parse(`${body.key}`), value: JSON.parse(`${body.value}`) };
    };
    const same = await provisioned(ids[0] ?? '');
    expect(same.key).toMatchObject({ result: 'Skipped', details: { errorCode: 'RedundantExport' } });
    expect(same.value).toMatchObject({ action: 'Other', changeId: null, statusInfo: { status: 'Skipped' } });
    expect(same.value.provisioningSteps.map(({ type, status }: Json) => `${type} ${status}`)).toEqual([
      'Import Success',
      'Scoping Success',
      'Matching Success',
      'Export Skipped',
    ]);

    await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
    const failed = await provisioned(addPerson(tenant, { jobTitle: 'Chief' }));
    expect(failed.key).toMatchObject({ result: 'Failure', details: { errorCode: expect.any(String) } });
    expect(failed.value).toMatchObject({
      action: 'Create',
      statusInfo: { status: 'Failure', errorCategory: 'NonServiceFailure' },
    });

    const outside = await provisioned(addPerson(tenant, {}, false));
    expect(outside.key).toMatchObject({ result: 'Skipped' });
    const unknown = await post(console, `${job}/provisionOnDemand`, asked('00000000-0000-4000-8000-000000000000'));
    expect(unknown.status).toBe(404);
    expect((await post(console, `${job}/provisionOnDemand`, asked(ids[0] ?? '', 'another'))).status).toBe(400);
    const [parameter] = asked(ids[0] ?? '').parameters;
    const two = {
      parameters: [{ ...parameter, subjects: [...(parameter?.subjects ?? []), ...(parameter?.subjects ?? [])] }],
    };
    expect(await post(console, `${job}/provisionOnDemand`, two)).toMatchObject({
      status: 400,
      body: { error: { message: 'body.parameters.0.subjects: The answer is about one user: name one.' } },
    });
  });

  it('tells why where Entra does not answer', async () => {
    const { world, console, job, ids } = await openJob(1);
    await world.sync();
    world.sandbox.faults.inject({ path: '/users*', times: 99, fault: { kind: 'status', status: 403 } });
    const answer = await post(console, `${job}/provisionOnDemand`, asked(ids[0] ?? ''));
    expect([answer.status, answer.body.error]).toMatchObject([502, { code: 'InsufficientRights' }]);
  });
});

describe('validateCredentials', () => {
  const given = (token: string, address?: string) => ({
    credentials: [
      { key: 'SecretToken', value: token },
      ...(address === undefined ? [] : [{ key: 'BaseAddress', value: address }]),
    ],
  });

  it('tries the token in use, and a new one at the Tenant URL of the settings and nowhere else', async () => {
    const { world, console, job } = await openJob(0, { store: 'scim' });
    const { MAPTICIAN_TENANT_URL: url = '', MAPTICIAN_SECRET_TOKEN: token = '' } = world.settings;
    const validated = async (body: unknown) => (await post(console, `${job}/validateCredentials`, body)).status;
    expect(await validated({ useSavedCredentials: true })).toBe(204);
    expect(await validated(given(token, `${url}?aadOptscim062020`))).toBe(204);
    expect(await validated(given('renewed'))).toBe(502);
    world.sandbox.maptician.setToken('renewed');
    expect(await validated(given('renewed'))).toBe(204);
    expect(await validated({ useSavedCredentials: true })).toBe(502);
    const before = world.sandbox.requests.entries.length;
    expect(await validated(given('renewed', 'https://169.254.169.254/scim'))).toBe(400);
    expect(await validated({})).toBe(400);
    expect(world.sandbox.requests.entries.length).toBe(before);
    expect(world.log.join('\n')).not.toContain('renewed');
  });

  it('checks the table of users, which has no credentials of its own', async () => {
    const { console, job } = await openJob(0);
    expect((await post(console, `${job}/validateCredentials`, { useSavedCredentials: true })).status).toBe(204);
    expect((await post(console, `${job}/validateCredentials`, given('some'))).status).toBe(400);
  });
});

it('tells of a running cycle, of executions, and of the schedule', () => {
  const at = new Date('2026-09-01T08:00:00Z');
  const job = {
    id: 'job',
    origin: 'https://sync.example.com',
    interval: 5_400_000,
    removalLimit: 500,
    standing: {
      job: { pausedAt: null, quarantine: null, escrowsPruned: false, restartScope: [] },
      lastCycle: { startedAt: at },
      progress: { phase: 'users', done: 7, total: null, at },
    },
    linked: 3,
    failing: true,
    executions: {
      last: {
        id: 4,
        state: 'failed',
        counts: null,
        startedAt: at,
        endedAt: at,
        stopCode: 'Unreachable',
        stopMessage: 'No',
      },
      failuresInARow: 2,
      firstFinishedAt: null,
      lastFinishedAt: at,
    },
  } as unknown as JobState;
  const { schedule, status } = toSynchronizationJob(job);
  expect(schedule).toEqual({ expiration: null, interval: 'PT1H30M', state: 'Active' });
  expect(status).toMatchObject({
    code: 'Active',
    countSuccessiveCompleteFailures: 2,
    progress: [{ completedUnits: 7, units: 'users', progressObservationDateTime: at.toISOString() }],
    lastExecution: { state: 'Failed', error: { code: 'Unreachable', message: 'No', tenantActionable: true } },
    lastSuccessfulExecution: null,
    steadyStateFirstAchievedTime: '0001-01-01T00:00:00Z',
    steadyStateLastAchievedTime: at.toISOString(),
    troubleshootingUrl: 'https://sync.example.com/failures',
  });
  expect(status.progress[0]).not.toHaveProperty('totalUnits');
});
