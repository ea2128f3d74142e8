/**
 * Sends mail through Microsoft Graph, for tenants that have no SMTP server for it
 * (https://learn.microsoft.com/graph/api/user-sendmail).
 */
import { type GraphClient, GraphError } from '../directory/graph-client.ts';
import { SyncError, toSyncError } from '../errors.ts';
import type { Mail } from './mail-layout.ts';
import type { Mailer } from './mailer.ts';

/** @param options.sender the object id or userPrincipalName of the mailbox that the mails come from */
export function createGraphMailer(options: { readonly graph: GraphClient; readonly sender: string }): Mailer {
  const path = `/users/${encodeURIComponent(options.sender)}/sendMail`;
  return {
    send: async (mail, to) => {
      await options.graph.send(path, messageOf(mail, to)).catch((thrown: unknown) => {
        throw sendError(thrown);
      });
    },
    check: async () => {
      // A mail to nobody is refused as such, but only to who may send one at all.
      const toNobody = messageOf({ subject: 'maptician-sync test-connection', text: '', html: '' }, []);
      await options.graph.send(path, toNobody).catch((thrown: unknown) => {
        if (!(thrown instanceof GraphError && thrown.status === 400)) throw sendError(thrown);
      });
      return 'Microsoft Graph lets the app send mails as MAIL_GRAPH_SENDER (Mail.Send); none was sent';
    },
    close: () => undefined,
  };
}

function messageOf({ subject, html }: Mail, to: readonly string[]) {
  return {
    message: {
      subject,
      body: { contentType: 'HTML', content: html },
      toRecipients: to.map((address) => ({ emailAddress: { address } })),
    },
    saveToSentItems: false,
  };
}

/** Names the setting and not its value: this may be logged. */
function sendError(thrown: unknown): SyncError {
  if (!(thrown instanceof GraphError)) return toSyncError(thrown);
  const { status, message: detail, retryAfter } = thrown;
  switch (status) {
    case 401:
      return new SyncError('Unauthorized', `Graph refused the token while sending a mail: ${detail}`);
    case 403:
      return new SyncError(
        'InsufficientRights',
        `The app may not send mails as MAIL_GRAPH_SENDER: grant the application permission Mail.Send with admin consent, and include this mailbox where an access policy limits it. ${detail}`,
      );
    case 404:
      return new SyncError('Misconfigured', `MAIL_GRAPH_SENDER has no mailbox that Graph can send from. ${detail}`);
    case 429:
      return new SyncError('TooManyRequests', `Graph takes no mail at the moment: ${detail}`, { retryAfter });
    default:
      return status >= 500
        ? new SyncError('InternalServerError', `Graph takes no mail at the moment: ${detail}`, { retryAfter })
        : new SyncError(
            'Misconfigured',
            `Graph refused the mail. Check MAIL_GRAPH_SENDER, NOTIFICATION_EMAIL and NOTIFICATION_EMAIL_BY_KIND. ${detail}`,
          );
  }
}
