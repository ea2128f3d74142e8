/**
 * Posts notifications to a chat: a Teams workflow ("When a Teams webhook request is received",
 * https://learn.microsoft.com/power-automate/teams/create-flows-adaptive-cards) or a Slack incoming webhook
 * (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks).
 */
import { SyncError, toError } from '../errors.ts';
import { networkReason, retryAfter } from '../http.ts';
import type { Notice } from './mail-layout.ts';
import { slackMessage, teamsMessage } from './webhook-layout.ts';

export interface Webhook {
  /** Rejects with a SyncError. */
  post(notice: Notice): Promise<void>;
  /** Whether its host answers. Nothing is posted, so nothing is known of whether a post would be taken. */
  check(): Promise<string>;
}

export type WebhookFormat = 'teams' | 'slack';

/** `auto`: Slack's where the host is Slack's, else that of Teams. */
export function webhookFormat(url: string, setting: WebhookFormat | 'auto'): WebhookFormat {
  if (setting !== 'auto') return setting;
  return /^hooks\.slack(-gov)?\.com$/.test(new URL(url).hostname) ? 'slack' : 'teams';
}

const limit = 10_000;

/** @param options.url whoever knows it can post: it is in no message and no log line, only its host is */
export function createWebhook(options: { readonly url: string; readonly format: WebhookFormat }): Webhook {
  const { url, format } = options;
  const { host } = new URL(url);
  const request = async (init: RequestInit): Promise<Response> => {
    try {
      // The address is the secret: it is not carried elsewhere.
      return await fetch(url, { ...init, redirect: 'manual', signal: AbortSignal.timeout(limit) });
    } catch (thrown) {
      throw unreachable(toError(thrown), host);
    }
  };
  return {
    post: async (notice) => {
      const body = JSON.stringify(format === 'slack' ? slackMessage(notice) : teamsMessage(notice));
      const response = await request({ method: 'POST', headers: { 'content-type': 'application/json' }, body });
      await response.body?.cancel();
      if (!response.ok) throw refusal(response, host);
    },
    check: async () => {
      const response = await request({ method: 'HEAD' });
      await response.body?.cancel();
      const name = format === 'slack' ? 'Slack' : 'Teams';
      return `${host} answers, and gets messages as ${name} has them; nothing was posted, so this says nothing of the rest of the address`;
    },
  };
}

function unreachable(error: Error, host: string): SyncError {
  const reason = error.name === 'TimeoutError' ? 'no answer within 10 s' : networkReason(error);
  return new SyncError(
    'Unreachable',
    `The webhook's host ${host} cannot be reached: ${reason}. Check NOTIFICATION_WEBHOOK_URL and the network; a certificate of a private authority is trusted through NODE_EXTRA_CA_CERTS.`,
  );
}

function refusal({ status, headers }: Response, host: string): SyncError {
  const asked = retryAfter(headers.get('retry-after'), Date.now());
  if (status === 429) {
    return new SyncError('TooManyRequests', `The webhook at ${host} asks for fewer messages (429)`, {
      retryAfter: asked,
    });
  }
  if (status >= 500) {
    return new SyncError('InternalServerError', `The webhook at ${host} does not take the message (${status})`, {
      retryAfter: asked,
    });
  }
  return new SyncError(
    'Misconfigured',
    status < 400
      ? `The webhook at ${host} answered with a redirect (${status}), which is not followed. Set NOTIFICATION_WEBHOOK_URL to the address itself.`
      : `The webhook at ${host} refused the message (${status}). Make a new one in Teams or Slack and set NOTIFICATION_WEBHOOK_URL; NOTIFICATION_WEBHOOK_FORMAT says which of the two it is.`,
  );
}
