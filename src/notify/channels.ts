/** The ways a notification goes out, as the settings name them: mail to its kind's recipients, and a webhook beside it. */
import type { GraphClient } from '../directory/graph-client.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import { createGraphMailer } from './graph-mailer.ts';
import type { ChannelName, NotificationKind } from './kinds.ts';
import { type Notice, renderMail } from './mail-layout.ts';
import type { Mailer } from './mailer.ts';
import { createSmtpMailer } from './smtp-mailer.ts';
import { createWebhook, webhookFormat } from './webhook.ts';

export interface Channel {
  readonly name: ChannelName;
  /** Hands a notice over; does nothing where nobody is to be told of this kind. Rejects with a SyncError. */
  deliver(kind: NotificationKind, notice: Notice): Promise<void>;
  /** Whether it would take one, without sending any. Resolves with what was found. */
  check(): Promise<string>;
  close(): void;
}

type RecipientSettings = Pick<Settings, 'NOTIFICATION_EMAIL' | 'NOTIFICATION_EMAIL_BY_KIND'>;
type ChannelSettings = RecipientSettings &
  Pick<
    Settings,
    'SMTP_URL' | 'MAIL_FROM' | 'MAIL_GRAPH_SENDER' | 'NOTIFICATION_WEBHOOK_URL' | 'NOTIFICATION_WEBHOOK_FORMAT'
  >;

/** Who is mailed about a kind: its own recipients, else everybody's. */
export function recipientsOf(kind: NotificationKind, settings: RecipientSettings): readonly string[] {
  return settings.NOTIFICATION_EMAIL_BY_KIND?.[kind] ?? settings.NOTIFICATION_EMAIL ?? [];
}

/** Opens what is set up. @param openGraph the client that a mail through Graph is sent with, signed in when it is needed */
export function openChannels(settings: ChannelSettings, openGraph: () => GraphClient, log: Log): readonly Channel[] {
  const mailer = openMailer(settings, openGraph, log);
  const url = settings.NOTIFICATION_WEBHOOK_URL;
  return [
    ...(mailer === undefined ? [] : [mailChannel(mailer, settings)]),
    ...(url === undefined ? [] : [webhookChannel(url, settings)]),
  ];
}

function openMailer(settings: ChannelSettings, openGraph: () => GraphClient, log: Log): Mailer | undefined {
  const { SMTP_URL: smtpUrl, MAIL_FROM: from, MAIL_GRAPH_SENDER: sender } = settings;
  const anybody = [
    ...(settings.NOTIFICATION_EMAIL ?? []),
    ...Object.values(settings.NOTIFICATION_EMAIL_BY_KIND ?? {}).flat(),
  ];
  if (anybody.length === 0) return undefined;
  if (sender !== undefined) return createGraphMailer({ graph: openGraph(), sender });
  return smtpUrl === undefined || from === undefined ? undefined : createSmtpMailer({ smtpUrl, from, log });
}

function mailChannel(mailer: Mailer, settings: RecipientSettings): Channel {
  return {
    name: 'mail',
    deliver: async (kind, notice) => {
      const to = recipientsOf(kind, settings);
      if (to.length > 0) await mailer.send(renderMail(notice), to);
    },
    check: () => mailer.check(),
    close: () => mailer.close(),
  };
}

function webhookChannel(url: string, settings: ChannelSettings): Channel {
  const webhook = createWebhook({ url, format: webhookFormat(url, settings.NOTIFICATION_WEBHOOK_FORMAT) });
  return {
    name: 'webhook',
    deliver: (_kind, notice) => webhook.post(notice),
    check: () => webhook.check(),
    close: () => undefined,
  };
}
