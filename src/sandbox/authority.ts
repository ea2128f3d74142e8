/**
 * The token authority: OpenID discovery and the client credentials grant
 * (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow).
 */
import { randomUUID } from 'node:crypto';
import type { Faults } from './faults.ts';
import { jsonResponse, type SandboxRequest, type SandboxResponse } from './http-message.ts';
import { signToken } from './jwt.ts';
import type { RequestLog } from './request-log.ts';
import type { Tenant } from './tenant.ts';

export interface Authority {
  /** Answers a request; undefined when the URL is not the authority's. */
  handle(request: SandboxRequest): SandboxResponse | undefined;
  /** A token for the worker, with the tenant's permissions or the given ones. */
  issue(permissions?: readonly string[], lifetimeSeconds?: number): string;
}

export interface AuthorityOptions {
  readonly tenant: Tenant;
  readonly faults: Faults;
  readonly log: RequestLog;
  /** What access tokens are signed with. */
  readonly tokenKey: string;
  readonly clientSecret: string;
  /** Where the authority is reached. */
  readonly origin: () => string;
  /** Where Graph is reached: tokens can be asked for it by this name, too. */
  readonly graphOrigin: () => string;
}

const lifetime = 3599;

export function createAuthority(options: AuthorityOptions): Authority {
  const { tenant, faults, log, tokenKey } = options;
  const tenantPath = (): string => `${options.origin()}/${tenant.id}`;

  const issue = (permissions = tenant.permissions, lifetimeSeconds = lifetime): string => {
    const now = Math.floor(Date.now() / 1000);
    return signToken(
      {
        aud: 'https://graph.microsoft.com',
        iss: `${tenantPath()}/v2.0`,
        iat: now,
        nbf: now,
        exp: now + lifetimeSeconds,
        appid: tenant.worker.appId,
        oid: tenant.worker.id,
        idtyp: 'app',
        roles: [...permissions],
        tid: tenant.id,
        ver: '1.0',
      },
      tokenKey,
    );
  };

  const answer = (request: SandboxRequest, path: string): SandboxResponse => {
    const tenantName = path.split('/')[1] ?? '';
    if (tenantName !== tenant.id) {
      return refusal(
        400,
        'invalid_request',
        90002,
        `Tenant '${tenantName}' not found. Check to make sure you have the correct tenant ID.`,
      );
    }
    if (path.endsWith('/.well-known/openid-configuration')) return jsonResponse(200, discovery());
    if (path.endsWith('/discovery/v2.0/keys')) return jsonResponse(200, { keys: [] });
    return token(new URLSearchParams(request.body));
  };

  const discovery = (): object => ({
    token_endpoint: `${tenantPath()}/oauth2/v2.0/token`,
    authorization_endpoint: `${tenantPath()}/oauth2/v2.0/authorize`,
    end_session_endpoint: `${tenantPath()}/oauth2/v2.0/logout`,
    jwks_uri: `${tenantPath()}/discovery/v2.0/keys`,
    issuer: `${tenantPath()}/v2.0`,
    token_endpoint_auth_methods_supported: ['client_secret_post', 'private_key_jwt'],
    response_types_supported: ['code', 'id_token', 'code id_token', 'token id_token'],
    subject_types_supported: ['pairwise'],
    id_token_signing_alg_values_supported: ['RS256'],
    scopes_supported: ['openid'],
  });

  const token = (form: URLSearchParams): SandboxResponse => {
    const clientId = form.get('client_id') ?? '';
    if (form.get('grant_type') !== 'client_credentials') {
      return refusal(400, 'unsupported_grant_type', 70003, 'The app requested an unsupported grant type.');
    }
    if (clientId !== tenant.worker.appId) {
      const reason = `Application with identifier '${clientId}' was not found in the directory.`;
      return refusal(400, 'unauthorized_client', 700016, reason);
    }
    if (form.get('client_secret') !== options.clientSecret) {
      return refusal(
        401,
        'invalid_client',
        7000215,
        `Invalid client secret provided. Ensure the secret being sent in the request is the client secret value, not the client secret ID, for a secret added to app '${clientId}'.`,
      );
    }
    const resource = /^(https?:\/\/[^/]+)\/+\.default$/.exec(form.get('scope') ?? '')?.[1];
    if (resource !== 'https://graph.microsoft.com' && resource !== options.graphOrigin()) {
      return refusal(400, 'invalid_scope', 70011, 'The provided value for the input parameter scope is not valid.');
    }
    return jsonResponse(200, {
      token_type: 'Bearer',
      expires_in: lifetime,
      ext_expires_in: lifetime,
      access_token: issue(),
    });
  };

  return {
    issue,
    handle(request) {
      const [path = '', query = ''] = request.url.split(/\?(.*)/s);
      if (
        !/^\/[^/]+\/(v2\.0\/\.well-known\/openid-configuration|oauth2\/v2\.0\/token|discovery\/v2\.0\/keys)$/.test(path)
      ) {
        return undefined;
      }
      const fault = faults.take({ method: request.method, path, query, inner: false });
      const injected = fault?.kind === 'status' || fault?.kind === 'html';
      const response = injected
        ? jsonResponse(fault.status, { error: 'temporarily_unavailable', error_description: 'An error was injected.' })
        : answer(request, path);
      log.add({
        service: 'authority',
        at: Date.now(),
        method: request.method,
        url: request.url,
        path,
        status: response.status,
        authorized: false,
        inner: false,
        headers: request.headers,
        resourceUnits: 0,
        fault: fault?.kind,
      });
      return { ...response, fault };
    },
  };
}

/** An error of the authority, with the AADSTS code in its three places. */
function refusal(status: number, error: string, code: number, reason: string): SandboxResponse {
  const timestamp = `${new Date().toISOString().slice(0, 19).replace('T', ' ')}Z`;
  const trace = randomUUID();
  const correlation = randomUUID();
  return jsonResponse(status, {
    error,
    error_description: `AADSTS${code}: ${reason} Trace ID: ${trace} Correlation ID: ${correlation} Timestamp: ${timestamp}`,
    error_codes: [code],
    timestamp,
    trace_id: trace,
    correlation_id: correlation,
    error_uri: `https://login.microsoftonline.com/error?code=${code}`,
  });
}
