/** Errors as a person in a browser, or a script, should see them. */
import type { Context } from 'hono';
import { html } from 'hono/html';
import { HTTPException } from 'hono/http-exception';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import pg from 'pg';
import { type ErrorCode, recommendedAction, toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ConsoleEnv } from './context.ts';
import { page } from './layout.ts';
import { spoken } from './spoken.ts';

/** Graph's form of an error (https://learn.microsoft.com/graph/errors#json-representation); the whole API uses it. */
export function jsonError(
  c: Context<ConsoleEnv>,
  status: ContentfulStatusCode,
  code: string,
  message: string,
): Response {
  return c.json({ error: { code, message } }, status);
}

/** Whether a script asks, and not a browser. */
export function isApi(path: string): boolean {
  return /^\/(api|v1\.0|beta|metrics|healthz|readyz)(\/|$)/.test(path);
}

export async function notFound(c: Context<ConsoleEnv>): Promise<Response> {
  if (isApi(c.req.path))
    return jsonError(c, 404, 'ResourceNotFound', `Nothing is at ${c.req.path}. See /api/openapi.json.`);
  c.status(404);
  return page(c, { title: 'Not found', body: html`<p>Nothing is here. <a href="/">To the overview</a></p>` });
}

/** What has no class is logged with its place, and not told: it may quote a value. */
export async function failed(c: Context<ConsoleEnv>, thrown: Error, log: Log): Promise<Response> {
  if (thrown instanceof HTTPException) return refused(c, thrown);
  const late = lateness(thrown);
  if (late !== undefined) {
    log.warn({ path: c.req.routePath }, `the console could not answer: ${late}`);
    return refused(c, new HTTPException(503, { message: late }));
  }
  const error = toSyncError(thrown);
  const unknown = error.code === 'InternalError';
  if (unknown) log.error({ err: thrown, path: c.req.routePath }, 'the console could not answer');
  const message = unknown ? 'Something went wrong here; the log of the service has more.' : error.message;
  const status = statusOf(error.code);
  if (isApi(c.req.path)) return jsonError(c, status, error.code, `${message} ${recommendedAction(error.code)}`);
  c.status(status);
  return page(c, {
    title: 'That did not work',
    body: html`<p>${message}</p><p>${spoken(recommendedAction(error.code))}</p>`,
  });
}

/** What is told of a statement that was stopped, or had none of the console's connections left; undefined for all else. */
function lateness(thrown: Error): string | undefined {
  if (thrown instanceof pg.DatabaseError && thrown.code === queryCanceled) {
    return 'The state database took too long over this, so it was stopped. Ask for less, such as a shorter time or one user, or try again when there is less to do.';
  }
  return thrown.message === noConnection
    ? 'The state database is busy with what others look at. Try again in a moment.'
    : undefined;
}

/** SQLSTATE of a statement that statement_timeout stopped. */
const queryCanceled = '57014';
/** What the pool of the driver says; it has no code for it. */
const noConnection = 'timeout exceeded when trying to connect';

async function refused(c: Context<ConsoleEnv>, { status, message, res }: HTTPException): Promise<Response> {
  const codes: Readonly<Record<number, string>> = {
    400: 'BadRequest',
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'ResourceNotFound',
    409: 'Conflict',
    413: 'RequestEntityTooLarge',
    429: 'TooManyRequests',
    503: 'ServiceUnavailable',
  };
  const comeAgain = res?.headers.get('Retry-After');
  if (comeAgain) c.header('Retry-After', comeAgain);
  if (isApi(c.req.path)) return jsonError(c, status as ContentfulStatusCode, codes[status] ?? 'BadRequest', message);
  c.status(status);
  return page(c, {
    title: status === 404 ? 'Not found' : 'Refused',
    body: html`<p>${message}</p><p><a href="/">To the overview</a></p>`,
  });
}

function statusOf(code: ErrorCode): ContentfulStatusCode {
  if (code === 'InternalError') return 500;
  return code === 'Misconfigured' ? 400 : 502;
}

/** A request that asks for nothing that can be done; `message` is for whoever sent it. */
export function badRequest(message: string): HTTPException {
  return new HTTPException(400, { message });
}
