/** Signing in and out. */
import { type Context, Hono } from 'hono';
import { z } from 'zod';
import type { Log } from '../../log.ts';
import type { ConsoleEnv } from '../context.ts';
import { notFound } from '../errors.ts';
import { page } from '../layout.ts';
import { type Authentication, personOf } from './authentication.ts';
import { nameOf } from './claims.ts';
import { cookie } from './cookies.ts';
import { beginSignIn, finishSignIn, problems, readFlow, SignInError, writeFlow } from './entra-sign-in.ts';
import { localPath } from './local-path.ts';
import { type SignInPage, signInBody } from './sign-in-page.ts';

const questionSchema = z.object({
  to: z.string().optional(),
  problem: z.enum(problems).optional().catch(undefined),
  done: z.literal('signed-out').optional().catch(undefined),
  choose: z.literal('1').optional().catch(undefined),
});
const tokenSchema = z.object({ token: z.string().max(4096).catch(''), to: z.string().optional().catch(undefined) });

export function signInPages(authentication: Authentication, log: Log): Hono<ConsoleEnv> {
  const { entra, tokens, origin } = authentication;
  const app = new Hono<ConsoleEnv>();
  const redirect = `${origin}/sign-in/callback`;
  const flowCookie = cookie('maptician-sync-sign-in', { origin, seconds: 600 });

  const show = (c: Context<ConsoleEnv>, { to, problem }: Pick<SignInPage, 'to' | 'problem'>, done?: string) =>
    page(c, {
      title: 'Sign in',
      body: signInBody({ to, problem, entra: entra?.host, token: tokens.some }),
      ...(done === undefined ? {} : { done }),
    });
  /** Back to the page, and not shown here: the code must not stay in the address. */
  const sayProblem = async (c: Context<ConsoleEnv>, thrown: unknown): Promise<Response> => {
    if (!(thrown instanceof SignInError)) throw thrown;
    log.warn({ problem: thrown.problem }, `nobody was signed in with Entra: ${thrown.message}`);
    return c.redirect(`/sign-in?problem=${thrown.problem}`, 303);
  };

  app.get('/sign-in', async (c) => {
    const { to: given, problem, done } = questionSchema.parse(c.req.query());
    const to = localPath(given);
    if ((await authentication.viewer(c)) !== undefined) return c.redirect(to, 303);
    return show(c, { to, problem }, done === undefined ? undefined : 'You are signed out.');
  });

  app.post('/sign-in', async (c) => {
    const { token, to: given } = tokenSchema.parse(await c.req.parseBody());
    const to = localPath(given);
    const person = tokens.find(token);
    if (person !== undefined) {
      await authentication.begin(c, person, 'token');
      return c.redirect(to, 303);
    }
    await authentication.allow(c, 'token');
    await authentication.failed(c, 'token', { attempt: 'token' });
    c.status(401);
    return show(c, { to, problem: 'token' });
  });

  app.get('/sign-in/entra', async (c) => {
    if (entra === undefined) return notFound(c);
    const { to, choose } = questionSchema.parse(c.req.query());
    try {
      const { url, flow } = await beginSignIn(entra, { redirect, to: localPath(to), choose: choose !== undefined });
      flowCookie.set(c, writeFlow(flow));
      return c.redirect(url.href, 303);
    } catch (thrown) {
      return sayProblem(c, thrown);
    }
  });

  app.get('/sign-in/callback', async (c) => {
    if (entra === undefined) return notFound(c);
    await authentication.allow(c, 'code');
    const flow = readFlow(flowCookie.get(c));
    flowCookie.delete(c);
    if (flow === undefined) return c.redirect('/sign-in?problem=restart', 303);
    try {
      const claims = await finishSignIn(entra, { redirect, search: new URL(c.req.url).search, flow });
      const person = personOf(claims);
      if (person !== undefined) {
        await authentication.begin(c, person, 'entra');
        return c.redirect(localPath(flow.to), 303);
      }
      await authentication.failed(c, 'entra, without a role', { who: nameOf(claims) });
      throw new SignInError('no-role', 'somebody has neither of the app roles');
    } catch (thrown) {
      const { problem, asked = false } = thrown instanceof SignInError ? thrown : {};
      if (problem === 'invalid' || problem === 'restart' || problem === 'refused') {
        // Whoever sends codes of their own has each looked up at the authority, in the console's name.
        await authentication.failed(c, `entra, ${problem}`, { attempt: asked ? 'code' : undefined });
      }
      return sayProblem(c, thrown);
    }
  });

  app.post('/sign-out', async (c) => {
    await authentication.end(c);
    return c.redirect('/sign-in?done=signed-out', 303);
  });
  return app;
}
