/** The provisioning log as a list, with the filters above it. */
import { html } from 'hono/html';
import { errorCodes } from '../../errors.ts';
import { csvFiles } from '../../log-export/csv.ts';
import { describeEntry } from '../../log-record/describe.ts';
import type { FoldedEntry } from '../../log-record/fold.ts';
import { type LogRecord, logActions, logStatuses } from '../../state/provisioning-log.ts';
import { type Content, empty, type Markup, moment, notice, pill, table, value } from '../components.ts';
import { isFolded, type LogQuery, logFields, logLink } from './log-query.ts';
import { logTones } from './tones.ts';

export interface LogList {
  readonly query: LogQuery;
  /** As they were filled in, right or wrong. */
  readonly given: Readonly<Record<string, string>>;
  readonly mistakes: readonly string[];
  readonly lines: readonly FoldedEntry[];
  readonly next: number | undefined;
  readonly lookedTo: Date | undefined;
  /** What the user is called whose entries are asked for. */
  readonly userName: string | undefined;
  readonly now: Date;
}

export function logList(list: LogList): Content {
  const { query, mistakes, userName, given } = list;
  return [
    mistakes.map((mistake) => notice('bad', mistake)),
    statusTabs(query),
    filterForm(query, given),
    userForm(query, userName),
    entries(list),
    downloads(list),
  ];
}

function statusTabs(query: LogQuery): Markup {
  const tab = (status: LogQuery['status'], name: string) =>
    html`<a href="${logLink(query, { status, before: undefined })}"${query.status === status ? html` aria-current="page"` : ''}>${name}</a>`;
  return html`<nav class="tabs" aria-label="Status">${tab(undefined, 'all')}${logStatuses.map((status) => tab(status, status))}</nav>`;
}

function filterForm(query: LogQuery, given: Readonly<Record<string, string>>): Markup {
  return html`<form class="filters" method="get" action="/log" role="search" aria-label="Entries that match">
    ${hidden('user', query.user)}${hidden('status', query.status)}
    <label>Action <select name="action"><option value="">any</option>${logActions.map((action) => html`<option${query.action === action ? html` selected` : ''}>${action}</option>`)}</select></label>
    <label>Error code <input name="code" value="${given.code ?? ''}" list="codes" size="22" maxlength="100"></label>
    <datalist id="codes">${errorCodes.map((code) => html`<option value="${code}">`)}</datalist>
    <label>Cycle <input name="cycle" value="${given.cycle ?? ''}" inputmode="numeric" size="7"></label>
    <label>Since <input name="since" value="${given.since ?? ''}" placeholder="7d, or a UTC time" size="17"></label>
    <label>Until <input name="until" value="${given.until ?? ''}" placeholder="2026-11-24 08:00" size="17"></label>
    <button class="primary">Show</button>
    ${logLink(query, { before: undefined, all: undefined }) === '/log' ? '' : html`<a class="button" href="/log">Everything</a>`}
  </form>`;
}

/** Names do not belong into a URL: this form is posted, and answered with a link by the object id. */
function userForm(query: LogQuery, userName: string | undefined): Markup {
  const { user } = query;
  if (user !== undefined) {
    return html`<p class="row"><span>Entries of <a href="/users/${user}">${userName ?? user}</a></span> <a href="${logLink(query, { user: undefined, before: undefined })}">of everyone</a></p>`;
  }
  return html`<form class="filters" method="post" action="/log/search" role="search" aria-label="Entries of a user">
    ${logFields.filter((name) => name !== 'before').map((name) => hidden(name, query[name]))}
    <label>Entries of a user <input name="name" required maxlength="400" size="34" placeholder="userName, object id or Maptician id" autocomplete="off"></label>
    <button>Find</button>
  </form>`;
}

function hidden(name: string, content: string | number | undefined): Markup | string {
  return content === undefined ? '' : html`<input type="hidden" name="${name}" value="${content}">`;
}

function entries({ query, lines, next, lookedTo, mistakes, now }: LogList): Content {
  if (mistakes.length > 0) return empty('Nothing was looked for.');
  const content =
    lines.length > 0
      ? table(
          'Entries of the provisioning log, newest first',
          ['Time (UTC)', 'Status', 'Operation', 'User', 'What happened', 'Cycle'],
          lines.map((line) => row(line, now)),
        )
      : empty(lookedTo === undefined ? 'No entry matches.' : 'No entry found yet.');
  const parts = [content, folding(query, lines), pager(query, next, lookedTo, lines.length)];
  // Only the newest page moves by itself: older ones would shift under whoever reads them.
  return query.before === undefined
    ? html`<section data-live="10" id="entries" aria-label="Entries">${parts}</section>`
    : parts;
}

function row(line: FoldedEntry, now: Date): readonly Content[] {
  const { entry } = line;
  return [
    html`<a href="/log/${entry.id}">${moment(entry.activityAt)}</a>`,
    pill(logTones[entry.status], entry.status),
    entry.operation,
    userLink(entry),
    describeEntry(line, now),
    html`<a href="/cycles/${entry.cycleId}">${entry.cycleId}</a>`,
  ];
}

/** A user by the name of then; the link has the object id. */
export function userLink({ entraId, userName }: Pick<LogRecord, 'entraId' | 'userName'>): Markup {
  return html`<a href="/users/${entraId}">${value(userName ?? entraId)}</a>`;
}

function folding(query: LogQuery, lines: readonly FoldedEntry[]): Content {
  if (query.all !== undefined) {
    return html`<p class="quiet">Each entry is shown. <a href="${logLink(query, { all: undefined, before: undefined })}">Show failures that repeat themselves once</a></p>`;
  }
  return isFolded(query) && lines.some(({ entry }) => entry.status === 'failure')
    ? html`<p class="quiet">A failure that repeated itself is one line, its newest. <a href="${logLink(query, { all: '1', before: undefined })}">Show each entry</a></p>`
    : '';
}

function pager(query: LogQuery, next: number | undefined, lookedTo: Date | undefined, found: number): Content {
  const first =
    query.before === undefined ? '' : html`<a href="${logLink(query, { before: undefined })}">Newest entries</a>`;
  const further = lookedTo === undefined ? 'Older entries' : 'Look further back';
  return [
    lookedTo === undefined
      ? ''
      : html`<p>Looked back to ${moment(lookedTo)} UTC${found === 0 ? '' : ', and found no more than these'}: so few match that the search pauses here.</p>`,
    next === undefined && query.before === undefined
      ? ''
      : html`<nav class="pager" aria-label="Pages">${first}${next === undefined ? '' : html`<a rel="next" href="${logLink(query, { before: next })}">${further}</a>`}</nav>`,
  ];
}

/** All entries of the same filter, and the same ones in each of the files: none that came after this page. */
function downloads({ query, lines, mistakes }: LogList): Content {
  const newest = lines[0]?.entry.id;
  if (mistakes.length > 0 || newest === undefined) return '';
  const before = query.before ?? newest + 1;
  const link = (file: string, name: string) =>
    html`<a href="${logLink(query, { all: undefined, before }, `/log/download/${file}`)}" download>${name}</a>`;
  return html`<details><summary>Download these entries and all older ones that match</summary>
    <p>As Microsoft's three CSV files, joined by the change id: ${csvFiles.map((name, index) => [index === 0 ? '' : ', ', link(`${name}.csv`, `${name}.csv`)])}. Or as ${link('provisioning-log.json', 'JSON')}, or ${link('provisioning-log.ndjson', 'one JSON object a line')}. The files hold personal data.</p>
  </details>`;
}
