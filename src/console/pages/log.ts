/** The provisioning log: its list, one entry, and files of it. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import { installationFacts } from '../../log-export/installation-facts.ts';
import { findLogUsers } from '../../state/log-filter.ts';
import { readFoldedPage, readLogEntry, readLogPage, readNeighbours } from '../../state/log-page.ts';
import { readUserNames } from '../../state/user-names.ts';
import { howMany } from '../../words.ts';
import { type Content, notice, table } from '../components.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { fileName, fileOf, formOf } from './log-download.ts';
import { logEntry } from './log-entry.ts';
import { logList } from './log-list.ts';
import { filterOf, isFolded, type LogQuery, logLink, readLogQuery } from './log-query.ts';

const pageSize = 50;
/** Of those who have a name in common. */
const namesShown = 20;

const searchForm = z.object({ name: z.string().trim().min(1).max(400) });

export function logPages({ service, pool, signal }: ConsoleContext): Hono<ConsoleEnv> {
  const { settings } = service;
  const app = new Hono<ConsoleEnv>();

  app.get('/log', async (c) => {
    const { query, mistakes } = readLogQuery(c.req.query());
    const now = new Date();
    const found = mistakes.length > 0 ? nothing : await readLines(query, now);
    if (mistakes.length > 0) c.status(400);
    return page(c, {
      title: 'Provisioning log',
      section: '/log',
      body: logList({ ...found, query, mistakes, given: c.req.query(), userName: await nameOf(query), now }),
    });
  });

  app.post('/log/search', async (c) => {
    const { name, ...others } = await c.req.parseBody();
    const form = searchForm.safeParse({ name });
    if (!form.success) throw badRequest('Say whose entries: a userName, an object id, or a Maptician id.');
    const { query } = readLogQuery(others);
    const found = await findLogUsers(pool, form.data.name);
    const [user] = found;
    if (user !== undefined && found.length === 1) return c.redirect(logLink(query, { user, before: undefined }), 303);
    return page(c, {
      title: 'Provisioning log',
      section: '/log',
      body: [await notOne(form.data.name, found, query), html`<p><a href="${logLink(query)}">Back to the log</a></p>`],
    });
  });

  app.get('/log/download/:file', async (c) => {
    const file = c.req.param('file');
    const form = formOf(file);
    if (form === undefined) return c.notFound();
    const { query, mistakes } = readLogQuery(c.req.query());
    if (mistakes.length > 0) throw badRequest(mistakes.join(' '));
    const now = new Date();
    const content = fileOf(form, {
      db: pool,
      filter: { ...filterOf(query, now.getTime()), before: query.before },
      facts: await installationFacts(settings, { pool }),
      signal,
      log: service.log,
    });
    return c.body(content, 200, {
      'Content-Type': form.type,
      'Content-Disposition': `attachment; filename="${fileName(file, now)}"`,
      'Cache-Control': 'no-store',
    });
  });

  app.get('/log/:id{[0-9]{1,15}}', async (c) => {
    const entry = await readLogEntry(pool, Number(c.req.param('id')));
    if (entry === undefined) {
      throw new HTTPException(404, {
        message: 'The log has no entry of this number. It may be older than LOG_RETENTION_DAYS keeps it.',
      });
    }
    return page(c, {
      title: `Entry ${entry.id} of the provisioning log`,
      section: '/log',
      body: logEntry(entry, await readNeighbours(pool, entry), await installationFacts(settings, { pool }), new Date()),
    });
  });

  async function readLines(query: LogQuery, now: Date) {
    const filter = filterOf(query, now.getTime());
    const request = { before: query.before, limit: pageSize };
    if (isFolded(query)) return readFoldedPage(pool, filter, request);
    const { records, ...rest } = await readLogPage(pool, filter, request);
    return { ...rest, lines: records.map((entry) => ({ entry, times: 1, since: entry.activityAt })) };
  }

  async function nameOf({ user }: LogQuery): Promise<string | undefined> {
    return user === undefined ? undefined : (await readUserNames(pool, [user])).get(user);
  }

  async function notOne(name: string, found: readonly string[], query: LogQuery): Promise<Content> {
    if (found.length === 0) {
      return notice(
        'warn',
        `Nobody has the userName, object id or Maptician id "${name}", and nobody had it in the newest entries of the log. Part of a name is looked for on the page of users.`,
      );
    }
    const shown = found.slice(0, namesShown);
    const names = await readUserNames(pool, shown);
    return [
      notice('warn', `${howMany(found.length, 'user')} have or had "${name}". Whose entries?`),
      table(
        'Users of this name',
        ['User', 'Object id'],
        shown.map((user) => [
          html`<a href="${logLink(query, { user, before: undefined })}">${names.get(user) ?? name}</a>`,
          html`<code>${user}</code>`,
        ]),
      ),
    ];
  }

  return app;
}

const nothing = { lines: [], next: undefined, lookedTo: undefined };
