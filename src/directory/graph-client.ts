/**
 * Microsoft Graph, read-only but for a mail that is sent: @microsoft/microsoft-graph-client with our own middleware chain,
 * answers parsed by zod.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { TokenCredential } from '@azure/identity';
import { Client, ResponseType } from '@microsoft/microsoft-graph-client';
import { z } from 'zod';
import { SyncError, toSyncError } from '../errors.ts';
import { type OnRequest, retryAfter } from '../http.ts';
import {
  createAuthenticationMiddleware,
  createRetryMiddleware,
  createTransportMiddleware,
  type MiddlewareSettings,
  RequestOptions,
} from './graph-middleware.ts';

/** An answer of Graph's that is no success. `codes` holds error.code and every nested innerError code, lower case. */
export class GraphError extends Error {
  override readonly name = 'GraphError';
  readonly status: number;
  readonly codes: readonly string[];
  readonly location: string | null;
  readonly requestId: string | null;
  /** Milliseconds that Retry-After asks for. */
  readonly retryAfter: number | undefined;

  constructor(status: number, codes: readonly string[], headers: Headers) {
    const requestId = headers.get('request-id');
    super(
      `Graph answered ${status}${codes[0] === undefined ? '' : ` ${codes[0]}`}${requestId === null ? '' : ` (request ${requestId})`}`,
    );
    this.status = status;
    this.codes = codes.map((code) => code.toLowerCase());
    this.location = headers.get('location');
    this.requestId = requestId;
    this.retryAfter = retryAfter(headers.get('retry-after'), Date.now());
  }
}

export interface GraphClient {
  /** GET of a path below the version ("/users/…") or of a link that Graph gave, which is followed as it is. */
  get<T>(pathOrLink: string, schema: z.ZodType<T>, headers?: Readonly<Record<string, string>>): Promise<T>;
  post<T>(path: string, body: unknown, schema: z.ZodType<T>): Promise<T>;
  /** A POST that does something, and answers with nothing: it is sent once, since a second one would do it again. */
  send(path: string, body: unknown): Promise<void>;
  readonly origin: string;
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
  readonly random: () => number;
  /** Told of requests that went along in a batch and were throttled. */
  readonly onRequest: OnRequest;
}

export interface GraphClientOptions {
  readonly origin: string;
  readonly credential: TokenCredential;
  readonly signal?: AbortSignal;
  readonly onRequest?: OnRequest;
  readonly timeout?: number;
}

const graphErrorBody = z.object({ error: z.looseObject({ code: z.string().nullish() }) });

/** Codes by OData: error.code, then innerError.code or innererror.code, however deep. */
function errorCodesOf(error: Record<string, unknown>): string[] {
  const codes: string[] = [];
  let level: unknown = error;
  for (let depth = 0; depth < 8 && typeof level === 'object' && level !== null; depth++) {
    const fields = level as Record<string, unknown>;
    if (typeof fields.code === 'string') codes.push(fields.code);
    level = fields.innerError ?? fields.innererror;
  }
  return codes;
}

/** Reads a Graph error from a status and a body, which may be no JSON at all (a proxy's page). */
export function graphErrorOf(status: number, body: unknown, headers: Headers): GraphError {
  const parsed = graphErrorBody.safeParse(body);
  return new GraphError(status, parsed.success ? errorCodesOf(parsed.data.error) : [], headers);
}

/** Opens a client; sends nothing yet. */
export function createGraphClient(options: GraphClientOptions): GraphClient {
  const settings: MiddlewareSettings = {
    origin: options.origin,
    credential: options.credential,
    scope: `${options.origin}/.default`,
    signal: options.signal,
    onRequest: options.onRequest ?? (() => undefined),
    timeout: options.timeout ?? 100_000,
    sleep: (milliseconds) =>
      sleep(milliseconds, undefined, options.signal === undefined ? {} : { signal: options.signal }),
    now: Date.now,
    random: Math.random,
  };
  const client = Client.initWithMiddleware({
    baseUrl: `${options.origin}/`,
    middleware: [
      createRetryMiddleware(settings),
      createAuthenticationMiddleware(settings),
      createTransportMiddleware(settings),
    ],
  });

  const parse = async <T>(response: Response, schema: z.ZodType<T>): Promise<T> => {
    const body = await readJson(response);
    if (response.status !== 200) throw graphErrorOf(response.status, body, response.headers);
    const parsed = schema.safeParse(body);
    if (parsed.success) return parsed.data;
    const where = parsed.error.issues.slice(0, 3).map((issue) => `${issue.path.join('.')}: ${issue.message}`);
    throw new SyncError('UnexpectedAnswer', `Graph sent an answer of another shape (${where.join('; ')})`);
  };

  const send = async (
    pathOrLink: string,
    headers: Readonly<Record<string, string>>,
    body?: unknown,
    once = false,
  ): Promise<Response> => {
    const isLink = !pathOrLink.startsWith('/');
    const along = new RequestOptions(isLink ? pathOrLink : undefined, once);
    const request = client
      .api(isLink ? '/' : pathOrLink)
      .headers(headers)
      .responseType(ResponseType.RAW)
      .middlewareOptions([along]);
    try {
      return z.instanceof(Response).parse(await (body === undefined ? request.get() : request.post(body)));
    } catch (thrown) {
      throw along.failure ?? thrown;
    }
  };

  return {
    origin: options.origin,
    now: settings.now,
    sleep: settings.sleep,
    random: settings.random,
    onRequest: settings.onRequest,
    get: async (pathOrLink, schema, headers = {}) => parse(await send(pathOrLink, headers), schema),
    post: async (path, body, schema) => parse(await send(path, {}, body), schema),
    send: async (path, body) => {
      const response = await send(path, {}, body, true);
      if (!response.ok) throw graphErrorOf(response.status, await readJson(response), response.headers);
    },
  };
}

/** The body as JSON; undefined where it is none. */
async function readJson(response: Response): Promise<unknown> {
  try {
    return JSON.parse(await response.text());
  } catch {
    return undefined;
  }
}

/** A Graph failure as a class of the error table; `what` names what was being read, `permission` what it needs. */
export function graphSyncError(thrown: unknown, what: string, permission: string): SyncError {
  if (!(thrown instanceof GraphError)) return toSyncError(thrown);
  const { status } = thrown;
  const detail = thrown.message;
  if (status === 401) {
    return new SyncError('Unauthorized', `Graph refused the token while reading ${what}: ${detail}`, { cause: thrown });
  }
  if (status === 403) {
    return new SyncError(
      'InsufficientRights',
      `The app may not read ${what}: grant the application permission ${permission} with admin consent. ${detail}`,
      { cause: thrown },
    );
  }
  if (status === 429) {
    return new SyncError('TooManyRequests', `Graph kept throttling while reading ${what}: ${detail}`, {
      cause: thrown,
    });
  }
  if (status === 404) {
    return new SyncError('Misconfigured', `Graph does not know ${what}: ${detail}`, { cause: thrown });
  }
  if (status >= 300 && status < 400) {
    return new SyncError('UntrustedLink', `Graph redirected the reading of ${what}, which is not followed: ${detail}`);
  }
  return new SyncError(
    status >= 500 ? 'InternalServerError' : 'UnexpectedAnswer',
    `Reading ${what} failed: ${detail}`,
    { cause: thrown },
  );
}
