/** Maptician's SCIM endpoint, `/scim/v2`: the token, faults, errors and the request log around what it does. */
import { setTimeout as delay } from 'node:timers/promises';
import { type Fault, type Faults, retryAfterValue } from '../faults.ts';
import { htmlPage, type SandboxRequest, type SandboxResponse } from '../http-message.ts';
import type { RequestLog } from '../request-log.ts';
import { discover } from './discovery.ts';
import { errorBody, errorSchemas, ScimError, scimError, scimResponse } from './scim-error.ts';
import { answerUsers, type UsersContext } from './users.ts';

export interface EndpointOptions extends UsersContext {
  readonly faults: Faults;
  readonly log: RequestLog;
  readonly token: () => string;
}

export const basePath = '/scim/v2';

/** Answers a request; undefined when the URL is not under `/scim/v2`. */
export function createEndpoint(
  options: EndpointOptions,
): (request: SandboxRequest) => Promise<SandboxResponse> | undefined {
  const { faults, log, behaviour } = options;

  const carryOut = async (request: SandboxRequest, path: string, query: string): Promise<SandboxResponse> => {
    try {
      authorize(request, options.token());
      const [, id] = /^\/Users\/([^/]+)$/.exec(path) ?? [];
      if (path === '/Users' || id !== undefined) {
        return await answerUsers(options, request, new URLSearchParams(query), id && decodeURIComponent(id));
      }
      const found = discover(path, options.url(), behaviour);
      if (!found) throw scimError(404, `There is no ${basePath}${path}.`);
      if (request.method !== 'GET') throw scimError(405, `${request.method} is not supported here.`);
      return scimResponse(200, found);
    } catch (thrown) {
      return errorResponse(thrown, behaviour.conflictWithoutScimType);
    }
  };

  const respond = async (request: SandboxRequest, path: string, query: string): Promise<SandboxResponse> => {
    const fault = faults.take({ method: request.method, path, query, inner: false });
    const carriesOut = (): Promise<SandboxResponse> => carryOut(request, path.slice(basePath.length), query);
    const response = await struck(fault, carriesOut);
    const { authorization, ...headers } = request.headers;
    log.add({
      service: 'maptician',
      at: Date.now(),
      method: request.method,
      url: request.url,
      path,
      status: response.status,
      authorized: Boolean(authorization),
      inner: false,
      headers,
      body: parsedBody(request.body),
      resourceUnits: 0,
      fault: fault?.kind,
    });
    return response;
  };

  return (request) => {
    const [path = '', query = ''] = request.url.split(/\?(.*)/s);
    return path === basePath || path.startsWith(`${basePath}/`) ? respond(request, path, query) : undefined;
  };
}

/** The answer with the fault that the connection has to play; nothing is carried out for a fault that comes first. */
async function struck(fault: Fault | undefined, carryOut: () => Promise<SandboxResponse>): Promise<SandboxResponse> {
  switch (fault?.kind) {
    case 'status': {
      const headers = fault.retryAfter === undefined ? {} : { 'Retry-After': retryAfterValue(fault.retryAfter) };
      const detail = fault.message ?? 'An error was injected.';
      return scimResponse(fault.status, errorBody(fault.status, detail, fault.code), headers);
    }
    case 'html':
      return { status: fault.status, headers: { 'Content-Type': 'text/html' }, body: htmlPage };
    case 'reset':
      return { status: 0, headers: {}, body: '', fault };
    case 'stall':
      if (fault.carriedOut === 'before') return { ...(await carryOut()), fault };
      await delay(fault.milliseconds, undefined, { ref: false });
      return carryOut();
    default:
      return { ...(await carryOut()), fault };
  }
}

function authorize({ headers }: SandboxRequest, token: string): void {
  if (/^Bearer +(.+)$/i.exec(headers.authorization ?? '')?.[1] === token) return;
  throw scimError(401, 'The Secret Token is missing or not valid.');
}

function errorResponse(thrown: unknown, conflictWithoutScimType: boolean): SandboxResponse {
  if (!(thrown instanceof ScimError)) return scimResponse(500, errorBody(500, String(thrown)));
  const { status, scimType, message } = thrown;
  if (status === 409 && conflictWithoutScimType)
    return scimResponse(status, { schemas: errorSchemas, detail: message });
  const headers = status === 401 ? { 'WWW-Authenticate': 'Bearer realm="Maptician"' } : {};
  return scimResponse(status, errorBody(status, message, scimType), headers);
}

function parsedBody(body: string): unknown {
  if (body === '') return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return body;
  }
}
