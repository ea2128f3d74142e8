/** Who may do what: each request passes here first. */
import type { MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { isLoopbackAddress } from '../../settings-values.ts';
import type { ConsoleContext, ConsoleEnv, Role } from '../context.ts';

/** What a request needs: nothing at all, or somebody of at least this role. */
export type Needed = 'nobody' | Role;

/** Open to everyone: what says nothing of anybody, and what one signs in with. */
const open = [/^\/healthz$/, /^\/readyz$/, /^\/assets\//, /^\/sign-in(\/|$)/];
/** Sent as a form or as JSON since what is asked for does not belong into a URL; nothing is changed by them. */
const looksOnly = [/^\/users\/search$/, /^\/log\/search$/, /^\/mapping\/(test|preview)$/, /^\/sign-out$/];

export function neededRole(method: string, path: string): Needed {
  if (open.some((pattern) => pattern.test(path))) return 'nobody';
  if (method === 'GET' || method === 'HEAD') return 'reader';
  return looksOnly.some((pattern) => pattern.test(path)) ? 'reader' : 'operator';
}

export async function access({ service }: ConsoleContext): Promise<MiddlewareHandler<ConsoleEnv>> {
  const address = service.settings.CONSOLE_LISTEN;
  const trusted = address !== null && isLoopbackAddress(address);
  return async (c, next) => {
    if (neededRole(c.req.method, c.req.path) !== 'nobody') {
      if (!trusted) throw new HTTPException(401, { message: 'Sign in first.' });
      c.set('viewer', { name: 'this machine', role: 'operator', session: false });
    }
    await next();
  };
}
