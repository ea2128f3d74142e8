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
import { recipientsOf } from '../notify/channels.ts';
import { describeCredential, findCredential, keepCredential } from '../notify/credentials.ts';
import { notificationKinds } from '../notify/kinds.ts';
import type { Service } from '../service.ts';
import { howMany } from '../words.ts';
import { type CommandOptions, cannotRun, print, printJson, withService } from './command.ts';

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
    const channels = new Map(service.channels.map((channel) => [channel.name, channel]));
    await check('mail', async () => {
      const mail = channels.get('mail');
      if (mail === undefined) return nobodyMailed;
      return [await mail.check(), ...recipientLines(service.settings)].join('\n');
    });
    const webhook = channels.get('webhook');
    if (webhook !== undefined) await check('webhook', () => webhook.check());
    const ok = checks.every((one) => one.ok);
    if (options.json) printJson({ ok, checks });
    return ok ? 0 : cannotRun;
  });
}

const nobodyMailed =
  'nobody is mailed: set NOTIFICATION_EMAIL, and SMTP_URL or MAIL_GRAPH_SENDER, to be told when something fails';

/** How many are mailed about what; the addresses are in `settings`. */
function recipientLines(settings: Service['settings']): string[] {
  const lines = [...Map.groupBy(notificationKinds, (kind) => recipientsOf(kind, settings).join())].map(
    ([list, kinds]) => {
      const count = list === '' ? 0 : list.split(',').length;
      return `${count === 0 ? 'nobody is' : `${howMany(count, 'recipient')}`} told of ${kinds.join(', ')}`;
    },
  );
  const onlyGraph = settings.MAIL_GRAPH_SENDER !== undefined && settings.NOTIFICATION_WEBHOOK_URL === undefined;
  return onlyGraph ? [...lines, mailNeedsSignIn] : lines;
}

const mailNeedsSignIn =
  'when Entra refuses the sign-in, no mail can be sent either: set NOTIFICATION_WEBHOOK_URL beside it to be told of that, too';

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
  await check('credential', () => checkCredential(service, graph));
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

/** When the credential expires; one that has a week left still works. */
async function checkCredential({ settings, database }: Service, graph: GraphClient): Promise<string> {
  const found = await findCredential(settings, graph).catch((thrown: unknown) => {
    throw graphSyncError(thrown, 'the app registration', 'Application.Read.All');
  });
  if ('why' in found) return found.why;
  await keepCredential(database.pool, settings, found);
  return describeCredential(found, new Date());
}

async function read(graph: GraphClient, path: string, what: string, permission: string): Promise<unknown> {
  try {
    return await graph.get(path, anything);
  } catch (thrown) {
    throw graphSyncError(thrown, what, permission);
  }
}
