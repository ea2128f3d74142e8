/**
 * A script signs in with an access token of Entra for the console's own app registration: what @azure/identity gets for the
 * scope `CONSOLE_CLIENT_ID/.default` (https://learn.microsoft.com/entra/identity-platform/access-tokens#validate-tokens).
 */
import { decodeJwt, errors, jwtVerify } from 'jose';
import { type Claims, claimsSchema } from './claims.ts';
import type { Entra } from './entra.ts';
import { isUnreachable } from './entra-sign-in.ts';

export type BearerOutcome =
  | { readonly claims: Claims }
  /** `reason` is for whoever sent it. */
  | { readonly wrong: string }
  | { readonly unreachable: true };

/** Whether a bearer token has the form of one from Entra, and none of the settings. */
export function isJwt(token: string): boolean {
  return /^[\w-]+\.[\w-]+\.[\w-]*$/.test(token);
}

export async function checkAccessToken(entra: Entra, token: string): Promise<BearerOutcome> {
  try {
    const current = await entra.issuer('2.0');
    const by = decodeJwt(token).iss === current.issuer ? current : await entra.issuer('1.0');
    const { payload } = await jwtVerify(token, by.keys, {
      issuer: by.issuer,
      audience: [entra.clientId, `api://${entra.clientId}`],
      algorithms: ['RS256'],
      requiredClaims: ['exp'],
      clockTolerance: 60,
    });
    const claims = claimsSchema.safeParse(payload).data;
    // An id token has the same issuer and audience, and is for the console alone: nobody may use it as a key.
    if (claims === undefined || (claims.appid ?? claims.azp) === undefined)
      return { wrong: 'it is not an access token' };
    return { claims };
  } catch (thrown) {
    if (isUnreachable(thrown)) return { unreachable: true };
    return { wrong: reasonOf(thrown, entra) };
  }
}

function reasonOf(thrown: unknown, { clientId }: Entra): string {
  if (thrown instanceof errors.JWTExpired) return 'it has expired';
  if (thrown instanceof errors.JWTClaimValidationFailed) {
    if (thrown.claim === 'aud') return `it is not for this console, whose scope is ${clientId}/.default`;
    if (thrown.claim === 'iss') return 'another tenant issued it';
    return `its claim ${thrown.claim} does not hold`;
  }
  return 'its signature does not hold';
}
