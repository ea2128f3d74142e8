/** The parts of a user's page. */
import { html } from 'hono/html';
import { accountOf, describeFailure, describeTries, differences } from '../../cycle/describe-why.ts';
import type { Why } from '../../cycle/why.ts';
import type { LogPage } from '../../state/log-page.ts';
import type { LogRecord } from '../../state/provisioning-log.ts';
import { actionFor, cell, shortAttribute } from '../../words.ts';
import { type Content, empty, facts, type Markup, moment, nextPage, notice, pill, table } from '../components.ts';
import { spoken } from '../spoken.ts';
import { logTones } from './tones.ts';

/** What went wrong, how often, and what to do. */
export function failure({ standing }: Why): Content {
  if (standing.failure === null) return '';
  const action = actionFor(standing.failure.code);
  return notice(
    'bad',
    html`<p><strong>Failed:</strong> ${describeFailure(standing.failure)}</p>
      <p>${spoken(action)}</p>
      <p class="quiet">It was ${describeTries(standing.failure)}.</p>`,
  );
}

/** What waits for an operator, or was rejected. */
export function hold({ standing: { operation, rejectedRemoval } }: Why): Content {
  return [
    operation?.state !== 'held' || operation.set === null
      ? ''
      : notice(
          'warn',
          html`<strong>Held:</strong> the ${operation.kind} waits for an answer. <a href="/held#set-${operation.set}">Approve or reject set ${operation.set}</a>`,
        ),
    rejectedRemoval === null
      ? ''
      : notice('warn', `An operator has rejected to ${rejectedRemoval} this account, so it stays as it is.`),
  ];
}

/** What comes next, and what the account is. */
export function accountFacts(found: Why): Markup {
  const {
    id,
    scope: { enabled, presence },
    comparison,
  } = found;
  const state =
    presence !== 'live'
      ? presence === 'purged'
        ? 'permanently deleted'
        : 'deleted'
      : enabled === false
        ? 'disabled'
        : enabled === null
          ? 'not read yet'
          : 'enabled';
  return html`<p class="headline"><strong>Next:</strong> ${spoken(found.next)}</p>${facts([
    ['Account in Maptician', accountOf(found)],
    ['Object id', html`<code>${id}</code>`],
    ['In Entra', state],
    ...(comparison.account === 'there' && comparison.linked !== null
      ? [
          [
            'Active in Maptician',
            cell(comparison.attributes.find(({ attribute }) => attribute === 'active')?.maptician),
          ] as const,
        ]
      : []),
  ])}`;
}

/** Why the user is in scope or not. */
export function scope({ scopeSentence, scope: { clauses, inScope } }: Why): Markup {
  return html`<h2>Scope</h2>
    <p>${pill(inScope ? 'good' : 'calm', inScope ? 'in scope' : 'not in scope')} ${scopeSentence.replace(/^(not )?in scope: /, '')}</p>
    ${clauses.length === 0 ? '' : html`<ul>${clauses.map(({ clause, passed }) => html`<li>${passed ? '✓' : '✗'} <span class="unseen">${passed ? 'passes' : 'does not pass'}:</span> ${clause}</li>`)}</ul>`}`;
}

/** That Maptician was not waited for any longer, or could not be asked. */
export function mapticianIsLate({ id, comparison: { problem } }: Why): Markup {
  return notice(
    'warn',
    html`What Maptician has is not shown (${problem}). <a href="/users/${id}?ask=maptician#attributes">Ask Maptician again</a>, which may take up to 20 seconds.`,
  );
}

export function attributes({ comparison }: Why): Markup {
  if (comparison.attributes.length === 0) return empty('Nothing is wanted of this user, and nothing was applied.');
  return table(
    'Attributes of the user',
    ['Attribute', 'Wanted', 'Applied', 'In Maptician', 'Difference'],
    comparison.attributes.map(({ attribute, wanted, applied, maptician, difference }) => {
      const shown = (value: typeof wanted) =>
        difference === null ? cell(value) : html`<span class="changed">${cell(value)}</span>`;
      return [
        html`<code>${shortAttribute(attribute)}</code>`,
        difference === 'to write' ? shown(wanted) : cell(wanted),
        cell(applied),
        comparison.account === 'unread'
          ? html`<span class="quiet">not read</span>`
          : difference === 'to write'
            ? cell(maptician)
            : shown(maptician),
        difference === null ? '' : html`<span class="changed">${differences[difference]}</span>`,
      ];
    }),
  );
}

/** The entries of the provisioning log about one user, newest first. */
export function history(id: string, { records, next }: LogPage): Content {
  if (records.length === 0) return empty('Nothing stands in the provisioning log.');
  return [
    table(
      'What was done, newest first',
      ['Time (UTC)', 'Operation', 'Status', 'What', 'Cycle'],
      records.map((entry) => [
        html`<a href="/log/${entry.id}">${moment(entry.activityAt)}</a>`,
        entry.operation,
        pill(logTones[entry.status], entry.status),
        whatOf(entry),
        html`<a href="/cycles/${entry.cycleId}">${entry.cycleId}</a>`,
      ]),
    ),
    nextPage(next === undefined ? undefined : `/users/${id}?before=${next}#history`),
  ];
}

function whatOf({ code, httpStatus, reason, modified, attempt }: LogRecord): Content {
  if (code !== null) {
    const known = [
      ...(httpStatus === null ? [] : [httpStatus]),
      ...(attempt === null || attempt === 1 ? [] : [`attempt ${attempt}`]),
    ];
    return `${code}${known.length === 0 ? '' : ` (${known.join(', ')})`}: ${cell(reason)}`;
  }
  const changed = modified.map(({ displayName }) => shortAttribute(displayName)).join(', ');
  return [reason, changed].filter((text) => text !== null && text !== '').join(': ');
}
