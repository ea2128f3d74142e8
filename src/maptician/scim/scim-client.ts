/**
 * HTTP to Maptician's Tenant URL: each request takes its turn, is sent once or again as it may be, and comes back as an
 * answer about one user or as an error that concerns everyone. SCIM 2.0's protocol is RFC 7644.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError, toError } from '../../errors.ts';
import { backoff, isThrottled, type OnRequest, type RequestEvent, readBody, retryAfter } from '../../http.ts';
import { connectionFailure, judge, type Outcome, timedOut, tooMuch } from './attempt.ts';
import type { RequestPace } from './request-pace.ts';
import type { ScimAnswer } from './scim-error.ts';

export type { ScimAnswer } from './scim-error.ts';

export type ScimMethod = 'GET' | 'POST' | 'PATCH' | 'DELETE';

export interface ScimClient {
  /**
   * Resolves for 2xx, and for the 4xx and the 501 that concern one user; rejects with a SyncError for everything else.
   *
   * What may have been carried out is not sent again here: a POST or PATCH without an answer rejects with an error of
   * the retry class, and the caller looks first. Only a GET is.
   *
   * @param path below the Tenant URL and percent-encoded: `/Users`
   */
  request(
    method: ScimMethod,
    path: string,
    options?: { readonly query?: Readonly<Record<string, string>>; readonly body?: unknown },
  ): Promise<ScimAnswer>;
}

export interface ScimClientOptions {
  /** The Tenant URL. Its query, if it has one, goes along on every request. */
  readonly url: string;
  /** The Secret Token. */
  readonly token: string;
  readonly pace: RequestPace;
  readonly signal: AbortSignal;
  /** Milliseconds until one attempt, its body included, is given up; 30,000 by default. */
  readonly timeout?: number;
  readonly onRequest?: OnRequest;
  readonly sleep?: (milliseconds: number) => Promise<void>;
}

const attemptsAtMost = 5;
const throttledAttemptsAtMost = 60;
/** Milliseconds that a request under way is given when the service stops: what it asks for may be done already. */
const finishWithin = 20_000;
/** Milliseconds. */
const throttledAtMost = 15 * 60 * 1000;

/** Opens a client; sends nothing yet. Throws Misconfigured for a token that cannot be sent. */
export function createScimClient(options: ScimClientOptions): ScimClient {
  const { pace, signal, timeout = 30_000, onRequest = () => undefined } = options;
  const ended = laterThan(signal, finishWithin);
  const sleep = options.sleep ?? ((milliseconds: number) => delay(milliseconds, undefined, { signal }));
  const tenant = tenantOf(options.url);
  const headers = { authorization: bearer(options.token), accept: 'application/scim+json, application/json' };

  const attempt = async (init: RequestInit & { url: string }, count: number, since: number): Promise<Outcome> => {
    const turn = await pace.turn();
    const { url, ...rest } = init;
    const started = performance.now();
    const tell = (status: RequestEvent['status'], throttled: boolean) => {
      const [duration, waited] = [performance.now() - started, started - since];
      const { method = 'GET' } = rest;
      onRequest({ method, host: tenant.host, status, attempt: count, duration, waited, throttled });
    };
    const limit = AbortSignal.timeout(timeout);
    let response: Response;
    let body: string;
    try {
      // Not followed, since the token would go along.
      response = await fetch(url, { ...rest, redirect: 'manual', signal: AbortSignal.any([ended, limit]) });
      body = await readBody(response, 'Maptician');
    } catch (thrown) {
      ended.throwIfAborted();
      tell('network', false);
      return limit.aborted ? timedOut(timeout) : connectionFailure(toError(thrown), tenant.origin);
    }
    const asked = retryAfter(response.headers.get('retry-after'), Date.now());
    tell(response.status, isThrottled(response.status, asked));
    // A server that quotes what it refuses must not bring the token into a log or a mail.
    if (!response.ok) body = withoutToken(body, options.token);
    if (response.status === 429 || response.status === 503) {
      await pace.slowDown(turn, asked);
      return tooMuch(response.status, body, asked !== undefined);
    }
    if (response.status < 500 || response.status === 501) pace.succeeded();
    return judge(response, body, tenant.origin);
  };

  return {
    request: async (method, path, { query = {}, body } = {}) => {
      const url = tenant.address(path, query);
      const init =
        body === undefined
          ? { url, method, headers }
          : {
              url,
              method,
              headers: { ...headers, 'content-type': 'application/scim+json' },
              body: JSON.stringify(body),
            };
      let failures = 0;
      let throttled = 0;
      let giveUpAt: number | undefined;
      let since = performance.now();
      for (;;) {
        const outcome = await attempt(init, failures + throttled + 1, since);
        since = performance.now();
        if ('answer' in outcome) return outcome.answer;
        const { error, again } = outcome;
        if (again === 'none' || (again === 'reading' && method !== 'GET')) throw error;
        if (outcome.throttled) {
          giveUpAt ??= performance.now() + throttledAtMost;
          throttled++;
          if (throttled >= throttledAttemptsAtMost || performance.now() >= giveUpAt) throw error;
          // No wait here: the next turn is after it.
          continue;
        }
        failures++;
        if (failures >= attemptsAtMost) throw error;
        try {
          await sleep(backoff(failures, Math.random));
        } catch (thrown) {
          signal.throwIfAborted();
          throw thrown;
        }
      }
    },
  };
}

/** Aborts so many milliseconds after the other. */
function laterThan(signal: AbortSignal, milliseconds: number): AbortSignal {
  const later = new AbortController();
  const begin = () => void setTimeout(() => later.abort(signal.reason), milliseconds).unref();
  if (signal.aborted) begin();
  else signal.addEventListener('abort', begin, { once: true });
  return later.signal;
}

/** Checked here: fetch would quote the token in its error. */
function bearer(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return `Bearer ${token}`;
  throw new SyncError(
    'Misconfigured',
    'MAPTICIAN_SECRET_TOKEN is empty, or has a space, a line break or another character that no token has',
  );
}

/** Also as JSON has it, with the slashes that some escape. */
function withoutToken(text: string, token: string): string {
  const asJson = JSON.stringify(token).slice(1, -1);
  const spellings = [asJson.replaceAll('/', '\\/'), asJson, token];
  return spellings.reduce((result, spelling) => result.replaceAll(spelling, '…'), text);
}

function tenantOf(url: string) {
  const { origin, host, pathname, search } = new URL(url);
  const base = pathname.replace(/\/+$/, '');
  const along = search.slice(1);
  return {
    origin,
    host,
    address: (path: string, query: Readonly<Record<string, string>>): string => {
      // Not URLSearchParams: its `+` for a space is one of forms, which servers of JSON need not know.
      const own = Object.entries(query).map(([name, value]) => `${encode(name)}=${encode(value)}`);
      const parameters = [along, ...own].filter((part) => part !== '').join('&');
      const address = new URL(`${origin}${base}${path}`);
      // An id of ".." would be another address.
      if (address.pathname !== `${base}${path}`) {
        throw new SyncError(
          'SystemForCrossDomainIdentityManagementServiceIncompatible',
          'Maptician gave an account an id that cannot stand in an address',
        );
      }
      address.search = parameters;
      return address.href;
    },
  };
}

const encode = (value: string) => encodeURIComponent(value.toWellFormed());
