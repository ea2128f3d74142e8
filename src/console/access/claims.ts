/** Who somebody is and what they may do, by the claims of a token that Entra issued. Pure. */
import { z } from 'zod';
import type { Role } from '../context.ts';

/**
 * The claims that are used (https://learn.microsoft.com/entra/identity-platform/access-token-claims-reference,
 * https://learn.microsoft.com/entra/identity-platform/id-token-claims-reference).
 */
export const claimsSchema = z.object({
  /** Values of app roles. Entra leaves it out where somebody has none. */
  roles: z.array(z.string()).default([]),
  preferred_username: z.string().optional(),
  upn: z.string().optional(),
  name: z.string().optional(),
  oid: z.string().optional(),
  sub: z.string().optional(),
  /** The application that asked for an access token: in tokens of version 1.0, and of 2.0. Id tokens have neither. */
  appid: z.string().optional(),
  azp: z.string().optional(),
});

export type Claims = z.infer<typeof claimsSchema>;

/** The greater of the roles; undefined where somebody has neither. */
export function roleOf({ roles }: Claims): Role | undefined {
  if (roles.includes('operator')) return 'operator';
  return roles.includes('reader') ? 'reader' : undefined;
}

/** A name for the audit: a person's, else the application's. */
export function nameOf(claims: Claims): string {
  const person = claims.preferred_username ?? claims.upn ?? claims.name;
  const application = claims.appid ?? claims.azp;
  const name = person ?? (application === undefined ? undefined : `application ${application}`);
  return (name ?? claims.oid ?? claims.sub ?? 'somebody').slice(0, 200);
}
