/**
 * The middleware chain of the Graph client: retry → authentication → transport. The SDK's stock handlers are not used:
 * they retry only 429, 503 and 504, cap Retry-After at 180 s, fetch the token once before a wait that can outlive it,
 * and drop the Authorization header for hosts they do not know.
 */
import type { TokenCredential } from '@azure/identity';
import type { Context, Middleware, MiddlewareOptions } from '@microsoft/microsoft-graph-client';
import { SyncError, toError } from '../errors.ts';
import {
  backoff,
  isThrottled,
  networkReason,
  type OnRequest,
  type RequestEvent,
  readBody,
  retryAfter,
} from '../http.ts';
import { fetchToken } from './credential.ts';

/**
 * What goes along with one request: a link that Graph gave, sent as it is because such links are opaque; and, on the
 * way back, the error itself, since the SDK wraps what middleware throws and keeps only its text.
 */
export class RequestOptions implements MiddlewareOptions {
  readonly link: string | undefined;
  /** Not to be sent again by the client, whatever the answer. */
  readonly once: boolean;
  failure: Error | undefined;
  constructor(link: string | undefined, once: boolean) {
    this.link = link;
    this.once = once;
  }
}

function requestOptions(context: Context): RequestOptions | undefined {
  const options = context.middlewareControl?.getMiddlewareOptions(RequestOptions);
  return options instanceof RequestOptions ? options : undefined;
}

export interface MiddlewareSettings {
  readonly origin: string;
  readonly credential: TokenCredential;
  readonly scope: string;
  readonly signal: AbortSignal | undefined;
  readonly onRequest: OnRequest;
  /** Milliseconds until one attempt, its body included, is given up. */
  readonly timeout: number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly now: () => number;
  readonly random: () => number;
}

const retriedStatuses = new Set([408, 429, 500, 502, 503, 504]);
/** Attempts in all for what may pass; a service that names a time to come back is given more patience. */
const attemptsAtMost = 6;
const throttledAttemptsAtMost = 60;

/** True for what never left a wire error behind: the request may be sent again where it only reads. */
function mayPass(error: Error): boolean {
  return !(error instanceof SyncError) || error.code === 'WebExceptionProtocolError' || error.code === 'Timeout';
}

/** Retries 408, 429, 500, 502, 503, 504 and network errors; no request is repeated before its Retry-After. */
export function createRetryMiddleware(settings: MiddlewareSettings): Middleware {
  let next: Middleware | undefined;
  return {
    setNext: (middleware) => {
      next = middleware;
    },
    execute: async (context: Context) => {
      const once = requestOptions(context)?.once === true;
      const { host } = new URL(settings.origin);
      const method = context.options?.method?.toString() ?? 'GET';
      let waited = 0;
      for (let attempt = 1; ; attempt++) {
        settings.signal?.throwIfAborted();
        const started = performance.now();
        const tell = (status: RequestEvent['status'], throttled: boolean) => {
          const duration = performance.now() - started;
          settings.onRequest({ method, host, status, attempt, duration, waited, throttled });
        };
        let wait: number | undefined;
        try {
          await next?.execute(context);
          const response = context.response;
          if (response === undefined) return;
          const asked = retryAfter(response.headers.get('retry-after'), settings.now());
          tell(response.status, isThrottled(response.status, asked));
          if (once || !retriedStatuses.has(response.status)) return;
          if (attempt >= (asked === undefined ? attemptsAtMost : throttledAttemptsAtMost)) return;
          wait = asked === undefined ? undefined : asked + settings.random() * 250;
        } catch (thrown) {
          const error = toError(thrown);
          tell('network', false);
          if (settings.signal?.aborted || once || !mayPass(error) || attempt >= attemptsAtMost) {
            const options = requestOptions(context);
            if (options !== undefined) options.failure = error;
            throw error;
          }
        }
        delete context.response;
        const pausing = performance.now();
        await settings.sleep(wait ?? backoff(attempt, settings.random));
        waited = performance.now() - pausing;
      }
    },
  };
}

/**
 * Puts the token on requests to the configured origin, and refuses any other origin before a byte is sent: a link in
 * an answer must not be able to take the token elsewhere.
 */
export function createAuthenticationMiddleware(settings: MiddlewareSettings): Middleware {
  let next: Middleware | undefined;
  return {
    setNext: (middleware) => {
      next = middleware;
    },
    execute: async (context: Context) => {
      context.request = requestOptions(context)?.link ?? context.request;
      const url = typeof context.request === 'string' ? context.request : context.request.url;
      assertOrigin(url, settings.origin);
      const token = await fetchToken(settings.credential, settings.scope, settings.signal);
      const headers = new Headers(context.options?.headers as ConstructorParameters<typeof Headers>[0]);
      headers.set('authorization', `Bearer ${token}`);
      headers.set('x-ms-throttle-priority', 'low');
      context.options = { ...context.options, headers };
      await next?.execute(context);
    },
  };
}

/** Throws UntrustedLink unless `url` belongs to `origin`. The message holds the two origins, never the link itself. */
export function assertOrigin(url: string, origin: string): void {
  if (URL.canParse(url) && new URL(url).origin === origin) return;
  const other = URL.canParse(url) ? new URL(url).origin : 'an address that cannot be read';
  throw new SyncError(
    'UntrustedLink',
    `A link in an answer leads to ${other}, not to ${origin} (GRAPH_BASE_URL): it was not followed and no token was sent`,
  );
}

/**
 * Sends by fetch, with a time limit over the whole answer. The body is read here, so that a cut-off or endless one is
 * a network error that the retry sees. Redirects are not followed: Graph has none, and one could lead off the origin.
 */
export function createTransportMiddleware(settings: MiddlewareSettings): Middleware {
  return {
    execute: async (context: Context) => {
      const timeout = AbortSignal.timeout(settings.timeout);
      const signal = settings.signal === undefined ? timeout : AbortSignal.any([settings.signal, timeout]);
      try {
        const response = await fetch(context.request as string, {
          ...(context.options as RequestInit),
          redirect: 'manual',
          signal,
        });
        const body = await readBody(response, 'Graph');
        const type = response.headers.get('content-type') ?? '';
        if (response.ok && response.status !== 202 && /[/+]json\b/.test(type)) JSON.parse(body);
        if (response.ok && /html/.test(type)) throw new NotGraph();
        context.response = new Response(response.status === 204 ? null : body, {
          status: response.status,
          headers: response.headers,
        });
      } catch (thrown) {
        if (thrown instanceof SyncError) throw thrown;
        settings.signal?.throwIfAborted();
        const error = toError(thrown);
        throw timeout.aborted
          ? new SyncError('Timeout', `Graph did not answer within ${settings.timeout / 1000} s`, { cause: error })
          : new SyncError(
              'WebExceptionProtocolError',
              `The connection to Graph (${settings.origin}) failed: ${error instanceof NotGraph ? error.message : networkReason(error)}`,
              { cause: error },
            );
      }
    },
  };
}

/** A page for people where JSON was asked for: a proxy or a sign-in page has answered. */
class NotGraph extends Error {
  override readonly message = 'the answer was an HTML page, as of a proxy';
}
