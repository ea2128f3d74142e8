/**
 * A person signs in with Entra: OpenID Connect's authorization code flow with PKCE, state and nonce
 * (https://learn.microsoft.com/entra/identity-platform/v2-oauth2-auth-code-flow).
 */
import * as client from 'openid-client';
import { z } from 'zod';
import { codeOf, toError } from '../../errors.ts';
import { type Claims, claimsSchema } from './claims.ts';
import type { Entra } from './entra.ts';

/** What this browser must bring back with the answer; in its cookie until then. */
const flowSchema = z.object({ state: z.string(), nonce: z.string(), verifier: z.string(), to: z.string() });
export type Flow = z.infer<typeof flowSchema>;

/** Why nobody was signed in; each has its words on the page. */
export const problems = [
  'expired',
  'restart',
  'refused',
  'no-role',
  'client-secret',
  'unreachable',
  'invalid',
] as const;
export type Problem = (typeof problems)[number];

/** Nobody is signed in. `message` may be logged. */
export class SignInError extends Error {
  override readonly name = 'SignInError';
  readonly problem: Problem;
  /** Whether the authority was asked for the code that was brought. */
  readonly asked: boolean;

  constructor(
    problem: Problem,
    message: string,
    { asked = false, ...options }: ErrorOptions & { asked?: boolean } = {},
  ) {
    super(message, options);
    this.problem = problem;
    this.asked = asked;
  }
}

export const writeFlow = (flow: Flow): string => Buffer.from(JSON.stringify(flow)).toString('base64url');

/** Undefined for whatever is not one. */
export function readFlow(cookie: string | undefined): Flow | undefined {
  try {
    return flowSchema.safeParse(JSON.parse(Buffer.from(cookie ?? '', 'base64url').toString('utf8'))).data;
  } catch {
    return undefined;
  }
}

/** Where the browser goes to sign in. `choose` has Entra ask which account, whoever is signed in there. Rejects with a SignInError. */
export async function beginSignIn(
  entra: Entra,
  { redirect, to, choose }: { redirect: string; to: string; choose: boolean },
): Promise<{ readonly url: URL; readonly flow: Flow }> {
  try {
    const verifier = client.randomPKCECodeVerifier();
    const flow = { state: client.randomState(), nonce: client.randomNonce(), verifier, to };
    const url = client.buildAuthorizationUrl(await entra.configuration(), {
      redirect_uri: redirect,
      response_mode: 'query',
      scope: 'openid profile',
      code_challenge: await client.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      state: flow.state,
      nonce: flow.nonce,
      ...(choose ? { prompt: 'select_account' } : {}),
    });
    return { url, flow };
  } catch (thrown) {
    throw signInError(thrown);
  }
}

/** Exchanges the code that Entra sent the browser back with (`search`) for claims, and checks them. Rejects with a SignInError. */
export async function finishSignIn(
  entra: Entra,
  { redirect, search, flow }: { redirect: string; search: string; flow: Flow },
): Promise<Claims> {
  if (new URLSearchParams(search).get('state') !== flow.state) {
    throw new SignInError('restart', 'the answer of the authority does not belong to what this browser began');
  }
  try {
    const tokens = await client.authorizationCodeGrant(await entra.configuration(), new URL(`${redirect}${search}`), {
      expectedState: flow.state,
      expectedNonce: flow.nonce,
      pkceCodeVerifier: flow.verifier,
      idTokenExpected: true,
    });
    return claimsSchema.parse(tokens.claims());
  } catch (thrown) {
    throw signInError(thrown);
  }
}

/** Only codes and claims' names are told: what the authority says in words may name somebody. */
function signInError(thrown: unknown): SignInError {
  const options = { cause: thrown };
  if (thrown instanceof client.AuthorizationResponseError) {
    return new SignInError(
      'refused',
      `the authority refused: ${oauthCode(thrown.error, thrown.error_description)}`,
      options,
    );
  }
  if (thrown instanceof client.ResponseBodyError) {
    const problem = (
      { invalid_grant: 'restart', invalid_client: 'client-secret', unauthorized_client: 'client-secret' } as const
    )[thrown.error];
    const message = `the authority refused the code: ${oauthCode(thrown.error, thrown.error_description)}`;
    return new SignInError(problem ?? 'refused', message, { ...options, asked: true });
  }
  return isUnreachable(thrown)
    ? new SignInError('unreachable', 'the authority did not answer as it should', options)
    : new SignInError('invalid', `the answer of the authority did not pass: ${toError(thrown).message}`, {
        ...options,
        asked: true,
      });
}

/** Whether a request to the authority failed, and not what it said. */
export function isUnreachable(thrown: unknown): boolean {
  // A fetch that fails rejects with a TypeError; jose has a general error for a status that is not 200.
  const failed = ['TypeError', 'TimeoutError', 'OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM'];
  return [...failed, 'OAUTH_RESPONSE_IS_NOT_JSON', 'ERR_JWKS_TIMEOUT', 'ERR_JOSE_GENERIC'].includes(codeOf(thrown));
}

/** OAuth's code, with Entra's own where it gives one. */
function oauthCode(error: string, description: string | undefined): string {
  const own = /\bAADSTS\d+\b/.exec(description ?? '')?.[0];
  const word = /^[\w-]{1,60}$/.test(error) ? error : 'an error';
  return own === undefined ? word : `${word} (${own})`;
}
