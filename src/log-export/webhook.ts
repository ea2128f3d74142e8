/** The export to a webhook: batches of NDJSON, signed. */
import { createHmac } from 'node:crypto';
import { SyncError, toError } from '../errors.ts';
import { networkReason } from '../http.ts';
import { type Sink, toNdjson } from './sink.ts';

/** Milliseconds until a receiver that does not answer is given up. */
const timeout = 15_000;

/**
 * @param url with user and password for Basic authentication, where the receiver wants it
 * @param secret what the bodies are signed with; unsigned without it
 */
export function openWebhookSink(url: URL, secret: string | undefined): Sink {
  const address = new URL(url);
  address.username = '';
  address.password = '';
  const credentials = url.username === '' ? {} : { authorization: basic(url) };
  return {
    name: url.origin,
    send: async (entries, signal) => {
      const body = toNdjson(entries);
      const response = await fetch(address, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-ndjson',
          'user-agent': 'maptician-sync',
          ...credentials,
          ...(secret === undefined ? {} : { [signatureHeader]: sign(body, secret, Math.floor(Date.now() / 1000)) }),
        },
        body,
        // Neither entries nor credentials go anywhere else.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeout)]),
      }).catch((thrown: unknown) => {
        signal.throwIfAborted();
        throw new SyncError('Unreachable', `The log export (LOG_EXPORT_URL) failed: ${reasonOf(toError(thrown))}`);
      });
      await response.body?.cancel();
      if (!response.ok) throw refusal(response.status);
    },
  };
}

const signatureHeader = 'maptician-sync-signature';

/**
 * The signature of a body at a moment, in Stripe's form (https://docs.stripe.com/webhooks#verify-manually): HMAC-SHA256
 * of the moment, a dot and the body.
 * @param time seconds since the epoch
 */
function sign(body: string, secret: string, time: number): string {
  return `t=${time},v1=${createHmac('sha256', secret).update(`${time}.${body}`).digest('hex')}`;
}

function basic({ username, password }: URL): string {
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Basic ${Buffer.from(credentials).toString('base64')}`;
}

function reasonOf(error: Error): string {
  return error.name === 'TimeoutError' ? `no answer within ${timeout / 1000} seconds` : networkReason(error);
}

function refusal(status: number): SyncError {
  const code = status === 401 || status === 403 ? 'Unauthorized' : 'UnexpectedAnswer';
  return new SyncError(code, `The log export (LOG_EXPORT_URL) failed: the receiver answered ${status}`, {
    httpStatus: status,
  });
}
