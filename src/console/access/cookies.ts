/** The console's two cookies: the session's, and that of a sign-in with Entra under way. No script of a page can read them. */
import type { Context } from 'hono';
import { deleteCookie, getCookie, setCookie } from 'hono/cookie';
import type { ConsoleEnv } from '../context.ts';

export interface Cookie {
  get(c: Context<ConsoleEnv>): string | undefined;
  set(c: Context<ConsoleEnv>, value: string): void;
  delete(c: Context<ConsoleEnv>): void;
}

/**
 * A cookie for so many seconds. Over https its name begins with `__Host-`: browsers then take it from this very host only, so
 * that no neighbouring one can put its own in its place (RFC 6265bis, section 4.1.3). `Lax` and not `Strict`, since the way
 * back from Entra is a navigation from another site.
 */
export function cookie(name: string, { origin, seconds }: { origin: string; seconds: number }): Cookie {
  const secure = origin.startsWith('https:');
  const place = { path: '/', secure, ...(secure ? ({ prefix: 'host' } as const) : {}) };
  return {
    get: (c) => (secure ? getCookie(c, name, 'host') : getCookie(c, name)),
    set: (c, value) => setCookie(c, name, value, { ...place, httpOnly: true, sameSite: 'Lax', maxAge: seconds }),
    delete: (c) => void deleteCookie(c, name, place),
  };
}
