/** One held set: its users, to be answered for one by one or all together. */
import { html } from 'hono/html';
import type { HeldSet } from '../../state/held-sets.ts';
import type { HeldUser, UserPage } from '../../state/held-users.ts';
import type { ModifiedProperty } from '../../state/provisioning-log.ts';
import { cell, fateOfRejected, howMany, shortAttribute } from '../../words.ts';
import { type Content, type Markup, nextPage, pill, table, value } from '../components.ts';
import type { Viewer } from '../context.ts';
import { type HeldRules, heldSet, userCell, usersOf } from './held-sets.ts';

/** So many changes stand in a row; the page of the user has all of them. */
const changesShown = 4;

export function heldUsers(
  held: HeldSet,
  { users, next }: UserPage<HeldUser>,
  after: string | undefined,
  rules: HeldRules,
  viewer: Viewer,
): Content {
  const isOperator = viewer.role === 'operator';
  const list = table(
    `Users of set ${held.set}`,
    [...(isOperator ? [chooseAll()] : []), 'User', 'To be done', 'Why', 'Changes'],
    users.map((user) => [
      ...(isOperator ? [choose(user)] : []),
      userCell(user),
      pill(user.kind === 'delete' ? 'bad' : 'warn', user.kind),
      value(user.reason),
      changes(user.changes),
    ]),
  );
  return [
    heldSet(held, rules, viewer),
    html`<h2>${howMany(usersOf(held), 'user')}</h2>`,
    isOperator ? chosenForm(held, after, rules, list) : list,
    html`<p class="row">${after === undefined ? '' : html`<a href="/held/${held.set}">First page</a>`}<a href="/held">All that is held</a></p>`,
    nextPage(next === undefined ? undefined : `/held/${held.set}?after=${next}`),
  ];
}

/** Only a script can do this: without one it is not shown. */
function chooseAll(): Markup {
  return html`<input type="checkbox" data-chooses="user" aria-label="Choose all on this page" hidden><span class="unseen">Chosen</span>`;
}

function choose({ entraId, userName }: HeldUser): Markup {
  return html`<input type="checkbox" name="user" value="${entraId}" aria-label="Choose ${userName ?? entraId}">`;
}

/**
 * One form around the list, with a button for each answer. The first does nothing: Enter in a checkbox presses that one,
 * though it were folded away with what it explains (a browser may pass over one that is disabled).
 */
function chosenForm(held: HeldSet, after: string | undefined, { expiryDays }: HeldRules, list: Content): Markup {
  const { set } = held;
  return html`<form method="post" action="/held/${set}/approve">
    <button class="unseen" tabindex="-1" aria-hidden="true" formmethod="get" formaction="/held/${set}">Show them again</button>
    <input type="hidden" name="which" value="chosen">
    ${after === undefined ? '' : html`<input type="hidden" name="after" value="${after}">`}
    ${list}
    <div class="levers" role="group" aria-label="The chosen users">
      <details class="lever"><summary class="button primary">Approve the chosen…</summary><div class="sheet">
        <p>The next cycle carries out what is to be done to the chosen users; the others stay held. The approval stands for ${howMany(expiryDays, 'day')}.</p>
        <button class="primary">Approve the chosen</button>
      </div></details>
      <details class="lever"><summary class="button danger">Reject the chosen…</summary><div class="sheet">
        <p>Nothing is done to the chosen users; the others stay held. ${fateOfRejected(held.kinds)}</p>
        <button class="danger" formaction="/held/${set}/reject">Reject the chosen</button>
      </div></details>
    </div>
  </form>`;
}

function changes(all: readonly ModifiedProperty[]): Content {
  const shown = all
    .slice(0, changesShown)
    .map(({ displayName, oldValue, newValue }, index) => [
      index === 0 ? '' : html`<br>`,
      html`<code>${shortAttribute(displayName)}</code>: ${cell(oldValue)} → ${cell(newValue)}`,
    ]);
  return all.length > changesShown ? [shown, html`<br><small>and ${all.length - changesShown} more</small>`] : shown;
}
