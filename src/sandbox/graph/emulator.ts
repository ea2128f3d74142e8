/**
 * An emulator of Microsoft Graph v1.0 as far as a directory sync uses it: permissions, throttling, faults and errors
 * around the routes.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { type Fault, type Faults, retryAfterValue } from '../faults.ts';
import { htmlPage, type SandboxRequest, type SandboxResponse } from '../http-message.ts';
import { type TokenClaims, verifyToken } from '../jwt.ts';
import type { Mailbox } from '../mailbox.ts';
import { createRandom } from '../random.ts';
import type { RequestLog } from '../request-log.ts';
import type { Tenant } from '../tenant.ts';
import { TenantError } from '../tenant-error.ts';
import type { Behaviour } from './behaviour.ts';
import { accessDenied, errorBody, GraphFault } from './graph-error.ts';
import { type DispatchedReply, type GraphContext, type GraphRequest, parseGraphRequest } from './graph-request.ts';
import { createPageTokens } from './page-token.ts';
import { costOf, findRoute } from './routes.ts';
import { createThrottle, resourceUnitLimit } from './throttle.ts';

export interface EmulatorOptions {
  readonly tenant: Tenant;
  /** Takes the mails that are sent through Graph. */
  readonly mailbox: Mailbox;
  readonly behaviour: Behaviour;
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly seed: number;
  /** What access tokens are signed with. */
  readonly tokenKey: string;
  /** Scheme, host and port of the links it hands out. */
  readonly origin: () => string;
}

export interface GraphEmulator {
  /** Answers a request; undefined when the URL is not Graph's. */
  handle(request: SandboxRequest): Promise<SandboxResponse | undefined>;
}

const jsonType = 'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8';

