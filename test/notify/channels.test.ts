import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCredential } from '../../src/directory/credential.ts';
import { createGraphClient, type GraphClient } from '../../src/directory/graph-client.ts';
import { recipientsOf } from '../../src/notify/channels.ts';
import { describeCredential, findCredential } from '../../src/notify/credentials.ts';
import { createGraphMailer } from '../../src/notify/graph-mailer.ts';
import { type Notice, renderMail } from '../../src/notify/mail-layout.ts';
import { heldNotice } from '../../src/notify/templates.ts';
import { createWebhook, webhookFormat } from '../../src/notify/webhook.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { leastPermissions } from '../../src/sandbox/tenant.ts';
import { loadSettings, type Settings } from '../../src/settings.ts';
import { errorOf } from '../support/error-of.ts';
import { openWebhookReceiver } from '../support/webhook-receiver.ts';

const removals = Array.from({ length: 12 }, (_, index) => ({
  user: `user_${index + 1}@contoso.example`,
  objectId: `id ${index + 1}`,
  action: 'deactivate',
  reason: 'no longer assigned',
}));
const notice: Notice = heldNotice({ removals, count: 40, limitText: 'more than 10 users', setId: '7' });

describe('recipients', () => {
  const to = (env: Record<string, string>) => {
    const settings = loadSettings({ env: { SYNC_SCOPE: 'all', SMTP_URL: 'smtp://localhost', ...env } });
    return { held: recipientsOf('held', settings), warning: recipientsOf('warning', settings) };
  };
  it.each([
    [{ NOTIFICATION_EMAIL: 'it@a.example' }, { held: ['it@a.example'], warning: ['it@a.example'] }],
    [
      {
        NOTIFICATION_EMAIL: 'it@a.example',
        NOTIFICATION_EMAIL_BY_KIND: 'Held = hr@a.example,b@a.example; warning=nobody',
      },
      { held: ['hr@a.example', 'b@a.example'], warning: [] },
    ],
    [{ NOTIFICATION_EMAIL_BY_KIND: 'held=hr@a.example' }, { held: ['hr@a.example'], warning: [] }],
  ])('by %j are %j', (env, expected) => {
    expect(to(env)).toEqual(expected);
  });
});

