/** JSON Web Tokens (RFC 7519) signed with HMAC-SHA256: enough for an authority that only its own Graph trusts. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';

const claimsSchema = z.object({
  aud: z.string(),
  iss: z.string(),
  /** Seconds since the epoch. */
  exp: z.number(),
  tid: z.string(),
  appid: z.string(),
  roles: z.array(z.string()),
});

export type TokenClaims = z.infer<typeof claimsSchema>;

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const signatureOf = (text: string, key: string): Buffer => createHmac('sha256', key).update(text).digest();

export function signToken(claims: TokenClaims & Record<string, unknown>, key: string): string {
  const text = `${encode({ typ: 'JWT', alg: 'HS256' })}.${encode(claims)}`;
  return `${text}.${signatureOf(text, key).toString('base64url')}`;
}

/** The claims of a token signed with this key; undefined for any other. Expiry is the caller's to check. */
export function verifyToken(token: string, key: string): TokenClaims | undefined {
  const [header, payload, signature, ...rest] = token.split('.');
  if (!header || !payload || !signature || rest.length > 0) return undefined;
  const expected = signatureOf(`${header}.${payload}`, key);
  const given = Buffer.from(signature, 'base64url');
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  return claimsSchema.safeParse(JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'))).data;
}