export function createGraphEmulator(options: EmulatorOptions): GraphEmulator {
  const { tenant, behaviour, faults, log } = options;
  const tokens = createPageTokens(randomBytes(32).toString('hex'), tenant.clock.now, () => behaviour.tokenLifetime);
  // Real time, not the tenant's: what is throttled is the machine, and a client cannot wait for a clock that stands.
  const throttle = createThrottle(() => performance.now());
  const context: GraphContext = {
    tenant,
    mailbox: options.mailbox,
    behaviour,
    tokens,
    random: createRandom(options.seed ^ 0x5eed),
    origin: options.origin,
    dispatch: async (request) => (await dispatch(request, takeFault(request))).reply,
  };

  const takeFault = (request: GraphRequest): Fault | undefined =>
    faults.take({ method: request.method, path: request.path, query: request.rawQuery, inner: request.inner });

  /** Runs a request through everything but the socket, and notes it in the log. */
  async function dispatch(request: GraphRequest, fault: Fault | undefined): Promise<{ reply: DispatchedReply }> {
    const requestId = randomUUID();
    const clientRequestId = request.headers['client-request-id'] ?? requestId;
    const meter: Record<string, string> = {};
    let reply: DispatchedReply;
    try {
      reply = await answer({ ...request, gone: fault?.kind === 'gone' }, fault, meter);
    } catch (thrown) {
      const { status, code, message, headers } = toGraphFault(thrown);
      reply = { status, headers, body: errorBody(code, message, requestId, clientRequestId) };
    }
    const { authorization, ...headers } = request.headers;
    log.add({
      service: 'graph',
      at: Date.now(),
      method: request.method,
      url: `/${request.version}${request.path}${request.rawQuery ? `?${request.rawQuery}` : ''}`,
      path: request.path,
      status: reply.status,
      authorized: Boolean(authorization),
      inner: request.inner,
      headers,
      resourceUnits: Number(meter['x-ms-resource-unit'] ?? 0),
      fault: fault?.kind,
    });
    const common = {
      'Content-Type': jsonType,
      'OData-Version': '4.0',
      'Cache-Control': 'no-cache',
      'request-id': requestId,
      'client-request-id': clientRequestId,
      'x-ms-ags-diagnostic': JSON.stringify({ ServerInfo: { DataCenter: 'Sandbox', Slice: 'E', Ring: '1' } }),
      'Strict-Transport-Security': 'max-age=31536000',
    };
    return { reply: { ...reply, headers: { ...common, ...meter, ...reply.headers } } };
  }

  /** @param meter takes the headers that say what the request cost */
  async function answer(
    request: GraphRequest,
    fault: Fault | undefined,
    meter: Record<string, string>,
  ): Promise<DispatchedReply> {
    tenant.purgeExpired();
    if (fault?.kind === 'status') throw statusFault(fault);
    if (fault?.kind === 'html')
      return { status: fault.status, headers: { 'Content-Type': 'text/html' }, body: htmlPage };
    const { roles } = authenticate(request);
    const found = findRoute(request);
    if (found === 'methodMismatch') {
      throw new GraphFault(405, 'Request_BadRequest', `Specified HTTP method is not allowed for the request target.`);
    }
    if (!found) {
      const segment = request.segments.at(-1) ?? '';
      throw new GraphFault(400, 'BadRequest', `Resource not found for the segment '${segment}'.`);
    }
    const { permissions, cost, handle } = found.route;
    if (permissions.length > 0 && !permissions.some((permission) => roles.includes(permission))) throw accessDenied();
    if (permissions.length > 0) meterRequest(costOf(cost, request.query), meter);
    const { status = 200, headers = {}, body } = await handle(context, { ...request, roles }, found.parameters);
    return { status, headers, body };
  }

  function authenticate(request: GraphRequest): TokenClaims {
    const invalid = (message: string): GraphFault =>
      new GraphFault(401, 'InvalidAuthenticationToken', message, { 'WWW-Authenticate': 'Bearer realm=""' });
    const token = /^Bearer (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (!token) throw invalid('Access token is empty.');
    const claims = verifyToken(token, options.tokenKey);
    if (!claims || claims.tid !== tenant.id) throw invalid('Access token validation failure. Invalid signature.');
    // Real time again: a client renews its token by the machine's clock.
    if (claims.exp * 1000 <= Date.now()) throw invalid('Lifetime validation failed, the token is expired.');
    return claims;
  }

  function meterRequest(cost: number, meter: Record<string, string>): void {
    meter['x-ms-resource-unit'] = String(cost);
    const limit =
      behaviour.resourceUnitLimit === undefined ? resourceUnitLimit(tenant.users.count) : behaviour.resourceUnitLimit;
    if (limit === null) return;
    const { allowed, used, retryAfter } = throttle.take(cost, limit);
    if (used > 0.8) meter['x-ms-throttle-limit-percentage'] = Math.min(1.8, used).toFixed(1);
    if (allowed) return;
    throw new GraphFault(429, 'TooManyRequests', 'Please retry again later.', {
      'Retry-After': String(retryAfter),
      'x-ms-throttle-scope': `Tenant_Application/ReadWrite/${tenant.worker.appId}/${tenant.id}`,
      'x-ms-throttle-information': 'ResourceUnitLimitExceeded',
    });
  }

  return {
    async handle(sandboxRequest) {
      const request = parseGraphRequest(sandboxRequest);
      if (!request) return undefined;
      const fault = takeFault(request);
      const { reply } = await dispatch(request, fault);
      const text = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body);
      const foreign = fault?.kind === 'foreignLink' || fault?.kind === 'gone' ? fault.origin : undefined;
      if (foreign === undefined) return { status: reply.status, headers: reply.headers, body: text, fault };
      const own = options.origin();
      const { Location: location, ...headers } = reply.headers;
      return {
        status: reply.status,
        headers: location ? { ...headers, Location: location.replace(own, foreign) } : headers,
        body: text.replaceAll(/("@odata\.(?:next|delta)Link":")(https?:\/\/[^/"]+)/g, `$1${foreign}`),
      };
    },
  };
}

const statusCodes: Readonly<Record<number, readonly [code: string, message: string]>> = {
  429: ['TooManyRequests', 'Please retry again later.'],
  500: ['InternalServerError', 'Encountered an internal server error.'],
  503: ['ServiceUnavailable', 'Service is temporarily unavailable. Please wait and try again.'],
  504: ['GatewayTimeout', 'The gateway did not get an answer in time.'],
};

function statusFault(fault: Extract<Fault, { kind: 'status' }>): GraphFault {
  const [code, message] = statusCodes[fault.status] ?? ['UnknownError', 'An error was injected.'];
  const headers = fault.retryAfter === undefined ? {} : { 'Retry-After': retryAfterValue(fault.retryAfter) };
  return new GraphFault(fault.status, fault.code ?? code, fault.message ?? message, headers);
}

function toGraphFault(thrown: unknown): GraphFault {
  if (thrown instanceof GraphFault) return thrown;
  if (thrown instanceof TenantError) {
    const status = { notFound: 404, conflict: 409, invalid: 400 }[thrown.code];
    return new GraphFault(status, 'Request_BadRequest', thrown.message);
  }
  return new GraphFault(500, 'InternalServerError', String(thrown));
}
