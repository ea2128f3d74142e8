/** What a changed attribute table or changed scoping filters would do to everyone who has been read. */
import { html } from 'hono/html';
import { doneIn, remarksOn, sampleText } from '../../cycle/describe-preview.ts';
import type { Preview } from '../../cycle/preview.ts';
import { howMany } from '../../words.ts';
import { type Content, type Markup, notice, table } from '../components.ts';
import { spoken } from '../spoken.ts';

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
  const { mirrored, inScope, actions, attributes } = preview;
  if (mirrored === 0)
    return notice('calm', 'Nothing has been read from Entra yet: run a cycle, or the command plan, first.');
  return html`<div class="notice ${Object.keys(actions).length === 0 ? 'good' : 'warn'}" role="status">
    <p>Of ${howMany(mirrored, 'user')} read from Entra ${inScope} are in scope with these files. <strong>${doneIn(preview)}</strong></p>
    ${remarksOn(preview).map((remark) => html`<p>${spoken(remark)}</p>`)}
  </div>
  ${attributes.length === 0 ? '' : changes(attributes)}`;
}

function changes(attributes: Preview['attributes']): Content {
  return table(
    'What would change in accounts that exist',
    ['Attribute', 'Users', 'For instance'],
    attributes.map(({ attribute, users, samples }) => [
      html`<code>${attribute}</code>`,
      users,
      samples.map((sample) => html`<div>${sampleText(sample)}</div>`),
    ]),
  );
}
