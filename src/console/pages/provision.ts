/** Provisioning one user on demand: the steps are shown as they happen. */
import { type Context, Hono } from 'hono';
import { html } from 'hono/html';
import { HTTPException } from 'hono/http-exception';
import { z } from 'zod';
import {
  advicesOn,
  detailsOf,
  isOutside,
  marks,
  nothingWritten,
  outcomeOf,
} from '../../cycle/describe-provisioning.ts';
import type { ProvisionResult } from '../../cycle/provision.ts';
import type { ActStep, ProvisioningStep } from '../../cycle/provision-steps.ts';
import { scopeOfUser } from '../../cycle/scope-of-user.ts';
import { recommendedAction, toSyncError } from '../../errors.ts';
import { cell, shortAttribute } from '../../words.ts';
import { type Content, type Markup, notice, table } from '../components.ts';
import type { ConsoleContext, ConsoleEnv } from '../context.ts';
import { badRequest } from '../errors.ts';
import { growingPage } from '../layout.ts';
import { provisionByHand } from '../provision-by-hand.ts';
import { spoken } from '../spoken.ts';
import { logTones } from './tones.ts';
import { provisionNow } from './user-levers.ts';

const modes = ['now', 'dry-run'] as const;
type Mode = (typeof modes)[number];

const form = z.object({ mode: z.enum(modes), user: z.string().trim().min(1).max(200) });

export function provisionPages(context: ConsoleContext): Hono<ConsoleEnv> {
  const app = new Hono<ConsoleEnv>();
  const run = (c: Context<ConsoleEnv>, fields: unknown) => {
    const asked = form.safeParse(fields);
    if (!asked.success) throw badRequest('Name a user by userPrincipalName or object id, to provision or to look at.');
    return provisionOne(c, context, asked.data.user, asked.data.mode);
  };
  app.post('/users/provision', async (c) => run(c, await c.req.parseBody()));
  app.post('/users/:id/provision', async (c) => run(c, { ...(await c.req.parseBody()), user: c.req.param('id') }));
  return app;
}

function provisionOne(c: Context<ConsoleEnv>, context: ConsoleContext, user: string, mode: Mode): Promise<Response> {
  const { service, signal, turns } = context;
  const dryRun = mode === 'dry-run';
  turns.refuseWhenFull();
  return growingPage(
    c,
    { title: dryRun ? 'What would be done' : 'Provision now', section: '/users' },
    async (page) => {
      await page.add(html`<p>${cell(user)}</p><ol class="steps" aria-live="polite">`);
      // In the order in which they are told, though each is written by itself.
      let shown = Promise.resolve();
      const onStep = (step: ProvisioningStep) => {
        shown = shown.then(() => page.add(stepItem(step)));
      };
      const onWait = () => {
        shown = page.add(
          html`<li class="calm">Others are being provisioned at this moment: waiting for a turn.</li>\n`,
        );
      };
      const result = await provisionByHand(context, {
        user,
        viewer: c.get('viewer'),
        dryRun,
        onStep,
        onWait,
        signal: AbortSignal.any([page.signal, signal]),
      }).finally(() => shown);
      const id = idOf(result);
      const kept = id !== undefined && (await isKept(context, id));
      await page.add(html`</ol>${ending(result, { dryRun, kept })}`);
    },
    (thrown) => {
      if (thrown instanceof HTTPException) return notice('bad', thrown.message);
      const error = toSyncError(thrown);
      if (error.code === 'InternalError') service.log.error({ err: thrown }, 'provisioning from the console failed');
      return notice('bad', ['It did not come to an end. ', spoken(recommendedAction(error.code))]);
    },
  );
}

function stepItem(step: ProvisioningStep): Markup {
  const { status, description, recommendedAction: action } = step;
  const details = step.step === 'act' ? detailsOf({ ...step, modified: [] }) : detailsOf(step);
  return html`<li class="${logTones[status]}"><strong>${marks[status]} <span class="unseen">${status}:</span> ${step.step}</strong> ${description}
    ${details.map((line) => html`<div class="quiet">${line}</div>`)}${action ? html`<p>${spoken(action)}</p>` : ''}</li>
`;
}

function idOf({ users }: ProvisionResult): string | undefined {
  return users.flatMap(({ steps }) => steps).find((step) => step.step === 'import')?.id ?? undefined;
}

/** Whether there is a page about the user: a dry run keeps nobody, and who has left is forgotten. */
async function isKept({ service }: ConsoleContext, id: string): Promise<boolean> {
  return (await scopeOfUser(service.database.pool, id, service.filters, new Date())) !== undefined;
}

function ending(
  result: ProvisionResult,
  { dryRun, kept }: { readonly dryRun: boolean; readonly kept: boolean },
): Content {
  const { users, warnings, error, cycleId } = result;
  const steps = users.flatMap((user) => user.steps);
  const acts = steps.filter((step) => step.step === 'act');
  const id = idOf(result);
  const logged = acts.some((act) => act.cycleId !== null && act.cycleId === cycleId);
  return [
    modifiedTable(acts, dryRun),
    warnings.map((warning) => notice('warn', warning)),
    error === undefined ? '' : notice('bad', [`${error.message}. `, spoken(recommendedAction(error.code))]),
    notice(toneOf(result), [[outcomeOf(result), ...advicesOn(users), ...(dryRun ? [nothingWritten] : [])].join(' ')]),
    html`<div class="levers">
      ${!kept ? html`<a class="button" href="/users">Back to the users</a>` : html`<a class="button primary" href="/users/${id}">Show the user</a>`}
      ${!logged ? '' : html`<a class="button" href="/log?cycle=${cycleId}">In the provisioning log</a>`}
      ${dryRun && users[0]?.outcome === 'planned' && id !== undefined ? provisionNow(id, acts.at(-1)?.operation) : ''}
    </div>`,
  ];
}

function toneOf({ users, error }: ProvisionResult): 'good' | 'warn' | 'bad' {
  const outcomes = users.map(({ outcome }) => outcome);
  if (error !== undefined || outcomes.some((outcome) => outcome === 'failed' || outcome === 'unknown')) return 'bad';
  return outcomes.includes('waiting') || users.some(isOutside) ? 'warn' : 'good';
}

function modifiedTable(acts: readonly ActStep[], dryRun: boolean): Content {
  const modified = acts.flatMap((act) => act.modified);
  if (modified.length === 0) return '';
  return html`<h2>${dryRun ? 'What would be written' : 'What was written'}</h2>${table(
    'Modified properties',
    ['Attribute', 'Before', 'After'],
    modified.map(({ displayName, oldValue, newValue }) => [
      html`<code>${shortAttribute(displayName)}</code>`,
      cell(oldValue),
      cell(newValue),
    ]),
  )}`;
}
