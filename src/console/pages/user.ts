/** One user: in scope or not and why, how the account is, what comes next, and what was done before. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { type Why, why } from '../../cycle/why.ts';
import { retry } from '../../levers.ts';
import { type LogPage, readLogPage } from '../../state/log-page.ts';
import { type Content, doneText, lever, notice } from '../components.ts';
import { actorOf, type ConsoleContext, type ConsoleEnv, type Viewer } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { provisionNow, removeAfterAll } from './user-levers.ts';
import { accountFacts, attributes, failure, history, hold, mapticianIsLate, scope } from './user-parts.ts';

const entriesShown = 20;

/**
 * Milliseconds for which Maptician is waited for while somebody waits for the page: a request takes a fraction of that, and
 * one that was asked for expressly may take longer.
 */
const waitFor = { page: 1_500, asked: 20_000 };

const userQuery = z.object({
  before: z.coerce.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional(),
  ask: z.literal('maptician').optional(),
});

const done: Readonly<Record<string, string>> = {
  retry: 'The next cycle tries this user again. It runs on schedule, or when you say so on the overview.',
  'retry-nothing': 'There was nothing to try again: this user has neither failed nor had a removal rejected.',
};

export function userPages({ service, pool }: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();

  app.get('/users/:id', async (c) => {
    const id = c.req.param('id').toLowerCase();
    const query = userQuery.safeParse(c.req.query());
    if (!query.success) throw badRequest('There is no such page of this user.');
    if (!z.guid().safeParse(id).success) return unknown(c, undefined, undefined);
    const { before, ask } = query.data;
    const [found, log] = await Promise.all([
      why({ ...service.whyContext(), pool }, id, { within: ask === undefined ? waitFor.page : waitFor.asked }),
      readLogPage(pool, { user: id }, { before, limit: entriesShown }),
    ]);
    if (found === undefined) return unknown(c, id, log);
    return page(c, {
      title: found.userName ?? id,
      section: '/users',
      done: doneText(done, c.req.query('done')),
      body: body(found, log, c.get('viewer')),
    });
  });
  app.post('/users/:id/retry', async (c) => {
    const id = z.guid().safeParse(c.req.param('id').toLowerCase());
    if (!id.success) throw badRequest('A user is named by the object id here.');
    const tried = await retry(service.database.pool, id.data, actorOf(c.get('viewer')));
    return c.redirect(`/users/${id.data}?done=${tried.length === 0 ? 'retry-nothing' : 'retry'}`, 303);
  });
  return app;
}

function body(found: Why, log: LogPage, viewer: Viewer): Content {
  const { id, comparison, standing } = found;
  return html`
    ${failure(found)}
    ${hold(found)}
    ${accountFacts(found)}
    ${viewer.role === 'operator' ? levers(found) : ''}
    ${scope(found)}
    <h2 id="attributes">Wanted, applied, and in Maptician</h2>
    ${comparison.account === 'unread' ? mapticianIsLate(found) : ''}
    ${comparison.unmapped === null ? '' : notice('bad', `No values can be worked out: ${comparison.unmapped}`)}
    ${attributes(found)}
    <h2 id="history">History</h2>
    ${history(id, log)}
    ${standing.failure === null ? '' : html`<p class="quiet">Others may have failed for the same reason: <a href="/failures">all failures</a>.</p>`}`;
}

function levers({ id, decision, standing: { failure: failed, rejectedRemoval } }: Why): Content {
  const action = `/users/${id}/retry`;
  return html`<div class="levers" role="group" aria-label="This user">
    ${lever({ action: `/users/${id}/provision`, label: 'Look only (dry run)', fields: { mode: 'dry-run' } })}
    ${provisionNow(id, decision?.kind)}
    ${failed !== null ? lever({ action, label: 'Retry in the next cycle' }) : rejectedRemoval === null ? '' : removeAfterAll(rejectedRemoval, { action })}
  </div>`;
}

/** Who has left and been forgotten has a history all the same. */
function unknown(c: Context<ConsoleEnv>, id: string | undefined, log: LogPage | undefined): Promise<Response> {
  c.status(404);
  const operator = c.get('viewer').role === 'operator';
  return page(c, {
    title: 'Nobody is known by this id',
    section: '/users',
    body: html`
      <p>Who was not assigned when Entra was last read is not kept here, and whoever has left is forgotten once the account is gone.</p>
      ${id === undefined ? html`<p>A user is named by the Entra object id here. By name: <a href="/users">search</a>.</p>` : ''}
      ${id === undefined || !operator ? '' : lever({ action: `/users/${id}/provision`, label: 'Look in Entra', fields: { mode: 'dry-run' } })}
      ${id === undefined || log === undefined || log.records.length === 0 ? '' : html`<h2 id="history">What was done before</h2>${history(id, log)}`}
      <p><a href="/users">To the users</a></p>`,
  });
}