describe('through Microsoft Graph', () => {
  let sandbox: Sandbox;
  let sender: string;
  let settings: Settings;
  beforeAll(async () => {
    sandbox = await startSandbox({ users: 3, assigned: 0 });
    sandbox.trust();
    sender = [...sandbox.tenant.users.all.values()][0]?.properties.userPrincipalName ?? '';
    settings = loadSettings({ env: sandbox.environment() });
  });
  afterAll(() => sandbox.close());

  /** A client that has signed in with these permissions. */
  function graphWith(...permissions: string[]): GraphClient {
    sandbox.tenant.permissions = [...leastPermissions, ...permissions];
    return createGraphClient({ origin: sandbox.origin, credential: createCredential(settings) });
  }
  const to = ['it@contoso.example', 'hr@contoso.example'];

  it('a mail comes from the mailbox, to everybody, as HTML', async () => {
    const mailer = createGraphMailer({ graph: graphWith('Mail.Send'), sender });
    await mailer.check();
    expect(sandbox.mailbox.mails()).toEqual([]);
    const mail = renderMail(notice);
    await mailer.send(mail, to);
    expect(sandbox.mailbox.mails()).toMatchObject([{ from: sender, to, subject: mail.subject, html: mail.html }]);
    sandbox.mailbox.clear();
  });

  it.each([
    [
      { status: 503, retryAfter: 30 },
      { code: 'InternalServerError', retryAfter: 30_000 },
    ],
    [
      { status: 429, retryAfter: 2.5 },
      { code: 'TooManyRequests', retryAfter: 2_500 },
    ],
    [{ status: 504 }, { code: 'InternalServerError', retryAfter: undefined }],
  ] as const)(
    'an answer with %j is handed to the queue, since a second one might send it twice',
    async (fault, error) => {
      const mailer = createGraphMailer({ graph: graphWith('Mail.Send'), sender });
      sandbox.faults.inject({ path: '*/sendMail', fault: { kind: 'status', ...fault } });
      sandbox.requests.clear();
      expect(await errorOf(mailer.send(renderMail(notice), to))).toMatchObject(error);
      expect(sandbox.requests.entries.filter(({ path }) => path.endsWith('/sendMail'))).toHaveLength(1);
    },
  );

  it('says which permission is missing, or that there is no such mailbox, and no address', async () => {
    const without = createGraphMailer({ graph: graphWith(), sender });
    for (const error of [await errorOf(without.check()), await errorOf(without.send(renderMail(notice), to))]) {
      expect(error).toMatchObject({ code: 'InsufficientRights', message: expect.stringContaining('Mail.Send') });
      expect(error.message).not.toContain(sender);
    }
    const nobody = createGraphMailer({ graph: graphWith('Mail.Send'), sender: 'no.one@contoso.example' });
    const error = await errorOf(nobody.check());
    expect(error).toMatchObject({ code: 'Misconfigured', message: expect.stringContaining('MAIL_GRAPH_SENDER') });
    expect(error.message).not.toContain('no.one');
  });

  it('of several client secrets the one in use is found by its hint, else the latest', async () => {
    const all = sandbox.tenant.worker.passwordCredentials;
    const [inUse] = all;
    if (inUse === undefined) throw new Error('The app has no secret.');
    const other = { ...inUse, keyId: 'other', displayName: 'other', hint: '~~~', endsAt: inUse.endsAt + 1e9 };
    all.push(other);
    expect(await findCredential(settings, graphWith())).toMatchObject({ keyId: inUse.keyId });
    all[0] = { ...inUse, hint: null };
    expect(await findCredential(settings, graphWith())).toMatchObject({ keyId: 'other' });
    all.splice(0, 2, inUse);
    sandbox.tenant.permissions = ['User.Read.All'];
    const graph = createGraphClient({ origin: sandbox.origin, credential: createCredential(settings) });
    expect(await findCredential(settings, graph)).toMatchObject({
      kind: 'unknown',
      why: expect.stringContaining('Application.Read.All'),
    });
  });

  it('a certificate’s end is read from its file, and a managed identity has none', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'maptician-pem-'));
    try {
      const path = join(folder, 'both.pem');
      const notAfterDate = new Date('2031-05-06T00:00:00Z');
      const made = await generate([{ name: 'commonName', value: 'sync' }], { algorithm: 'sha256', notAfterDate });
      await writeFile(path, `${made.private}\n${made.cert}`);
      const certificate = {
        AZURE_CLIENT_ID: 'c',
        AZURE_CLIENT_SECRET: undefined,
        AZURE_CLIENT_CERTIFICATE_PATH: path,
        AZURE_TOKEN_CREDENTIALS: undefined,
      };
      const found = await findCredential(certificate, graphWith());
      expect(found).toMatchObject({ kind: 'certificate', expiresAt: notAfterDate });
      if ('why' in found) throw new Error(found.why);
      expect(describeCredential(found, new Date('2031-05-01T00:00:00Z'))).toBe(
        'the certificate expires on 2031-05-06, in 5 days',
      );
      expect(
        await findCredential({ ...certificate, AZURE_TOKEN_CREDENTIALS: 'ManagedIdentityCredential' }, graphWith()),
      ).toMatchObject({ kind: 'none' });
      const error = await errorOf(
        findCredential({ ...certificate, AZURE_CLIENT_CERTIFICATE_PATH: `${path}x` }, graphWith()),
      );
      expect(error.message).toContain('AZURE_CLIENT_CERTIFICATE_PATH cannot be read (ENOENT)');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe('a webhook', () => {
  it('takes the shape that its host asks for', () => {
    expect(webhookFormat('https://hooks.slack.com/services/T/B/x', 'auto')).toBe('slack');
    expect(webhookFormat('https://prod-1.westeurope.logic.azure.com/workflows/x', 'auto')).toBe('teams');
    expect(webhookFormat('https://chat.example/hooks/x', 'slack')).toBe('slack');
  });

  it.each(['teams', 'slack'] as const)(
    'of %s gets title, counts, five names and the commands, and no reasons',
    async (format) => {
      await using receiver = await openWebhookReceiver();
      await createWebhook({ url: receiver.url, format }).post(notice);
      const [body = ''] = receiver.posted;
      const message: unknown = JSON.parse(body);
      expect(message).toMatchObject(
        format === 'slack'
          ? { text: expect.any(String), blocks: [{ type: 'header' }, { type: 'section' }, { type: 'context' }] }
          : {
              type: 'message',
              attachments: [
                {
                  contentType: 'application/vnd.microsoft.card.adaptive',
                  content: { type: 'AdaptiveCard', version: '1.4' },
                },
              ],
            },
      );
      for (const part of [
        '40 users would lose access',
        'more than 10 users',
        'user_5@contoso.example and 35 more',
        'maptician-sync approve 7',
      ])
        expect(body).toContain(part);
      expect(body).not.toContain('user_6@');
      expect(body).not.toContain('no longer assigned');
    },
  );

  it.each([
    [
      { status: 429, headers: { 'retry-after': '7' } },
      { code: 'TooManyRequests', retryAfter: 7_000 },
    ],
    [{ status: 502 }, { code: 'InternalServerError' }],
    [{ status: 404 }, { code: 'Misconfigured', message: expect.stringContaining('NOTIFICATION_WEBHOOK_URL') }],
    [{ status: 302, headers: { location: 'https://elsewhere.example' } }, { code: 'Misconfigured' }],
  ])('that answers %j is an error without its address', async (answer, expected) => {
    await using receiver = await openWebhookReceiver();
    receiver.answer = answer;
    const error = await errorOf(createWebhook({ url: receiver.url, format: 'teams' }).post(notice));
    expect(error).toMatchObject(expected);
    expect(`${error.message}${error.detail}${error.stack}`).not.toContain(receiver.secret);
  });

  it('is checked without a post, and says so; one that is not there cannot be reached', async () => {
    const receiver = await openWebhookReceiver();
    const webhook = createWebhook({ url: receiver.url, format: 'teams' });
    receiver.answer = { status: 405 };
    expect(await webhook.check()).toContain('nothing was posted');
    expect(receiver.requests).toEqual(['HEAD']);
    await receiver[Symbol.asyncDispose]();
    const error = await errorOf(webhook.check());
    expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringContaining('ECONNREFUSED') });
    expect(error.message).not.toContain(receiver.secret);
  });
});
