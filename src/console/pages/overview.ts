/** Where things stand: the state and what to do, the running cycle as it goes, counts, and the last cycles. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { z } from 'zod';
import { restart } from '../../cycle/restart.ts';
import { askedSentences, pause, resume, runNow } from '../../levers.ts';
import { nextRunOf } from '../../next-run.ts';
import { knownCredential } from '../../notify/credentials.ts';
import { effects } from '../../reset-effects.ts';
import { readCycles } from '../../state/cycles.ts';
import { readLastDrift } from '../../state/drift.ts';
import { defaultScopes, resetScopes, scopesOf } from '../../state/reset-scope.ts';
import { readStanding, type Standing } from '../../state/standing.ts';
import { recallCounts } from '../../state/user-counts.ts';
import { describeProgress, howMany } from '../../words.ts';
import { type Content, doneText, type Lever, lever, type Markup, moment, pill } from '../components.ts';
import { actorOf, type ConsoleContext, type ConsoleEnv, type Viewer } from '../context.ts';
import { badRequest } from '../errors.ts';
import { page } from '../layout.ts';
import { adviceOn } from './advice.ts';
import { cycleChart, cycleTable } from './cycle-list.ts';
import { stateTones } from './tones.ts';

/** So many cycles are in the chart: two days of the default schedule, and a little more. */
const shownCycles = 80;

/** What has been done, said at the top of the page that follows. */
const done: Readonly<Record<string, string>> = {
  sync: askedSentences.asked,
  'sync-paused': askedSentences.paused,
  'sync-running': askedSentences.running,
  'sync-waiting': askedSentences.waiting,
  pause: 'Paused. Everything is kept; a running cycle stops between two users.',
  resume: 'Provisioning goes on. The next cycle runs on schedule, or when you say so.',
  restart: 'The next cycle resets what you chose first. It runs on schedule, or when you say so.',
};

const restartForm = z.object({ scope: z.array(z.enum(resetScopes)).min(1) });

export function overviewPages(context: ConsoleContext): Hono<ConsoleEnv> {
  const { service } = context;
  const { pool } = service.database;
  const app = new Hono<ConsoleEnv>();
  const back = (word: string) => `/?done=${word}`;

  app.get('/', async (c) =>
    page(c, {
      title: 'Overview',
      section: '/',
      done: doneText(done, c.req.query('done')),
      body: await overview(context, c.get('viewer'), ['sync', 'sync-waiting'].includes(c.req.query('done') ?? '')),
    }),
  );
  app.post('/sync', async (c) => {
    const asked = await runNow(pool, await service.queue(), actorOf(c.get('viewer')));
    return c.redirect(back(asked === 'asked' ? 'sync' : `sync-${asked}`), 303);
  });
  app.post('/pause', async (c) => {
    await pause(pool, actorOf(c.get('viewer')));
    return c.redirect(back('pause'), 303);
  });
  app.post('/resume', async (c) => {
    await resume(pool, actorOf(c.get('viewer')));
    return c.redirect(back('resume'), 303);
  });
  app.post('/restart', async (c) => {
    const { scope } = await c.req.parseBody({ all: true });
    const form = restartForm.safeParse({ scope: [scope].flat() });
    if (!form.success) throw badRequest('Choose at least one thing to reset.');
    await restart(pool, scopesOf(form.data.scope), {
      expiryDays: service.settings.HELD_EXPIRY_DAYS,
      actor: actorOf(c.get('viewer')),
    });
    return c.redirect(back('restart'), 303);
  });
  return app;
}

/** `asked`: a cycle is about to begin, and whoever asked for it waits to see it move. */
async function overview(
  { service, pool, counts: counted }: ConsoleContext,
  viewer: Viewer,
  asked: boolean,
): Promise<Content> {
  const { settings } = service;
  const standing = await readStanding(pool, await recallCounts(counted));
  const cycles = await readCycles(pool, shownCycles);
  const nextRun = await nextRunOf(standing, settings.SYNC_SCHEDULE);
  const advice = adviceOn({
    standing,
    credential: await knownCredential(pool, settings),
    drift: await readLastDrift(pool),
    now: new Date(),
  });
  const pace = standing.state === 'running' ? 1 : asked ? 2 : 10;
  return html`
    <section data-live="${pace}" id="standing" class="standing">
      <p class="headline">${pill(stateTones[standing.state], standing.state)} ${headline(standing, nextRun)}</p>
      ${progress(standing)}
    </section>
    <section data-live="${pace}" id="advice" aria-label="What to do">${advice}</section>
    ${viewer.role === 'operator' ? html`<section data-live="${pace}" id="levers" aria-label="Levers">${levers(standing)}</section>` : ''}
    <section data-live="${pace * 2}" id="counts" aria-label="Users">
      ${counts(standing)}
    </section>
    <h2>Last cycles</h2>
    <section data-live="${pace * 2}" id="cycles" aria-label="Last cycles">
      ${cycles.length === 0 ? html`<p class="empty">None has run yet.</p>` : [cycleChart(cycles), cycleTable(cycles.slice(0, 12))]}
    </section>`;
}

