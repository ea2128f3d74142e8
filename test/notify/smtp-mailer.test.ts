import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type ParsedMail, simpleParser } from 'mailparser';
import { generate } from 'selfsigned';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createLog } from '../../src/log.ts';
import { renderMail } from '../../src/notify/mail-layout.ts';
import type { Mailer } from '../../src/notify/mailer.ts';
import { createSmtpMailer } from '../../src/notify/smtp-mailer.ts';
import { warningNotice } from '../../src/notify/templates.ts';
import { errorOf } from '../support/error-of.ts';

describe('mail over SMTP', () => {
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

  const lines: string[] = [];
  const log = createLog('info', { write: (line) => lines.push(line) });
  const to = ['it@contoso.com', 'ops@contoso.com'];

  function mailerTo(smtpUrl: string): Mailer {
    const mailer = createSmtpMailer({ smtpUrl, from: 'Sync <sync@contoso.com>', log });
    cleanups.push(() => mailer.close());
    return mailer;
  }

  const mail = renderMail(warningNotice({ warnings: ['Zürich was unreachable.'], host: 'sync-1' }));

  test('delivers text and HTML to every recipient', async () => {
    const { received, recipients, port } = await serve();
    await mailerTo(`smtp://127.0.0.1:${port}`).send(mail, to);
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
    for (const error of [await errorOf(mailer.send(mail, to)), await errorOf(mailer.check())]) {
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
    const error = await errorOf(mailerTo(`smtp://127.0.0.1:${port}`).send(mail, to));
    expect(error).toMatchObject({ code: 'Unreachable', message: expect.stringContaining(`127.0.0.1:${port}`) });
  });

  test('says that a recipient was refused, and keeps the address out of the message', async () => {
    const { port } = await serve({ onRcptTo: (_address, _session, callback) => callback(new Error('No such user')) });
    const error = await errorOf(mailerTo(`smtp://127.0.0.1:${port}`).send(mail, ['gone@contoso.com']));
    expect(error).toMatchObject({ code: 'Misconfigured', detail: expect.stringContaining('No such user') });
    expect(error.message).toMatch(/Check MAIL_FROM, NOTIFICATION_EMAIL/);
    expect(error.message).not.toContain('gone@');
  });

  test('says once how many recipients were refused where others get the mail, and names none', async () => {
    const { received, recipients, port } = await serve({
      onRcptTo: ({ address }, _session, callback) =>
        callback(address.startsWith('it@') ? null : new Error('No such user')),
    });
    const mailer = mailerTo(`smtp://127.0.0.1:${port}`);
    lines.length = 0;
    for (let mails = 0; mails < 2; mails++) await mailer.send(mail, to);
    expect(received).toHaveLength(2);
    expect(recipients).toEqual(['it@contoso.com', 'it@contoso.com']);
    expect(lines).toEqual([expect.stringContaining('refused 1 of 2 recipients')]);
    expect(lines.join()).not.toContain('ops@');
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
    expect(await errorOf(mailerTo(`smtp://127.0.0.1:${port}`).send(mail, to))).toMatchObject({ code });
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
    const error = await errorOf(mailer.send(mail, to));
    expect(error).toMatchObject({ code: 'Misconfigured', message: expect.stringContaining('NODE_EXTRA_CA_CERTS') });

    const trusted = getCACertificates('default');
    cleanups.push(() => setDefaultCACertificates(trusted));
    setDefaultCACertificates([...trusted, certificate.cert]);
    await mailer.send(mail, to);
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
    await mailerTo(`smtp://127.0.0.1:${port}`).send(mail, to);
    expect(secure).toBe(true);
  });
});
