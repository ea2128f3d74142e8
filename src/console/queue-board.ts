/**
 * The queue, as bull-board shows it (https://github.com/felixmosh/bull-board): a page of its own with a script of its own. A
 * reader's has no buttons.
 */
import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { HonoAdapter } from '@bull-board/hono';
import { serveStatic } from '@hono/node-server/serve-static';
import { Hono } from 'hono';
import { type QueueBackend, queueNames } from '../queue/backend.ts';
import { writeAudit } from '../state/audit.ts';
import { actorOf, type ConsoleContext, type ConsoleEnv, type Role } from './context.ts';

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
  const app = new Hono<ConsoleEnv>();
  app.all(`${base}/*`, async (c) => {
    const viewer = c.get('viewer');
    const { method, path } = c.req;
    const board = await boardOf(viewer.role);
    if (viewer.role === 'operator' && method !== 'GET' && method !== 'HEAD') {
      // Before it is done: nothing is done that nobody could read of.
      await writeAudit(service.database.pool, { actor: actorOf(viewer), ...leverOf(path) });
    }
    const response = await board.fetch(c.req.raw);
    const type = response.headers.get('Content-Type') ?? '';
    if (!type.startsWith('text/html')) return response;
    return c.html(withoutStrangers(await response.text()), response.status === 200 ? 200 : 404);
  });
  return app;
}

/** What was pulled, and on what: `…/api/queues/operations/12/retry` is `queue retry` on `operations 12`. */
function leverOf(path: string): { action: string; subject: string } {
  const parts = path.slice(`${base}/api/queues/`.length).split('/').map(decodeURIComponent);
  const verbs = parts.filter((part) => !queueNames.some((name) => name === part) && !/\d/.test(part));
  const things = parts.filter((part) => !verbs.includes(part));
  return { action: `queue ${verbs.join(' ')}`, subject: things.length === 0 ? 'all queues' : things.join(' ') };
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
