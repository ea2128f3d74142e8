/**
 * `test-connection`: every side by name, with the mend. Sends no mail, and writes nothing but, over SCIM, a test account
 * that is deleted again.
 */
import { z } from 'zod';
import { assignedGroups, findServicePrincipal } from '../directory/assignments.ts';
import { createCredential, fetchToken } from '../directory/credential.ts';
import { createGraphClient, type GraphClient, graphSyncError } from '../directory/graph-client.ts';
import { appRoleAssignmentsPage } from '../directory/graph-types.ts';
import { recommendedAction, type SyncError, toSyncError } from '../errors.ts';
import type { Service } from '../service.ts';
import { type CommandOptions, cannotRun, print, printJson, withService } from './command.ts';
import { howMany } from './table.ts';

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly found: string;
  readonly action?: string;
}

const anything = z.unknown();

export async function testConnection(options: CommandOptions): Promise<number> {
  return withService(options, async (service, signal) => {
    const checks: Check[] = [];
    const check = async (name: string, work: () => Promise<string>) => {
      const done = await work().then(
        (found): Check => ({ name, ok: true, found }),
        (thrown: unknown): Check => failed(name, toSyncError(thrown)),
      );
      checks.push(done);
      if (options.json) return done.ok;
      const [first = '', ...more] = done.found.split('\n');
      print(`${done.ok ? '✓' : '✗'} ${name.padEnd(12)} ${first}`);
      for (const line of more) print(`  ${' '.repeat(12)} - ${line}`);
      if (done.action !== undefined) print(`  ${' '.repeat(12)} ${done.action}`);
      return done.ok;
    };
    await checkEntra(service, signal, check);
    await check('user store', async () => (await service.store()).check());
    await check('queue', async () => (await service.queue()).check());
    await check('state', async () =>
      service.settings.DATABASE_URL === undefined ? 'embedded Postgres' : 'Postgres (DATABASE_URL)',
    );
    await check('mail', async () => {
      if (service.mailer === undefined) return 'nobody is mailed: NOTIFICATION_EMAIL and SMTP_URL are not both set';
      await service.mailer.check();
      return `the mail server accepts mail for ${howMany(service.settings.NOTIFICATION_EMAIL?.length ?? 0, 'recipient')}`;
    });
    const ok = checks.every((one) => one.ok);
    if (options.json) printJson({ ok, checks });
    return ok ? 0 : cannotRun;
  });
}

function failed(name: string, error: SyncError): Check {
  const found = error.detail === undefined ? error.message : `${error.message}: ${error.detail}`;
  return { name, ok: false, found, action: recommendedAction(error.code) };
}

async function checkEntra(
  service: Service,
  signal: AbortSignal,
  check: (name: string, work: () => Promise<string>) => Promise<boolean>,
): Promise<void> {
  const { settings } = service;
  const origin = new URL(settings.GRAPH_BASE_URL).origin;
  const credential = createCredential(settings);
  const signedIn = await check('sign-in', async () => {
    await fetchToken(credential, `${origin}/.default`, signal);
    return `the app signs in at ${new URL(settings.AZURE_AUTHORITY_HOST).host}`;
  });
  // Without a token every further answer would be the same one.
  if (!signedIn) return;
  const graph = createGraphClient({ origin, credential, signal });
  await check('users', async () => {
    await read(graph, '/users?$select=id&$top=1', 'users', 'User.Read.All');
    return 'users can be read (User.Read.All)';
  });
  if (settings.SYNC_SCOPE === 'all') return;
  await check('assignments', async () => {
    const id =
      settings.ENTRA_SERVICE_PRINCIPAL_ID ?? (await findServicePrincipal({ graph }, settings.ENTRA_APP_ID ?? ''));
    const path = `/servicePrincipals/${id}/appRoleAssignedTo?$top=999`;
    const page = appRoleAssignmentsPage.parse(
      await read(graph, path, 'the assignments of the enterprise app', 'Application.Read.All'),
    );
    const groups = page.value.filter((row) => row.principalType === 'Group').length;
    const more = page['@odata.nextLink'] === undefined ? '' : 'more than ';
    return `${more}${page.value.length} assignments of the enterprise app, ${groups} of them groups (Application.Read.All)`;
  });
  await check('groups', async () => {
    const [group] = await assignedGroups(service.database.pool);
    const path =
      group === undefined
        ? '/groups/delta?$select=members&$deltatoken=latest'
        : `/groups/${group}/members?$select=id&$top=1`;
    // A group that was deleted since is no reason to doubt the permission.
    await read(graph, path, 'the members of groups', 'GroupMember.Read.All').catch((thrown: unknown) => {
      if (toSyncError(thrown).code !== 'Misconfigured') throw thrown;
    });
    return 'members of groups can be read (GroupMember.Read.All)';
  });
}

async function read(graph: GraphClient, path: string, what: string, permission: string): Promise<unknown> {
  try {
    return await graph.get(path, anything);
  } catch (thrown) {
    throw graphSyncError(thrown, what, permission);
  }
}
