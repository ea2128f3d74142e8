/** Who may do what: each request passes here first. */
import type { Context, MiddlewareHandler } from 'hono';
import { HTTPException } from 'hono/http-exception';
import type { ConsoleEnv, Role, Viewer } from '../context.ts';
import { isApi } from '../errors.ts';
import { type Authentication, bearerOf } from './authentication.ts';
import { isCrossSite, isFromThisMachine } from './cross-site.ts';

/** What a request needs: nothing at all, or somebody of at least this role. */
export type Needed = 'nobody' | Role;

/** Open to everyone: what says nothing of anybody, and what one signs in with. */
const open = [/^\/healthz$/, /^\/readyz$/, /^\/assets\//, /^\/sign-in(\/|$)/];
/** Sent as a form or as JSON since what is asked for does not belong into a URL; nothing is changed by them. */
const looksOnly = [
  /^\/users\/search$/,
  /^\/log\/search$/,
  /^\/mapping\/(test|preview)$/,
  /^\/sign-out$/,
  /^\/api\/users\/search$/,
  /^\/api\/mapping\/test$/,
];

export function neededRole(method: string, path: string): Needed {
  if (open.some((pattern) => pattern.test(path))) return 'nobody';
  if (method === 'GET' || method === 'HEAD') return 'reader';
  return looksOnly.some((pattern) => pattern.test(path)) ? 'reader' : 'operator';
}

export function access(authentication: Authentication): MiddlewareHandler<ConsoleEnv> {
  return async (c, next) => {
    const needed = neededRole(c.req.method, c.req.path);
    refuseStrangers(c, authentication, needed);
    if (needed !== 'nobody') {
      const viewer = await authentication.viewer(c);
      if (viewer === undefined) return askToSignIn(c);
      c.set('viewer', viewer);
      if (needed === 'operator' && viewer.role !== 'operator') throw lacksRole(viewer);
    }
    await next();
  };
}

/** Before anybody is looked for, so that a page elsewhere learns nothing, and has nothing done. */
function refuseStrangers(c: Context<ConsoleEnv>, { needed: signIn, origin }: Authentication, needed: Needed): void {
  const own = new URL(c.req.url).origin;
  const header = (name: string) => c.req.header(name);
  if (!signIn && needed !== 'nobody' && !isFromThisMachine(own, c.req.raw.headers)) {
    throw new HTTPException(403, {
      message:
        'Without a way to sign in, the console is for this machine only, as localhost. Set CONSOLE_URL and CONSOLE_CLIENT_ID or CONSOLE_OPERATOR_TOKEN to reach it from elsewhere.',
    });
  }
  // A bearer token is added by no browser on its own.
  if (signIn && needed !== 'nobody' && bearerOf(c) !== undefined) return;
  const script = isScript(c.req.path);
  if (isCrossSite({ method: c.req.method, own, configured: origin, script, header })) {
    throw new HTTPException(403, {
      message: `This was sent from another site, so nothing was done. Open the console at ${origin}, and do it there; where that is not its address, set CONSOLE_URL.`,
    });
  }
}

/** A script is told so, a browser is shown where. */
function askToSignIn(c: Context<ConsoleEnv>): Response {
  if (isScript(c.req.path)) {
    c.header('WWW-Authenticate', 'Bearer realm="maptician-sync"');
    throw new HTTPException(401, {
      message: 'Sign in: send a token as "Authorization: Bearer …".',
    });
  }
  if (c.req.method !== 'GET' && c.req.method !== 'HEAD') return c.redirect('/sign-in?problem=expired', 303);
  const { pathname, search } = new URL(c.req.url);
  const to = `${pathname}${search}`;
  return c.redirect(to === '/' ? '/sign-in' : `/sign-in?to=${encodeURIComponent(to)}`, 303);
}

/** bull-board's page asks like a script. */
function isScript(path: string): boolean {
  return isApi(path) || path.startsWith('/queue/board/api/');
}

function lacksRole({ name, role }: Viewer): HTTPException {
  return new HTTPException(403, {
    message: `${name} has the role ${role}, and this needs the role operator. Nothing was done.`,
  });
}
