/** SCIM's errors (RFC 7644 section 3.12). The library's own error class carries them, so that what it throws is one too. */
import SCIMMY from 'scimmy';
import type { SandboxResponse } from '../http-message.ts';

export const ScimError = SCIMMY.Types.Error;

type ScimType =
  | 'uniqueness'
  | 'invalidFilter'
  | 'invalidSyntax'
  | 'invalidPath'
  | 'noTarget'
  | 'invalidValue'
  | 'mutability';

/** @param scimType one of RFC 7644's keywords, for 400 and 409 only */
export const scimError = (status: number, detail: string, scimType?: ScimType): Error =>
  new ScimError(status, scimType ?? '', detail);

export const notFound = (id: string): Error => scimError(404, `Resource ${id} not found.`);

/** An answer of the SCIM endpoint; no body is an empty one. */
export function scimResponse(status: number, body?: unknown, headers: Record<string, string> = {}): SandboxResponse {
  if (body === undefined) return { status, headers, body: '' };
  return {
    status,
    headers: { 'Content-Type': 'application/scim+json; charset=utf-8', ...headers },
    body: JSON.stringify(body),
  };
}

export const errorSchemas = ['urn:ietf:params:scim:api:messages:2.0:Error'];

export const errorBody = (status: number, detail: string, scimType?: string): object => ({
  schemas: errorSchemas,
  status: String(status),
  ...(scimType ? { scimType } : {}),
  detail,
});
