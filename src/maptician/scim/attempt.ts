/**
 * What came of one attempt of a SCIM request: an answer about one user, or an error that concerns everyone, and whether
 * the request may be sent again. Pure.
 */
import { SyncError } from '../../errors.ts';
import { networkReason } from '../../http.ts';
import { type ScimAnswer, scimErrorOf } from './scim-error.ts';

/** How one attempt went wrong, and what may be sent again for all that. */
export interface Failure {
  readonly error: SyncError;
  /** `any`: it was not carried out; `reading`: it may have been. */
  readonly again: 'any' | 'reading' | 'none';
  /** The server asks for patience: this is no failure, as long as it passes. */
  readonly throttled?: boolean;
}

export type Outcome = { readonly answer: ScimAnswer } | Failure;

/** The answer or the error of a status other than 429 and 503. `origin` is the Tenant URL's. */
export function judge(response: Response, text: string, origin: string): Outcome {
  const { status } = response;
  const json = parse(text);
  const location = response.headers.get('location');
  const answer: ScimAnswer = {
    status,
    body: json === unreadable ? text : json,
    ...(location === null || !response.ok ? {} : { location }),
  };
  const options = { detail: scimErrorOf(answer).detail, httpStatus: status };
  if (status >= 200 && status < 300) {
    if (json !== unreadable) return { answer };
    const error = new SyncError(
      'SystemForCrossDomainIdentityManagementServiceIncompatible',
      `Maptician answered ${status} with something that is not JSON, or not all of it`,
      { httpStatus: status },
    );
    return { error, again: 'reading' };
  }
  if (status === 401) {
    const message =
      "Maptician refused the Secret Token (401). Put a valid one in MAPTICIAN_SECRET_TOKEN; Maptician's support issues them";
    return { error: new SyncError('Unauthorized', message, options), again: 'none' };
  }
  if (status === 403) {
    const message =
      "Maptician knows the Secret Token (MAPTICIAN_SECRET_TOKEN), but it may not do this (403). Ask Maptician's support for a token that may read and write users";
    return { error: new SyncError('InsufficientRights', message, options), again: 'none' };
  }
  if (status >= 300 && status < 400) {
    return { error: redirected(response, origin), again: 'none' };
  }
  if (status >= 500 && status !== 501) {
    const error = new SyncError('InternalServerError', `Maptician answered ${status}`, options);
    return { error, again: 'reading' };
  }
  if (status === 408) {
    return {
      error: new SyncError('Timeout', 'Maptician waited too long for a request (408)', options),
      again: 'reading',
    };
  }
  return { answer };
}

const unreadable = Symbol('unreadable');

function parse(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return unreadable;
  }
}

/** 429 says that the request was not carried out (RFC 6585 section 4); 503 says so as a rule (RFC 9110 section 15.6.4). */
export function tooMuch(status: 429 | 503, text: string, patience: boolean): Failure {
  const json = parse(text);
  const { detail } = scimErrorOf({ status, body: json === unreadable ? text : json });
  const options = { detail, httpStatus: status };
  return status === 429
    ? {
        error: new SyncError('TooManyRequests', 'Maptician kept refusing requests as too many (429)', options),
        again: 'any',
        throttled: true,
      }
    : {
        error: new SyncError('InternalServerError', 'Maptician is not available for now (503)', options),
        again: 'reading',
        throttled: patience,
      };
}

function redirected(response: Response, origin: string): SyncError {
  const location = response.headers.get('location') ?? '';
  const target = URL.canParse(location, origin) ? new URL(location, origin).origin : origin;
  return new SyncError(
    'UntrustedLink',
    `Maptician answered ${response.status}, a redirect to ${target}: it was not followed, since the Secret Token would go along. MAPTICIAN_TENANT_URL must be the address that answers itself`,
    { httpStatus: response.status },
  );
}

export function timedOut(timeout: number): Failure {
  return { error: new SyncError('Timeout', `Maptician did not answer within ${timeout / 1000} s`), again: 'reading' };
}

/** Settings are wrong, as a rule: nothing that passes by itself. By Node's and OpenSSL's names for them. */
const lasting = /^ENOTFOUND$|CERT|SELF_SIGNED|UNABLE_TO_|HOSTNAME_MISMATCH|WRONG_VERSION_NUMBER/;

/** What fetch threw, or reading its body: an error from before anything was sent may be tried again, whatever the method. */
export function connectionFailure(error: Error, origin: string): Failure {
  if (error instanceof SyncError) return { error, again: 'none' };
  const reason = networkReason(error);
  if (lasting.test(reason)) {
    const how = reason === 'ENOTFOUND' ? 'no such host' : 'no trusted TLS connection';
    const message = `Maptician (${origin}) cannot be reached: ${how} (${reason}). Check MAPTICIAN_TENANT_URL`;
    const more = reason === 'ENOTFOUND' ? '' : '; a certificate authority of your own goes into NODE_EXTRA_CA_CERTS';
    return { error: new SyncError('Unreachable', message + more, { cause: error }), again: 'none' };
  }
  if (isBeforeSending(error.cause)) {
    const message = `Maptician (${origin}) cannot be reached: ${reason}. Check MAPTICIAN_TENANT_URL and the network`;
    return { error: new SyncError('Unreachable', message, { cause: error }), again: 'any' };
  }
  const message = `The connection to Maptician (${origin}) failed: ${reason}`;
  return { error: new SyncError('WebExceptionProtocolError', message, { cause: error }), again: 'reading' };
}

function isBeforeSending(cause: unknown): boolean {
  // A host with several addresses fails with one error for each.
  if (cause instanceof AggregateError) return cause.errors.every(isBeforeSending);
  if (!(cause instanceof Error)) return false;
  if ('syscall' in cause && (cause.syscall === 'connect' || cause.syscall === 'getaddrinfo')) return true;
  return 'code' in cause && cause.code === 'UND_ERR_CONNECT_TIMEOUT';
}
