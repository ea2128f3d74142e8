/** Microsoft's own SDK against the console, by nothing but another base URL. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { Client, PageIterator } from '@microsoft/microsoft-graph-client';
import type { ProvisioningObjectSummary, ServicePrincipal, SynchronizationJob } from '@microsoft/microsoft-graph-types';
import { expect, it, onTestFinished } from 'vitest';
import { createCertificate } from '../../src/sandbox/certificate.ts';
import { readAudit } from '../../src/state/audit.ts';
import { readJob } from '../../src/state/job.ts';
import { addPerson } from '../pipeline/people.ts';
import type { World } from '../pipeline/world.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld } from './console-world.ts';
import { operatorToken, readerToken, tokenSettings } from './sign-in-with-token.ts';

/** The script, as somebody wrote it against Graph. */
async function script(client: Client, { world, appId, add }: { world: World; appId: string; add: () => string }) {
  const { pool } = (await world.service()).database;
  const found: { value: ServicePrincipal[] } = await client
    .api('/servicePrincipals')
    .filter(`appId eq '${appId}'`)
    .get();
  const base = `/servicePrincipals/${found.value[0]?.id}/synchronization/jobs`;
  const jobs: { value: SynchronizationJob[] } = await client.api(base).get();
  expect(jobs.value).toHaveLength(1);
  const job = `${base}/${jobs.value[0]?.id}`;
  const statusOf = async () => ((await client.api(job).get()) as SynchronizationJob).status;

  expect(await statusOf()).toMatchObject({
    code: 'Active',
    countSuccessiveCompleteFailures: 0,
    escrowsPruned: false,
    lastExecution: { state: 'Succeeded', countExported: 5, countEscrowed: 0, error: null },
    quarantine: null,
    synchronizedEntryCountByType: [{ key: 'User to User', value: 5 }],
  });

  await client.api(`${job}/pause`).post({});
  expect(await statusOf()).toMatchObject({ code: 'Paused' });
  const pausedAt = (await statusOf())?.lastExecution?.activityIdentifier;
  await client.api(`${job}/start`).post({});
  await waitUntil(async () => Number((await statusOf())?.lastExecution?.activityIdentifier) > Number(pausedAt));
  expect(await statusOf()).toMatchObject({ code: 'Active', lastExecution: { state: 'Succeeded' } });

  await client.api(`${job}/restart`).post({ criteria: { resetScope: 'Watermark, Escrows' } });
  expect((await readJob(pool)).restartScope).toEqual(['Escrows', 'Watermark']);

  const schema = await client.api(`${job}/schema`).get();
  const added = add();
  const answer = await client.api(`${job}/provisionOnDemand`).post({
    parameters: [
      { ruleId: schema.synchronizationRules[0].id, subjects: [{ objectId: added, objectTypeName: 'User' }] },
    ],
  });
  expect(JSON.parse(answer.key)).toEqual({ result: 'Success', details: {} });
  const done = JSON.parse(answer.value);
  expect(done).toMatchObject({ action: 'Create', statusInfo: { status: 'Success' }, sourceIdentity: { id: added } });

  const all: ProvisioningObjectSummary[] = [];
  const pages = new PageIterator(
    client,
    await client.api('/auditLogs/provisioning').top(2).get(),
    (entry: ProvisioningObjectSummary) => all.push(entry) > 0,
  );
  await pages.iterate();
  expect(pages.isComplete()).toBe(true);
  expect(all).toHaveLength(6);
  expect(new Set(all.map(({ id }) => id)).size).toBe(6);
  expect(all[0]).toMatchObject({ changeId: done.changeId, sourceIdentity: { id: added }, jobId: jobs.value[0]?.id });
  expect(all[0]?.servicePrincipal).toEqual({ id: found.value[0]?.id, displayName: 'Maptician' });

  const { entries } = await readAudit(pool, { limit: 20 });
  return entries.map(({ action, actor }) => `${action} by ${actor}`);
}

async function openScripted(settings: Record<string, string> = {}) {
  const opened = await openConsoleWorld(5, { work: true, settings });
  await opened.world.sync();
  const { world, tenant } = opened;
  return { ...opened, script: { world, appId: world.settings.ENTRA_APP_ID ?? '', add: () => addPerson(tenant) } };
}

it('lists, steers and provisions over http on loopback, without credentials', async () => {
  const opened = await openScripted();
  const client = Client.init({ baseUrl: opened.console.url, authProvider: (done) => done(null, '') });
  expect(await script(client, opened.script)).toEqual([
    'provision by this machine (console)',
    'restart by this machine (console)',
    'sync by this machine (console)',
    'resume by this machine (console)',
    'pause by this machine (console)',
  ]);
});

it('does the same over TLS with a bearer token, and lets a reader look only', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maptician-console-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const { cert, key } = await createCertificate();
  tls.setDefaultCACertificates([...tls.getCACertificates(), cert]);
  await writeFile(join(folder, 'cert.pem'), cert);
  await writeFile(join(folder, 'key.pem'), key);
  const opened = await openScripted({
    ...tokenSettings,
    CONSOLE_TLS_CERTIFICATE_PATH: join(folder, 'cert.pem'),
    CONSOLE_TLS_KEY_PATH: join(folder, 'key.pem'),
  });
  const clientOf = (token: string) =>
    Client.init({
      baseUrl: opened.console.url,
      customHosts: new Set(['127.0.0.1']),
      authProvider: (done) => done(null, token),
    });
  expect(opened.console.url).toMatch(/^https:/);
  const audit = await script(clientOf(operatorToken), opened.script);
  expect(audit.slice(0, 2)).toEqual(['provision by operator token (console)', 'restart by operator token (console)']);

  const reader = clientOf(readerToken);
  const { value: principals } = await reader.api('/servicePrincipals').get();
  const base = `/servicePrincipals/${principals[0].id}/synchronization/jobs`;
  const { value: jobs } = await reader.api(base).version('beta').get();
  expect(jobs[0].status.code).toBe('Active');
  expect((await reader.api('/auditLogs/provisioning').top(3).get()).value).toHaveLength(3);
  for (const lever of ['start', 'pause', 'restart', 'provisionOnDemand', 'validateCredentials']) {
    await expect(reader.api(`${base}/${jobs[0].id}/${lever}`).post({}), lever).rejects.toMatchObject({
      statusCode: 403,
      code: 'Forbidden',
    });
  }
  await expect(clientOf('no token').api(base).get()).rejects.toMatchObject({ statusCode: 401 });
});