function headline({ state, lastFinished }: Standing, nextRun: Date | undefined): Content {
  if (state === 'running') return 'A cycle is running.';
  const next = nextRun === undefined ? 'No cycle runs by itself.' : html`Next cycle ${moment(nextRun)} UTC.`;
  return lastFinished === null ? next : html`${next} The last one that finished did so ${moment(lastFinished)} UTC.`;
}

function progress({ progress: running }: Standing): Content {
  if (running === undefined) return '';
  const { done: reached, total } = running;
  const bar =
    total === null || total === 0
      ? html`<progress aria-label="Progress of the cycle"></progress>`
      : html`<progress aria-label="Progress of the cycle" value="${reached ?? 0}" max="${total}"></progress>`;
  return html`<p class="progress">${bar} <span>${describeProgress(running)}</span></p>`;
}

function counts({ users, failed, held, rejected, openOperations, toDate }: Standing): Markup {
  const waiting = held.reduce((sum, set) => sum + Object.values(set.kinds).reduce((all, count) => all + count, 0), 0);
  const { cycles, ...changes } = toDate;
  return html`<div class="counts">
    ${count('In scope in Entra', users.inScope, '/users?state=in-scope')}
    ${count('Active in Maptician', users.active, '/users?state=active')}
    ${count('Inactive in Maptician', users.linked - users.active, '/users?state=inactive')}
    ${count('Failed', failed, '/failures', 'bad')}
    ${count('Held', waiting, '/held', 'warn')}
    ${rejected > 0 ? count('Removal rejected', rejected, '/held') : ''}
    ${openOperations > 0 ? count('To be done', openOperations, '/queue') : ''}
  </div>
  ${cycles === 0 ? '' : html`<p class="quiet">In ${howMany(cycles, 'cycle')} that ended: ${words(changes)}</p>`}`;
}

function words(changes: Readonly<Record<string, number>>): string {
  return Object.entries(changes)
    .map(([name, number]) => `${number.toLocaleString('en')} ${name}`)
    .join(', ');
}

function count(name: string, number: number, href: string, tone?: 'bad' | 'warn'): Markup {
  const colour = number > 0 && tone !== undefined ? tone : '';
  return html`<a class="count ${colour}" href="${href}"><b>${number.toLocaleString('en')}</b> <span>${name}</span></a>`;
}

/** What an operator can do to the job as a whole. */
function levers({ state, job }: Standing): Markup {
  const paused = job.pausedAt !== null;
  const buttons: readonly (Lever | undefined)[] = [
    paused || state === 'running' ? undefined : { action: '/sync', label: 'Run a cycle now', tone: 'primary' },
    paused || job.quarantine !== null
      ? { action: '/resume', label: 'Resume', ...(paused ? { tone: 'primary' as const } : {}) }
      : undefined,
    paused
      ? undefined
      : {
          action: '/pause',
          label: 'Pause',
          explain:
            'No cycle begins any more until somebody resumes, and a running one stops between two users. Nothing is lost.',
        },
    {
      action: '/restart',
      label: 'Restart',
      explain: 'What you choose is reset when the next cycle begins. A paused job goes on.',
      body: scopeBoxes(),
      tone: 'danger',
    },
  ];
  return html`<div class="levers" role="group" aria-label="Provisioning as a whole">${buttons.map((button) => (button === undefined ? '' : lever(button)))}</div>`;
}

function scopeBoxes(): Markup {
  const shown = resetScopes.filter((scope) => scope !== 'None' && scope !== 'Full');
  return html`<fieldset><legend>What to reset</legend>${shown.map(
    (scope) =>
      html`<label><input type="checkbox" name="scope" value="${scope}"${defaultScopes.includes(scope) ? html` checked` : ''}> <span><b>${scope}</b>: ${effects[scope]}</span></label>`,
  )}</fieldset>`;
}
