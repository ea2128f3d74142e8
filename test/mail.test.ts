import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type ParsedMail, simpleParser } from 'mailparser';
import { generate } from 'selfsigned';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { SyncError } from '../src/errors.ts';
import { createMailer, type Mailer } from '../src/notify/mail.ts';
import type { Mail } from '../src/notify/mail-layout.ts';
import {
  type Failure,
  failureMail,
  heldMail,
  recoveryMail,
  stoppedMail,
  warningMail,
} from '../src/notify/templates.ts';

const since = new Date('2026-03-01T08:40:30Z');
const cycle = { id: '42', kind: 'incremental', startedAt: since, endedAt: new Date('2026-03-01T08:41:00Z') };
const host = 'sync-1';

function failure(user: string, more: Partial<Failure> = {}): Failure {
  return {
    user,
    objectId: '6204c1d1-4712-4c46-a7d9-3ed63d992682',
    action: 'create',
    code: 'Conflict',
    reason: `Another account has the userName ${user}.`,
    httpStatus: null,
    recommendedAction: 'Change it in Entra, or free it in Maptician.',
    nextRetryAt: new Date('2026-03-01T09:20:00Z'),
    attempts: 1,
    ...more,
  };
}

const users = (count: number) => Array.from({ length: count }, (_, index) => `user${index + 1}@contoso.com`);

const occurrences = (text: string, part: string) => text.split(part).length - 1;

