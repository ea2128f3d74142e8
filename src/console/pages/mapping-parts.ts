/** The parts of the mapping page: the table, the filters, the expression tester. */
import { html } from 'hono/html';
import type { AttributeTable } from '../../mapping/attribute-table.ts';
import { describeFilters, rulesOf, sourceText } from '../../mapping/describe-mapping.ts';
import { redactedText } from '../../mapping/redaction.ts';
import { literal, type Tried } from '../../mapping/try-expression.ts';
import type { ScopingFilters } from '../../scope/filters/model.ts';
import { facts, type Markup, notice, table } from '../components.ts';

export function mappingTable({ mappings, actions }: AttributeTable): Markup {
  const off = Object.entries(actions).flatMap(([action, on]) => (on ? [] : [action]));
  return html`${table(
    'The attribute table in use',
    ['Maptician', 'Entra', 'Rules'],
    mappings.map((mapping) => [
      html`<code>${mapping.target}</code>`,
      html`<code>${sourceText(mapping.source)}</code>`,
      rulesOf(mapping).join('; '),
    ]),
  )}${off.length === 0 ? '' : notice('warn', `Switched off: ${off.join(', ')}.`)}`;
}

export function filterList(filters: ScopingFilters): Markup {
  return html`<pre>${describeFilters(filters).join('\n')}</pre>`;
}

/** What was asked for, and what came of it. */
export interface ExpressionForm {
  readonly expression: string;
  /** `name=value`, a line each. */
  readonly values: string;
  /** Whose attributes are read beside them. */
  readonly user: string;
  readonly tried?: Tried;
  readonly problem?: string;
}

const example = 'Join(" ", [givenName], ToUpper([surname]))';

export function expressionTester(form?: ExpressionForm): Markup {
  return html`<form method="post" action="/mapping/test#tester" class="stack">
    <label>Expression <textarea name="expression" rows="3" required spellcheck="false" placeholder="${example}">${form?.expression ?? ''}</textarea></label>
    <label>Values, as <code>name=value</code>, a line each <textarea name="values" rows="3" spellcheck="false" placeholder="givenName=Ada">${form?.values ?? ''}</textarea></label>
    <label>Or those of a user: object id or userPrincipalName <input name="user" autocomplete="off" value="${form?.user ?? ''}"></label>
    <button>Try it</button>
  </form>
  ${form === undefined ? '' : outcome(form)}`;
}

function outcome({ tried, problem }: ExpressionForm): Markup | string {
  if (problem !== undefined) return notice('bad', html`<pre>${problem}</pre>`);
  if (tried === undefined) return '';
  const { result, type, redacted, read } = tried;
  return html`${facts([
    ['Result', html`<code>${literal(result)}</code>`],
    ['Type', `${type}${redacted ? `; logs show ${redactedText}` : ''}`],
    ...Object.entries(read).map(([name, value]) => [`[${name}]`, html`<code>${literal(value)}</code>`] as const),
  ])}`;
}
