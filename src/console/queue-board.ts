/**
 * The queue, as bull-board shows it (https://github.com/felixmosh/bull-board): a page of its own with a script of its own. A
 * reader's has no buttons.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import { type Context, Hono } from 'hono';
import { cloneRawRequest } from 'hono/request';
import { type QueueBackend, queueNames } from '../queue/backend.ts';
import { writeAudit } from '../state/audit.ts';
import { actorOf, type ConsoleContext, type ConsoleEnv, type Role } from './context.ts';
import { notFound } from './errors.ts';

const base = '/queue/board';

export function queueBoard({ service }: ConsoleContext): Hono<ConsoleEnv> {
  const boards = new Map<Role, Hono>();
  const boardOf = async (role: Role): Promise<Hono> => {
    const known = boards.get(role);
    if (known !== undefined) return known;
    const board = openBoard(await service.queue(), { readOnly: role !== 'operator' });
    boards.set(role, board);
    return board;
  };
  const pull = async (c: Context<ConsoleEnv>, board: Hono, lever: QueueLever): Promise<Response> => {
    const { pool } = service.database;
    const actor = actorOf(c.get('viewer'));
    // Before it is done: nothing is done that nobody could read of.
    await writeAudit(pool, { actor, ...lever });
    // Its body has been read by then, if it has one.
    const response = await board.fetch(c.req.raw.bodyUsed ? await cloneRawRequest(c.req) : c.req.raw);
    if (response.status >= 400) {
      const { action, subject } = lever;
      await writeAudit(pool, { actor, action: `${action} refused`, subject, detail: { httpStatus: response.status } });
    }
    return response;
  };
  const app = new Hono<ConsoleEnv>();
  app.all(`${base}/*`, async (c) => {
    const viewer = c.get('viewer');
    const { method, path } = c.req;
    const board = await boardOf(viewer.role);
    if (method !== 'GET' && method !== 'HEAD') {
      const lever = leverOf(board, method, path);
      return lever === undefined ? notFound(c) : pull(c, board, lever);
    }
    const response = await board.fetch(c.req.raw);
    const type = response.headers.get('Content-Type') ?? '';
    if (!type.startsWith('text/html')) return response;
    return c.html(withoutStrangers(await response.text()), response.status === 200 ? 200 : 404);
  });
  return app;
}

interface QueueLever {
  readonly action: string;
  readonly subject: string;
}

/**
 * What is pulled, and on what, by bull-board's own route for it: `…/api/queues/operations/12/retry` is `queue retry` on
 * `operations 12`. Undefined where it has none, or there is no such queue.
 */
function leverOf(board: Hono, method: string, path: string): QueueLever | undefined {
  const route = board.router.match(method, path)[0][0]?.[0][1].path;
  if (route === undefined) return undefined;
  const given = partsOf(path).map(decodeURIComponent);
  const named = partsOf(route).map((name, index) => ({ name, text: given[index] ?? '' }));
  const queue = named.find(({ name }) => name === ':queueName')?.text;
  if (queue !== undefined && !queueNames.some((name) => name === queue)) return undefined;
  const verbs = named.filter(({ name }) => !things.includes(name)).map(({ text }) => text);
  const subject = named.filter(({ name }) => things.includes(name)).map(({ text }) => text.slice(0, 200));
  return { action: `queue ${verbs.join(' ')}`, subject: subject.length === 0 ? 'all queues' : subject.join(' ') };
}

/** Those of a route's parameters that name what something is done to. */
const things = [':queueName', ':jobId', ':schedulerId'];

function partsOf(path: string): string[] {
  return path.slice(`${base}/api/queues/`.length).split('/');
}

function openBoard(backend: QueueBackend, { readOnly }: { readonly readOnly: boolean }): Hono {
  const server = new HonoAdapter(serveStatic).setBasePath(base);
  createBullBoard({
    queues: queueNames.map((name) => new BullMQAdapter(backend.queue(name), { readOnlyMode: readOnly })),
    serverAdapter: server,
    options: {
      uiConfig: {
        boardTitle: 'Queue',
        boardLogo: { path: '/assets/icon.svg', width: 24, height: 24 },
        favIcon: { default: '/assets/icon.svg', alternative: '/assets/icon.svg' },
        miscLinks: [{ text: 'Back to the console', url: '/queue' }],
        hideDocsLink: true,
        // Its button is Redis's sign.
        hideRedisDetails: backend.kind !== 'redis',
      },
    },
  });
  return new Hono({ strict: false }).route(base, server.registerPlugin());
}

/** The template loads fonts from Google, who is none of our business; the script brings its own fallback. */
function withoutStrangers(html: string): string {
  return html.replaceAll(/<link\b[^>]*\bhref="https?:[^>]*>/g, '');
}
