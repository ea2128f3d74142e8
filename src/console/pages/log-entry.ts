/** One entry of the provisioning log: what the admin center has in three tabs, on one page. */
import { html } from 'hono/html';
import type { InstallationFacts, ProvisioningObjectSummary } from '../../log-record/summary.ts';
import { toProvisioningObjectSummary } from '../../log-record/summary.ts';
import type { LogRecord } from '../../state/provisioning-log.ts';
import { actionFor, howMany, shortAttribute } from '../../words.ts';
import { type Content, empty, facts, type Markup, moment, notice, pill, table, value } from '../components.ts';
import { userLink } from './log-list.ts';
import { logTones } from './tones.ts';

/** The entries of the same user on both sides, by their ids. */
export interface Neighbours {
  readonly older: number | undefined;
  readonly newer: number | undefined;
}

/** @param now what is due by then is tried in the next cycle */
export function logEntry(
  entry: LogRecord,
  { older, newer }: Neighbours,
  installation: InstallationFacts,
  now: Date,
): Content {
  const summary = toProvisioningObjectSummary(entry, installation);
  return html`
    <p class="headline">${pill(logTones[entry.status], entry.status)} ${entry.operation} · ${userLink(entry)} · ${moment(entry.activityAt)} UTC</p>
    ${troubleshooting(entry, now)}
    <h2>Steps</h2>
    ${steps(summary)}
    <h2>Modified properties</h2>
    ${modified(entry)}
    <h2>Summary</h2>
    ${about(entry, summary)}
    <nav class="pager" aria-label="Entries of this user">
      ${older === undefined ? '' : html`<a rel="prev" href="/log/${older}">Older entry of this user</a>`}
      ${newer === undefined ? '' : html`<a rel="next" href="/log/${newer}">Newer entry of this user</a>`}
      <a href="/log?user=${entry.entraId}">All entries of this user</a>
    </nav>`;
}

function troubleshooting(entry: LogRecord, now: Date): Content {
  const { code, reason, httpStatus, attempt, status } = entry;
  if (code === null) return '';
  const action = actionFor(code);
  return [
    html`<h2>Troubleshooting</h2>`,
    notice(
      status === 'failure' ? 'bad' : 'warn',
      html`<p><strong>${code}</strong>${reason === null ? '' : `: ${reason}`}</p>${action === '' ? '' : html`<p>${action}</p>`}`,
    ),
    facts([
      ...(httpStatus === null ? [] : [['HTTP status', httpStatus] as const]),
      ...(attempt === null ? [] : [['Attempt', attempts(attempt)] as const]),
      ['Next try', nextTry(entry, now)],
      ['Others with this cause', html`<a href="/log?code=${encodeURIComponent(code)}">entries with this code</a>`],
    ]),
  ];
}

function attempts(attempt: number): string {
  return attempt === 1 ? 'the first' : `${attempt} of this user in a row`;
}

function nextTry({ nextRetryAt, status }: LogRecord, now: Date): Content {
  if (status !== 'failure') return '–';
  if (nextRetryAt === null)
    return 'not from this entry: it was settled since, failed again, or is not tried by itself any more';
  return nextRetryAt <= now ? 'in the next cycle' : html`${moment(nextRetryAt)} UTC`;
}

function steps({ provisioningSteps }: ProvisioningObjectSummary): Markup {
  return html`<ol class="steps">${provisioningSteps.map(
    ({ name, provisioningStepType, status, description, details }) => html`<li class="${logTones[status]}">
      <p>${pill(logTones[status], status)} <strong>${provisioningStepType}</strong> <small>${name}</small></p>
      <p>${description}</p>
      ${Object.keys(details).length === 0 ? '' : facts(Object.entries(details))}
    </li>`,
  )}</ol>`;
}

function modified({ operation, modified: properties }: LogRecord): Content {
  if (properties.length === 0) return empty('No property was written.');
  const [before, after] = operation === 'kept' ? ['Sent', 'Kept by Maptician'] : ['Old value', 'New value'];
  return table(
    'Modified properties',
    ['Property', before, after],
    properties.map(({ displayName, oldValue, newValue }) => [
      html`<code>${shortAttribute(displayName)}</code>`,
      value(oldValue),
      value(newValue),
    ]),
  );
}

function about(entry: LogRecord, summary: ProvisioningObjectSummary): Markup {
  const { sourceSystem, targetSystem, initiatedBy, changeId, jobId } = summary;
  return facts([
    ['Source', html`${sourceSystem.displayName}<br>${userLink(entry)}<br><small>${entry.entraId}</small>`],
    [
      'Target',
      html`${targetSystem.displayName} <small>${targetSystem.id}</small><br>${value(entry.mapticianId)}${entry.mapticianId === null ? ' (no account yet)' : ''}`,
    ],
    ['Action', summary.provisioningAction],
    ['Reason', value(entry.reason)],
    ['Cycle', html`<a href="/cycles/${entry.cycleId}">${entry.cycleId}</a>`],
    ['Initiated by', initiatedBy.displayName],
    ['Took', entry.durationMs === null ? '–' : howMany(entry.durationMs, 'millisecond')],
    ['Change id', html`<code>${changeId}</code>`],
    ['Job id', html`<code>${jobId}</code>`],
  ]);
}
