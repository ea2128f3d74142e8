/** Failures by what is wrong: how many, what to do, and trying them again. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { retry } from '../../levers.ts';
import { type FailureGroup, readFailureGroups } from '../../state/failure-groups.ts';
import { type Job, readJob } from '../../state/job.ts';
import { type FailureCause, type ListedUser, readUserList } from '../../state/user-list.ts';
import { actionFor, cell, howMany } from '../../words.ts';
import {
  type Content,
  doneText,
  empty,
  facts,
  lever,
  type Markup,
  moment,
  nextPage,
  notice,
  table,
} from '../components.ts';
import { actorOf, type ConsoleContext, type ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { spoken } from '../spoken.ts';

const perPage = 50;

const cause = z.object({
  code: z.string().regex(/^\w{1,100}$/),
  status: z.coerce.number().int().min(100).max(999).optional(),
});
const usersQuery = cause.extend({ after: z.guid().optional() });

const done: Readonly<Record<string, string>> = {
  retry: 'The next cycle tries them again. It runs on schedule, or when you say so on the overview.',
  'retry-nobody': 'Nobody was left to be tried again: others, or a cycle, were quicker.',
};

export function failuresPages({ service, pool }: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  const again = async (c: Context<ConsoleEnv>, users: FailureCause | undefined) => {
    const tried = await retry(service.database.pool, users, actorOf(c.get('viewer')));
    return c.redirect(`/failures?done=${tried.length === 0 ? 'retry-nobody' : 'retry'}`, 303);
  };

  app.get('/failures', async (c) => {
    const groups = await readFailureGroups(pool);
    const operator = c.get('viewer').role === 'operator';
    return page(c, {
      title: 'Failures',
      section: '/failures',
      done: doneText(done, c.req.query('done')),
      body:
        groups.length === 0
          ? nothing(await readJob(pool))
          : [summary(groups, operator), groups.map((group) => section(group, operator))],
    });
  });
  app.get('/failures/users', async (c) => {
    const query = usersQuery.safeParse(c.req.query());
    if (!query.success) throw badRequest('There is no such cause of failures.');
    const { after, ...asked } = query.data;
    const list = await readUserList(pool, { cause: causeOf(asked) }, { after, limit: perPage });
    return page(c, {
      title: `Failed with ${nameOf(causeOf(asked))}`,
      section: '/failures',
      body: html`<p><a href="/failures">All failures</a></p>
        <p>${spoken(actionFor(asked.code))}</p>
        ${list.users.length === 0 ? empty('Nobody fails for this cause any more.') : failedTable(list.users, c.get('viewer').role === 'operator')}
        ${nextPage(list.next && `${hrefOf(causeOf(asked))}&after=${list.next}`)}`,
    });
  });
  app.post('/failures/retry', async (c) => {
    const form = cause.safeParse(await c.req.parseBody());
    if (!form.success) throw badRequest('Choose a cause of failures.');
    return again(c, causeOf(form.data));
  });
  app.post('/failures/retry-all', (c) => again(c, undefined));
  return app;
}

function causeOf({ code, status }: z.infer<typeof cause>): FailureCause {
  return { code, httpStatus: status ?? null };
}

function nameOf({ code, httpStatus }: FailureCause): string {
  return httpStatus === null ? code : `${code} (${httpStatus})`;
}

function hrefOf({ code, httpStatus }: FailureCause): string {
  return `/failures/users?code=${code}${httpStatus === null ? '' : `&status=${httpStatus}`}`;
}

function nothing({ quarantine, pausedAt }: Job): Markup {
  if (quarantine !== null || pausedAt !== null) {
    const state = quarantine === null ? 'paused' : 'in quarantine';
    return notice(
      'warn',
      html`No user has failed by itself, but provisioning is ${state}. <a href="/">See the overview</a>`,
    );
  }
  return notice('good', 'Nobody has failed: every change was carried out, or waits for something else.');
}

function summary(groups: readonly FailureGroup[], operator: boolean): Markup {
  const users = groups.reduce((sum, group) => sum + group.users, 0);
  const givenUp = groups.reduce((sum, group) => sum + group.givenUp, 0);
  return html`<p>${howMany(users, 'user')} failed, for ${howMany(groups.length, 'cause')}. Each is tried again by itself, at once when something changes that may mend it.</p>
    ${givenUp === 0 ? '' : notice('warn', `${howMany(givenUp, 'user')} failed for 28 days and ${givenUp === 1 ? 'is' : 'are'} not tried by ${givenUp === 1 ? 'itself' : 'themselves'} any more: a change or a retry tries again.`)}
    ${operator && groups.length > 1 ? html`<div class="levers">${lever({ action: '/failures/retry-all', label: 'Retry everyone', explain: `The next cycle tries all ${howMany(users, 'user')} again, whatever was refused before. What has not been mended fails again.` })}</div>` : ''}`;
}

function section(group: FailureGroup, operator: boolean): Markup {
  const { code, httpStatus, users, givenUp, reasons, action, nextRetryAt } = group;
  return html`<section class="cause" aria-labelledby="cause-${code}-${httpStatus ?? 'none'}">
    <h2 id="cause-${code}-${httpStatus ?? 'none'}">${nameOf(group)}: <a href="${hrefOf(group)}">${users.toLocaleString('en')} ${users === 1 ? 'user' : 'users'}</a></h2>
    ${action === '' ? '' : html`<p>${spoken(action)}</p>`}
    <p class="quiet">What was said:</p>
    <ul>${reasons.map((reason) => html`<li>${reason}</li>`)}</ul>
    ${facts([
      ['First', html`${moment(group.firstFailedAt)} UTC`],
      ['Last', html`${moment(group.lastFailedAt)} UTC`],
      ['Next try', nextTry(nextRetryAt)],
      ...(givenUp === 0 ? [] : [['Given up', givenUp.toLocaleString('en')] as const]),
    ])}
    ${operator ? lever({ action: '/failures/retry', label: users === 1 ? 'Retry this user' : `Retry these ${users.toLocaleString('en')}`, fields: { code, ...(httpStatus === null ? {} : { status: httpStatus }) } }) : ''}
  </section>`;
}

function nextTry(at: Date | null): Content {
  if (at === null) return 'not by itself any more';
  return at.getTime() <= Date.now() ? 'in the next cycle' : html`${moment(at)} UTC`;
}

function failedTable(users: readonly ListedUser[], operator: boolean): Markup {
  return table(
    'Users who failed',
    [
      'User',
      'Name',
      'What was said',
      'Tried',
      'Since (UTC)',
      'Next try (UTC)',
      ...(operator ? [html`<span class="unseen">Lever</span>`] : []),
    ],
    users.map(({ id, userName, displayName, failure }) => [
      html`<a href="/users/${id}">${userName ?? id}</a>`,
      cell(displayName),
      cell(failure?.reason),
      failure === null ? '–' : howMany(failure.attempts, 'time'),
      moment(failure?.firstFailedAt),
      failure === null ? '–' : nextTry(failure.nextRetryAt),
      ...(operator ? [lever({ action: `/users/${id}/retry`, label: 'Retry' })] : []),
    ]),
  );
}
