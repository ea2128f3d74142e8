/** Tokens of the settings: for a network without Entra, and for scripts. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Settings } from '../../settings.ts';
import { type Role, roles } from '../context.ts';
import type { Person } from './sessions.ts';

export interface Tokens {
  readonly some: boolean;
  /** What sessions are begun with, by role. */
  readonly proofs: ReadonlyMap<Role, string>;
  /** Whose token it is, found in a time that does not tell how much of it is right; undefined where it is none. */
  find(given: string): Person | undefined;
}

export function openTokens(settings: Settings): Tokens {
  const { CONSOLE_READER_TOKEN: reader, CONSOLE_OPERATOR_TOKEN: operator } = settings;
  const byRole = { reader, operator };
  const known = roles.flatMap((role) => {
    const token = byRole[role];
    return token === undefined ? [] : [{ role, token, hash: hashOf(token) }];
  });
  return {
    some: known.length > 0,
    proofs: new Map(known.map(({ role, token }) => [role, `${role} token ${token}`])),
    find: (given) => {
      const hash = hashOf(given);
      const [found] = known.filter((token) => timingSafeEqual(token.hash, hash));
      return found === undefined ? undefined : { name: `${found.role} token`, role: found.role };
    },
  };
}

/** Of one length, as the comparison needs it. */
function hashOf(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