/** What a reader sees of the HTML. */
function visible(html: string): string {
  return html
    .replace(/<title>.*?<\/title>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(
      /&(amp|lt|gt|quot|#39|nbsp);/g,
      (_, name: string) => ({ amp: '&', lt: '<', gt: '>', quot: '"' })[name] ?? "'",
    )
    .replace(/\s+/g, ' ');
}

function expectBoth(mail: Mail, ...parts: string[]): void {
  for (const part of parts) {
    expect(mail.text).toContain(part);
    expect(visible(mail.html)).toContain(part);
  }
}

describe('the mail of failures', () => {
  const mailOf = (failures: Failure[], heldCount = 0) => failureMail({ cycle, failures, heldCount, host });

  test('says who, what, why and what to do', () => {
    const mail = mailOf([failure('zoë@contoso.com', { attempts: 3 })]);
    expect(mail.subject).toBe('[maptician-sync] create failed for zoë@contoso.com');
    expectBoth(
      mail,
      '1 user could not be brought up to date',
      'incremental cycle 42, from 2026-03-01 08:40 UTC to 2026-03-01 08:41 UTC',
      'zoë@contoso.com',
      'create failed: Another account has the userName zoë@contoso.com.',
      'What to do: Change it in Entra, or free it in Maptician.',
      'object id 6204c1d1-4712-4c46-a7d9-3ed63d992682 · tried 3 times · next try 2026-03-01 09:20 UTC',
      'Sent by maptician-sync on sync-1.',
    );
  });

  test('says what Maptician answered, where it was an HTTP status', () => {
    const mail = mailOf([failure('zoë@contoso.com', { attempts: 2, httpStatus: 409 })]);
    expectBoth(mail, 'object id 6204c1d1-4712-4c46-a7d9-3ed63d992682 · HTTP 409 · tried 2 times · next try');
  });

  test('groups users by what is to be done, the largest group first', () => {
    const mail = mailOf([
      failure('a@contoso.com', { code: 'MandatoryFieldsMissing', recommendedAction: 'Fill it in.', nextRetryAt: null }),
      failure('b@contoso.com', { reason: 'Taken.' }),
      failure('c@contoso.com', { reason: 'Taken.' }),
    ]);
    expect(mail.subject).toBe('[maptician-sync] 3 users failed');
    expect(mail.text.indexOf('Conflict: 2 users')).toBeLessThan(mail.text.indexOf('MandatoryFieldsMissing: 1 user'));
    expect(mail.text.indexOf('Conflict: 2 users')).toBeGreaterThan(0);
    expect(occurrences(mail.text, 'Taken.')).toBe(1);
    expectBoth(mail, 'Why: Taken.', 'What to do: Fill it in.', 'tried once · tried again after a change');
  });

  test('names fifty users and says where the others are', () => {
    const failures = users(73).map((user, index) =>
      failure(user, index < 40 ? {} : { code: 'Timeout', recommendedAction: 'Wait.' }),
    );
    const mail = mailOf(failures);
    expect(occurrences(mail.text, 'object id')).toBe(50);
    expect(occurrences(mail.html, 'object id')).toBe(50);
    expectBoth(mail, 'Conflict: 40 users', 'Timeout: 33 users', 'and 23 more: maptician-sync log --status failure');
  });

  test('has no "more" when exactly fifty users failed', () => {
    const mail = mailOf(users(50).map((user) => failure(user)));
    expect(occurrences(mail.text, 'object id')).toBe(50);
    expect(mail.text).not.toContain('more');
  });

  test('mentions removals that are held', () => {
    expectBoth(mailOf([failure('a@contoso.com')], 12), '12 removals are held for approval');
    expect(mailOf([failure('a@contoso.com')]).text).not.toContain('held');
  });

  test('lets no value from the directory become markup, a line or a header', () => {
    const mail = mailOf([
      failure('"><script>alert(1)</script>@contoso.com\r\nBcc: x@example.com', {
        reason: '<b>&amp;</b>\n\n-- \nforged',
      }),
    ]);
    expect(mail.html).not.toContain('<script>');
    expect(mail.html).not.toContain('<b>');
    expect(mail.html).toContain('&lt;b&gt;&amp;amp;&lt;/b&gt; -- forged');
    expect(mail.subject).not.toMatch(/[\r\n]/);
    expect(mail.text).not.toMatch(/^(Bcc|forged)/m);
  });

  test('cuts a reason that never ends', () => {
    expect(mailOf([failure('a@contoso.com', { reason: 'x'.repeat(100_000) })]).html.length).toBeLessThan(10_000);
  });
});

describe('the other mails', () => {
  test('the mail of a stop says what, since when and what to do', () => {
    const mail = stoppedMail({
      code: 'Unauthorized',
      message: 'Microsoft Entra refused the client secret.',
      detail: 'AADSTS7000222: The provided client secret keys are expired.',
      recommendedAction: 'Renew the secret.',
      since,
      host,
    });
    expect(mail.subject).toBe('[maptician-sync] Stopped: Unauthorized');
    expectBoth(
      mail,
      'Microsoft Entra refused the client secret.',
      'The answer was: AADSTS7000222',
      'Renew the secret.',
      'since 2026-03-01 08:40 UTC',
    );
  });

  test('the mail of a stop does without the answer where there was none', () => {
    const facts = { code: 'Unreachable', message: 'No answer.', recommendedAction: 'Check it.', since, host } as const;
    expect(stoppedMail(facts).text).not.toContain('The answer was');
  });

  test('the mail of held removals names the two commands and the users', () => {
    const removals = users(50).map((user) => ({
      user,
      objectId: `id of ${user}`,
      action: 'deactivate',
      reason: 'no longer assigned',
    }));
    const mail = heldMail({ removals, count: 612, limitText: 'more than 500 users', setId: '7' });
    expect(mail.subject).toBe('[maptician-sync] 612 removals held for your approval');
    expectBoth(
      mail,
      'maptician-sync approve 7',
      'maptician-sync reject 7',
      'That is more than 500 users',
      'user50@contoso.com',
      'deactivate: no longer assigned',
      'and 562 more: maptician-sync plan',
    );
  });

  test('the mail of warnings lists them', () => {
    const mail = warningMail({ warnings: ['The list of assignments ended at 999.', 'Two <groups> are gone.'], host });
    expect(mail.subject).toBe('[maptician-sync] 2 warnings');
    expectBoth(mail, 'The list of assignments ended at 999.', 'Two <groups> are gone.');
    expect(warningMail({ warnings: ['Odd.'], host }).subject).toBe('[maptician-sync] Warning: Odd.');
  });

  test('the mail of recovery says what it was', () => {
    const mail = recoveryMail({ since, what: 'Microsoft Entra refused the client secret.', host });
    expectBoth(mail, 'since 2026-03-01 08:40 UTC: Microsoft Entra refused the client secret.');
  });
});

describe('sending', () => {
  let certificate: Awaited<ReturnType<typeof generate>>;
  beforeAll(async () => {
    certificate = await generate([{ name: 'commonName', value: 'localhost' }], {
      algorithm: 'sha256',
      extensions: [
        { name: 'basicConstraints', cA: true },
        { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
      ],
    });
  });

  const cleanups: (() => void | Promise<void>)[] = [];
  afterEach(async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
  });

  /** A mail server on loopback that keeps what it gets. */
  async function serve(options: SMTPServerOptions = {}) {
    const received: ParsedMail[] = [];
    const recipients: string[] = [];
    const server = new SMTPServer({
      authOptional: true,
      key: certificate.private,
      cert: certificate.cert,
      onData(stream, session, callback) {
        recipients.push(...session.envelope.rcptTo.map(({ address }) => address));
        simpleParser(stream).then((mail) => {
          received.push(mail);
          callback();
        }, callback);
      },
      ...options,
    });
    // A client that turns away from the certificate is an error here too.
    server.on('error', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server.server, 'listening');
    cleanups.push(() => new Promise<void>((resolve) => server.close(() => resolve())));
    const { port } = server.server.address() as AddressInfo;
    return { received, recipients, port };
  }

  function mailerTo(smtpUrl: string, to = ['it@contoso.com', 'ops@contoso.com']): Mailer {
    const mailer = createMailer({ smtpUrl, from: 'Sync <sync@contoso.com>', to });
    cleanups.push(() => mailer.close());
    return mailer;
  }

  const mail = recoveryMail({ since, what: 'Zürich was unreachable.', host });

  async function errorOf(promise: Promise<void>): Promise<SyncError> {
    const error: unknown = await promise.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error instanceof SyncError) return error;
    throw new Error(`not a SyncError: ${String(error)}`);
  }

  test('delivers text and HTML to every recipient', async () => {
    const { received, recipients, port } = await serve();
    await mailerTo(`smtp://127.0.0.1:${port}`).send(mail);
    expect(recipients).toEqual(['it@contoso.com', 'ops@contoso.com']);
    const [got] = received;
    expect(got?.from?.text).toBe('"Sync" <sync@contoso.com>');
    expect(got?.subject).toBe(mail.subject);
    expect(got?.text?.trim()).toBe(mail.text.trim());
    expect(String(got?.html).trim()).toBe(mail.html.trim());
    expect(got?.headers.get('auto-submitted')).toBe('auto-generated');
  });

  test('signs in with the user name and password of the URL', async () => {
    let signedIn: unknown;
    const { port } = await serve({
      authOptional: false,
      onAuth({ username, password }, _session, callback) {
        signedIn = { username, password };
        callback(null, { user: username });
      },
    });
    await mailerTo(`smtp://bot%40contoso.com:p%40ss%3A%2F@127.0.0.1:${port}`).check();
    expect(signedIn).toEqual({ username: 'bot@contoso.com', password: 'p@ss:/' });
  });

  test('says that the sign-in was refused, without the password', async () => {
    const { port } = await serve({
      authOptional: false,
      onAuth: (_auth, _session, callback) => callback(new Error('Invalid login')),
    });
    const mailer = mailerTo(`smtp://bot:hunter2@127.0.0.1:${port}`);
    for (const error of [await errorOf(mailer.send(mail)), await errorOf(mailer.check())]) {
      expect(error).toMatchObject({ code: 'Unauthorized', detail: expect.stringContaining('535') });
      expect(error.message).toMatch(/refused the sign-in. Check the user name and password in SMTP_URL/);
      expect(JSON.stringify([error.message, error.detail])).not.toContain('hunter2');
    }
  });

  test('says that the server cannot be reached', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as AddressInfo;
    await new Promise((resolve) => taken.close(resolve));
    const error = await errorOf(mailerTo(`smtp://127.0.0.1:${port}`).send(mail));
    expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringContaining(`127.0.0.1:${port}`) });
  });

  test('says that a recipient was refused, and keeps the address out of the message', async () => {
    const { port } = await serve({ onRcptTo: (_address, _session, callback) => callback(new Error('No such user')) });
    const error = await errorOf(mailerTo(`smtp://127.0.0.1:${port}`, ['gone@contoso.com']).send(mail));
    expect(error).toMatchObject({ code: 'Misconfigured', detail: expect.stringContaining('No such user') });
    expect(error.message).toMatch(/Check MAIL_FROM and NOTIFICATION_EMAIL/);
    expect(error.message).not.toContain('gone@');
  });

  test.each([
    [451, 'InternalServerError'],
    [554, 'Misconfigured'],
  ])('takes the answer %i to a mail as %s', async (responseCode, code) => {
    const { port } = await serve({
      onData(stream, _session, callback) {
        stream.resume().on('end', () => callback(Object.assign(new Error('No'), { responseCode })));
      },
    });
    expect(await errorOf(mailerTo(`smtp://127.0.0.1:${port}`).send(mail))).toMatchObject({ code });
  });

  test('uses TLS from the start with smtps, and checks the certificate', async () => {
    let secure: boolean | undefined;
    const { received, port } = await serve({
      secure: true,
      onMailFrom(_address, session, callback) {
        secure = session.secure;
        callback();
      },
    });
    const mailer = mailerTo(`smtps://127.0.0.1:${port}`);
    const error = await errorOf(mailer.send(mail));
    expect(error).toMatchObject({ code: 'Misconfigured', message: expect.stringContaining('NODE_EXTRA_CA_CERTS') });

    const trusted = getCACertificates('default');
    cleanups.push(() => setDefaultCACertificates(trusted));
    setDefaultCACertificates([...trusted, certificate.cert]);
    await mailer.send(mail);
    expect(received).toHaveLength(1);
    expect(secure).toBe(true);
  });

  test('tells that a port does not speak TLS from the start', async () => {
    const { port } = await serve();
    expect(await errorOf(mailerTo(`smtps://127.0.0.1:${port}`).check())).toMatchObject({
      code: 'Misconfigured',
      message: expect.stringContaining('begins with smtps://'),
    });
  });

  test('turns to TLS where the server offers it, whatever the certificate on this machine', async () => {
    let secure: boolean | undefined;
    const { port } = await serve({
      onMailFrom(_address, session, callback) {
        secure = session.secure;
        callback();
      },
    });
    await mailerTo(`smtp://127.0.0.1:${port}`).send(mail);
    expect(secure).toBe(true);
  });
});
