/** What waits for an operator: held sets with their users, the answers to them, and removals that were rejected. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { answerHeld } from '../../cycle/answer-held.ts';
import { retry } from '../../levers.ts';
import { readAudit } from '../../state/audit.ts';
import { type HeldSet, readHeldSets } from '../../state/held-sets.ts';
import { readApproved, readHeldUsers, readRejectedUsers } from '../../state/held-users.ts';
import { howMany } from '../../words.ts';
import { type Content, empty, notice } from '../components.ts';
import { actorOf, type ConsoleContext, type ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { auditTable } from './audit-list.ts';
import { heldOverview, usersOf } from './held-sets.ts';
import { heldUsers } from './held-users.ts';

const usersShown = 100;
const answersShown = 8;

const listQuery = z.object({ after: z.guid().optional() });
const userForm = z.object({ user: z.guid() });

/** `seen` is how many users the set had when it was shown: whoever joined since was not looked at. */
const answerForm = z.discriminatedUnion('which', [
  z.object({ which: z.literal('chosen'), user: z.array(z.guid()).max(1000), after: z.guid().optional() }),
  z.object({ which: z.literal('all'), seen: z.coerce.number().int().positive() }),
]);

const words = { approve: 'approved', reject: 'rejected' } as const;

/** What has come of an answer, said on the page that follows. */
const outcomes = z.enum([
  'approved',
  'rejected',
  'retried',
  'not-rejected',
  'answered',
  'not-all-held',
  'grown',
  'none',
]);
const outcomeQuery = z.object({ done: outcomes.optional(), users: z.coerce.number().int().positive().optional() });

export function heldPages({ service, pool }: ConsoleContext): Hono<ConsoleEnv> {
  const { guard: rules } = service;
  const app = new Hono<ConsoleEnv>();

  app.get('/held', async (c) => {
    const { after } = listed(c);
    return page(c, {
      title: 'Held',
      section: '/held',
      body: [
        told(c),
        heldOverview({
          sets: await readHeldSets(pool),
          approved: await readApproved(pool),
          rejected: await readRejectedUsers(pool, { after, limit: usersShown }),
          answers: (await lastAnswers()).slice(0, answersShown),
          rules,
          viewer: c.get('viewer'),
        }),
      ],
    });
  });

  app.get('/held/:set{[0-9]{1,15}}', async (c) => {
    const set = Number(c.req.param('set'));
    const { after } = listed(c);
    const held = await findSet(set);
    if (held === undefined) return notHeld(c, set);
    const users = await readHeldUsers(pool, { set, after, limit: usersShown });
    return page(c, {
      title: `Held as set ${set}`,
      section: '/held',
      body: [told(c), heldUsers(held, users, after, rules, c.get('viewer'))],
    });
  });

  app.post('/held/:set{[0-9]{1,15}}/:answer{approve|reject}', async (c) => {
    const set = Number(c.req.param('set'));
    const answer = words[c.req.param('answer') as keyof typeof words];
    const { user, ...rest } = await c.req.parseBody({ all: true });
    const form = answerForm.safeParse({ ...rest, user: user === undefined ? [] : [user].flat() });
    if (!form.success) throw badRequest('The form is not complete. Go back, and load the page anew.');
    const chosen = form.data.which === 'chosen' ? form.data : undefined;
    const back = (done: z.infer<typeof outcomes>, users?: number) =>
      c.redirect(
        `${chosen === undefined ? '/held' : `/held/${set}`}?${queryOf({ done, users, after: chosen?.after })}`,
        303,
      );

    if (chosen?.user.length === 0) return back('none');
    if (form.data.which === 'all') {
      const held = await findSet(set);
      if (held !== undefined && usersOf(held) > form.data.seen) return back('grown');
    }
    const { kinds, unknown } = await answerHeld(service.database.pool, {
      answer,
      set,
      users: chosen?.user,
      expiryDays: rules.expiryDays,
      actor: actorOf(c.get('viewer')),
    });
    if (unknown.length > 0) return back('not-all-held');
    const users = Object.values(kinds).reduce((sum, count) => sum + count, 0);
    return users === 0 ? back('answered') : back(answer, users);
  });

  app.post('/held/retry', async (c) => {
    const form = userForm.safeParse(await c.req.parseBody());
    if (!form.success) throw badRequest('A user is named by the object id.');
    const tried = await retry(service.database.pool, form.data.user, actorOf(c.get('viewer')));
    return c.redirect(`/held?done=${tried.length === 0 ? 'not-rejected' : 'retried'}`, 303);
  });

  async function findSet(set: number): Promise<HeldSet | undefined> {
    return (await readHeldSets(pool)).find((held) => held.set === set);
  }

  async function lastAnswers() {
    return (await readAudit(pool, { limit: 200, actions: ['approve', 'reject'] })).entries;
  }

  /** Answered by somebody else, by the last of one's own answers, or by a cycle that found nothing to do. */
  async function notHeld(c: Context<ConsoleEnv>, set: number): Promise<Response> {
    const answers = (await lastAnswers()).filter(({ subject }) => subject === `set ${set}`);
    return page(c, {
      title: `Set ${set}`,
      section: '/held',
      body: [
        told(c),
        html`<p>Nothing is held as set ${set} any more.</p>`,
        answers.length === 0
          ? empty('Nobody answered it of late: a cycle found nothing to hold any more, or held it anew as another set.')
          : auditTable(answers),
        html`<p><a href="/held">What is held</a></p>`,
      ],
    });
  }

  return app;
}

function listed(c: Context<ConsoleEnv>): z.infer<typeof listQuery> {
  const query = listQuery.safeParse(c.req.query());
  if (!query.success) throw badRequest('This page of users is not known.');
  return query.data;
}

function queryOf(entries: Readonly<Record<string, string | number | undefined>>): URLSearchParams {
  return new URLSearchParams(
    Object.entries(entries).flatMap(([name, content]): [string, string][] =>
      content === undefined ? [] : [[name, String(content)]],
    ),
  );
}

/** What has come of the answer before, where there was one. */
function told(c: Context<ConsoleEnv>): Content {
  const { done, users = 0 } = outcomeQuery.safeParse(c.req.query()).data ?? {};
  const next = html`The next cycle, on schedule or <a href="/">run now from the overview</a>,`;
  switch (done) {
    case undefined:
      return '';
    case 'approved':
      return notice('good', html`Approved for ${howMany(users, 'user')}. ${next} carries it out.`);
    case 'rejected':
      return notice('good', `Rejected for ${howMany(users, 'user')}: nothing is done to them.`);
    case 'retried':
      return notice('good', html`The rejection is forgotten. ${next} decides again.`);
    case 'not-rejected':
      return notice('warn', 'Nothing was rejected for this user any more, so nothing was changed.');
    case 'answered':
      return notice(
        'warn',
        'Nothing was changed: none of it is held any more. Somebody else answered meanwhile, or a cycle found nothing to hold.',
      );
    case 'not-all-held':
      return notice(
        'warn',
        'Nothing was changed: some of the chosen users are not held in this set any more. What is held now is shown; choose again.',
      );
    case 'grown':
      return notice('warn', 'Nothing was changed: more users were held in this set since you looked. Look again.');
    case 'none':
      return notice('warn', 'Nothing was changed: choose at least one user.');
  }
}
