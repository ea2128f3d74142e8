/** Sends mail over SMTP. */

import { createTransport } from 'nodemailer';
import { SyncError, toError } from '../errors.ts';
import type { Log } from '../log.ts';
import { isLoopback } from '../settings-values.ts';
import type { Mailer } from './mailer.ts';

const limit = 10_000;

/**
 * Creates a mailer that sends through an SMTP server. Every step of a delivery has 10 seconds.
 * @param options.smtpUrl `smtps://` is TLS from the start; `smtp://` turns to TLS where the server offers it, and
 *   insists on it where a password would otherwise travel in clear text to another machine
 */
export function createSmtpMailer(options: {
  readonly smtpUrl: string;
  readonly from: string;
  readonly log: Log;
}): Mailer {
  const refused = new Set<string>();
  const url = new URL(options.smtpUrl);
  const local = isLoopback(url);
  const transport = createTransport({
    url: options.smtpUrl,
    connectionTimeout: limit,
    greetingTimeout: limit,
    socketTimeout: limit,
    dnsTimeout: limit,
    requireTLS: url.password !== '' && !local,
    // smtp:// to this machine needs no TLS, so a self-signed certificate is no reason to fail there.
    tls: { rejectUnauthorized: url.protocol === 'smtps:' || !local },
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ subject, text, html }, to) {
      const headers = { 'Auto-Submitted': 'auto-generated' };
      try {
        const mail = { from: options.from, to: [...to], subject, text, html, headers };
        const { rejected } = await transport.sendMail(mail);
        // A mail repeats nothing of it, and the next one is refused likewise.
        if (rejected.some((address) => !refused.has(address))) {
          options.log.warn(
            { refused: rejected.length, of: to.length },
            `The mail server ${url.host} refused ${rejected.length} of ${to.length} recipients; the others get the mail. Check NOTIFICATION_EMAIL and NOTIFICATION_EMAIL_BY_KIND.`,
          );
        }
        for (const address of rejected) refused.add(address);
      } catch (error) {
        throw smtpError(error, url);
      }
    },
    async check() {
      try {
        await transport.verify();
        return `the mail server ${url.host} takes mails`;
      } catch (error) {
        throw smtpError(error, url);
      }
    },
    close: () => transport.close(),
  };
}

/** Nodemailer's errors may quote addresses: its words go to `detail` alone, and it is not kept as the cause. */
function smtpError(thrown: unknown, url: URL): SyncError {
  const error: Error & { code?: unknown; responseCode?: unknown; response?: unknown } = toError(thrown);
  const host = url.host;
  const detail = typeof error.response === 'string' ? error.response : error.message;
  switch (error.code) {
    case 'EAUTH':
    case 'ENOAUTH':
    case 'EOAUTH2':
      return new SyncError(
        'Unauthorized',
        `The mail server ${host} refused the sign-in. Check the user name and password in SMTP_URL.`,
        { detail },
      );
    case 'EENVELOPE':
      return new SyncError(
        'Misconfigured',
        `The mail server ${host} refused the sender or a recipient. Check MAIL_FROM, NOTIFICATION_EMAIL and NOTIFICATION_EMAIL_BY_KIND.`,
        { detail },
      );
    case 'ETIMEDOUT':
    case 'ECONNECTION':
    case 'ESOCKET':
    case 'ETLS':
    case 'EDNS':
    case 'ECONNREFUSED':
      return isTlsProblem(error)
        ? new SyncError(
            'Misconfigured',
            `No TLS connection to the mail server ${host}. SMTP_URL begins with smtps:// where the port speaks TLS from the start (465), else with smtp://; a certificate of a private authority is trusted through NODE_EXTRA_CA_CERTS.`,
            { detail },
          )
        : new SyncError('Unreachable', `The mail server ${host} cannot be reached. Check SMTP_URL and the network.`, {
            detail,
          });
    default: {
      const passing = typeof error.responseCode === 'number' && error.responseCode < 500;
      return passing
        ? new SyncError('InternalServerError', `The mail server ${host} does not take the mail at the moment.`, {
            detail,
          })
        : new SyncError('Misconfigured', `The mail server ${host} refused the mail. Ask whoever runs it.`, { detail });
    }
  }
}

function isTlsProblem(error: Error & { code?: unknown }): boolean {
  return error.code === 'ETLS' || /certificate|self-signed|altnames|SSL|TLS|wrong version number/i.test(error.message);
}
