/** What a changed attribute table or changed scoping filters would do to everyone who has been read. */
import { html } from 'hono/html';
import type { Preview } from '../../cycle/preview.ts';
import { cell, howMany } from '../../words.ts';
import { type Content, type Markup, notice, table } from '../components.ts';

export interface PreviewForm {
  /** The two files as they are written. */
  readonly attributes: string;
  readonly filters: string;
  readonly found?: Preview;
  readonly problem?: string;
}

export function previewForm(form: PreviewForm): Markup {
  const { problem, found } = form;
  return html`<p>Change a copy of the files here and see what the next cycle would do. Nothing is saved and nothing is carried out.</p>
  ${problem === undefined ? '' : notice('bad', html`<pre>${problem}</pre>`)}
  ${found === undefined ? '' : outcome(found)}
  <form method="post" action="/mapping/preview#preview" class="stack">
    <label>attributes.yaml <textarea name="attributes" rows="14" spellcheck="false">${form.attributes}</textarea></label>
    <label>scoping-filters.yaml <textarea name="filters" rows="6" spellcheck="false">${form.filters}</textarea></label>
    <button>Preview</button>
  </form>`;
}

function outcome(preview: Preview): Markup {
  const { mirrored, inScope, actions, attributes, leave, enter, failures, removals, unknown } = preview;
  if (mirrored === 0)
    return notice('calm', 'Nothing has been read from Entra yet: run a cycle, or the command plan, first.');
  const done = Object.entries(actions).map(([action, users]) => `${users} ${action}`);
  return html`<div class="notice ${done.length === 0 ? 'good' : 'warn'}" role="status">
    <p>Of ${howMany(mirrored, 'user')} read from Entra ${inScope} are in scope with these files. <strong>Would be done: ${done.join(', ') || 'nothing'}.</strong></p>
    ${leave.users === 0 ? '' : html`<p>${howMany(leave.users, 'user')} would leave scope: ${names(leave)}</p>`}
    ${enter.users === 0 ? '' : html`<p>${howMany(enter.users, 'user')} would enter scope: ${names(enter)}</p>`}
    ${failures.map(({ reason, ...who }) => html`<p>${howMany(who.users, 'user')} would fail (${names(who)}): ${reason}</p>`)}
    ${removals.users === 0 ? '' : html`<p>${removalsOf(removals)}</p>`}
    ${unknown.map((what) => html`<p>Not shown: ${what}. The command plan reads it, once the files are in use.</p>`)}
  </div>
  ${attributes.length === 0 ? '' : changes(attributes)}`;
}

function names({ users, samples }: Preview['leave']): string {
  return `${samples.map(cell).join(', ')}${users > samples.length ? ', …' : ''}`;
}

function removalsOf({ users, activeAccounts, held }: Preview['removals']): string {
  const fate = held ? 'they would be held for approval' : 'they would be carried out';
  return `${howMany(users, 'removal')} of ${howMany(activeAccounts, 'active account')}: ${fate}.`;
}

function changes(attributes: Preview['attributes']): Content {
  return table(
    'What would change in accounts that exist',
    ['Attribute', 'Users', 'For instance'],
    attributes.map(({ attribute, users, samples }) => [
      html`<code>${attribute}</code>`,
      users,
      samples.map(({ user, before, after }) => html`<div>${cell(user)}: ${cell(before)} → ${cell(after)}</div>`),
    ]),
  );
}
