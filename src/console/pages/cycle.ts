/** One cycle: what it did, what stopped it, and the way to its log. */
import { Hono } from 'hono';
import { html } from 'hono/html';
import { HTTPException } from 'hono/http-exception';
import { readCycle } from '../../state/cycles.ts';
import { actionFor } from '../../words.ts';
import { facts, moment, notice, pill } from '../components.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { page } from '../layout.ts';
import { spoken } from '../spoken.ts';
import { describeDuration, durationOf } from './cycle-list.ts';
import { cycleTones } from './tones.ts';

export function cyclePages({ pool }: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  app.get('/cycles/:id{[0-9]{1,15}}', async (c) => {
    const cycle = await readCycle(pool, Number(c.req.param('id')));
    if (cycle === undefined) throw new HTTPException(404, { message: 'There is no cycle of this number.' });
    const { stopMessage, stopDetail, stopCode, counts, warnings, state } = cycle;
    return page(c, {
      title: `Cycle ${cycle.id}`,
      section: '/',
      body: html`
        ${stopMessage === null ? '' : notice(state === 'interrupted' ? 'calm' : 'bad', html`<strong>${stopCode}:</strong> ${stopMessage}. ${spoken(actionFor(stopCode))}${stopDetail === null ? '' : html`<br><small>${stopDetail}</small>`}`)}
        ${warnings.map((warning) => notice('warn', warning))}
        ${facts([
          ['Outcome', pill(cycleTones[state], state)],
          ['Kind', cycle.kind],
          ['By', cycle.trigger],
          ['Began', html`${moment(cycle.startedAt)} UTC`],
          ['Ended', html`${moment(cycle.endedAt)} UTC`],
          ['Took', describeDuration(durationOf(cycle))],
          ...(cycle.endedAt === null ? [['Phase', cycle.phase] as const] : []),
          ...Object.entries(counts ?? {}).map(([name, number]) => [name, number.toLocaleString('en')] as const),
        ])}
        <p><a href="/log?cycle=${cycle.id}">Its entries in the provisioning log</a></p>`,
    });
  });
  return app;
}
