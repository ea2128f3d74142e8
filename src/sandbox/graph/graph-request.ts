/** A request to Graph, taken apart, and what a handler needs to answer it. */
import type { SandboxRequest } from '../http-message.ts';
import type { Mailbox } from '../mailbox.ts';
import type { Random } from '../random.ts';
import type { Tenant } from '../tenant.ts';
import type { Behaviour } from './behaviour.ts';
import type { PageTokens } from './page-token.ts';

export interface GraphRequest {
  readonly method: string;
  /** `v1.0` or `beta`. */
  readonly version: string;
  /** Decoded, without the version; `users('x')` is written `users/x`. */
  readonly segments: readonly string[];
  /** The segments joined, for logs and fault rules. */
  readonly path: string;
  readonly rawQuery: string;
  /** Query options, names in lower case. */
  readonly query: ReadonlyMap<string, string>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Whether it came inside a batch. */
  readonly inner: boolean;
  /** Whether a fault asks a delta request to be answered with 410. */
  readonly gone: boolean;
  /** Application permissions of the caller's token. */
  readonly roles: readonly string[];
}

export interface GraphReply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, text as it is. */
  readonly body: object | string;
}

export interface GraphContext {
  readonly tenant: Tenant;
  readonly mailbox: Mailbox;
  readonly behaviour: Behaviour;
  readonly tokens: PageTokens;
  /** For faults only; the tenant has its own. */
  readonly random: Random;
  /** Scheme, host and port of the links. */
  origin(): string;
  /** Answers another request, for a batch. */
  dispatch(request: GraphRequest): Promise<DispatchedReply>;
}

/** An answer with its headers and its body ready to send. */
export interface DispatchedReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: object | string;
}

/** What is wrongly encoded stays as it is, and is then not found. */
const decode = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** `servicePrincipals(appId='x')` keeps its parentheses, `users('x')` is `users/x`. */
function splitSegment(segment: string): string[] {
  const [, collection, key] = /^(\w+)\('(.*)'\)$/.exec(segment) ?? [];
  if (collection && key !== undefined) return [collection, key.replaceAll("''", "'")];
  return [segment];
}

/** Takes a URL apart; undefined when it is not Graph's. */
export function parseGraphRequest(
  request: SandboxRequest,
  options: { inner?: boolean; gone?: boolean } = {},
): GraphRequest | undefined {
  const [rawPath = '', rawQuery = ''] = request.url.split(/\?(.*)/s);
  const [version, ...rest] = rawPath.split('/').filter((part) => part !== '');
  if (version !== 'v1.0' && version !== 'beta') return undefined;
  const segments = rest.map(decode).flatMap(splitSegment);
  const query = new Map<string, string>();
  for (const part of rawQuery.split('&')) {
    const [name = '', value = ''] = part.split(/=(.*)/s);
    if (name !== '') query.set(decode(name).toLowerCase(), decode(value.replaceAll('+', ' ')));
  }
  return {
    method: request.method,
    version,
    segments,
    path: `/${segments.join('/')}`,
    rawQuery,
    query,
    headers: request.headers,
    body: request.body,
    inner: options.inner ?? false,
    gone: options.gone ?? false,
    roles: [],
  };
}

/** Start of every link and context of the answer. */
export const rootOf = (context: GraphContext, request: GraphRequest): string =>
  `${context.origin()}/${request.version}`;

/** Whether the request asks for the eventually consistent index, which counts and casts need. */
export const isAdvanced = (request: GraphRequest): boolean =>
  request.headers.consistencylevel?.toLowerCase() === 'eventual';
