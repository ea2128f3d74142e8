/** What is held, as the page of it shows it: each set with its levers, and when anything is held at all. */
import { html } from 'hono/html';
import type { GuardLimits } from '../../plan/removal-guard.ts';
import { describeLimits } from '../../plan/removal-guard.ts';
import type { AuditRecord } from '../../state/audit.ts';
import type { HeldSet } from '../../state/held-sets.ts';
import type { RejectedUser, UserPage } from '../../state/held-users.ts';
import { describeKinds, fateOfRejected, howMany } from '../../words.ts';
import {
  type Content,
  empty,
  facts,
  lever,
  type Markup,
  moment,
  nextPage,
  notice,
  table,
  value,
} from '../components.ts';
import type { Viewer } from '../context.ts';
import { auditTable } from './audit-list.ts';
import { removeAfterAll } from './user-levers.ts';

export interface HeldRules {
  readonly limits: GuardLimits;
  readonly whenHeld: 'continue' | 'stop';
  readonly expiryDays: number;
}

export interface HeldOverview {
  readonly sets: readonly HeldSet[];
  /** Approved, and not carried out yet. */
  readonly approved: Readonly<Record<string, number>>;
  readonly rejected: UserPage<RejectedUser>;
  readonly answers: readonly AuditRecord[];
  readonly rules: HeldRules;
  readonly viewer: Viewer;
}

export function heldOverview({ sets, approved, rejected, answers, rules, viewer }: HeldOverview): Content {
  return [
    approvedNotice(approved),
    sets.length === 0
      ? empty('Nothing is held.')
      : sets.map(
          (held) => html`<section id="set-${held.set}">
            <h2>Set ${held.set}: ${describeKinds(held.kinds)}</h2>
            ${heldSet(held, rules, viewer)}
            <p><a class="button" href="/held/${held.set}">See the ${howMany(usersOf(held), 'user')}, and answer for some of them</a></p>
          </section>`,
        ),
    limits(rules),
    rejectedUsers(rejected, viewer),
    html`<h2>Answers of late</h2>`,
    answers.length === 0 ? empty('Nobody has approved or rejected anything yet.') : auditTable(answers),
    html`<p><a href="/audit">All levers that were pulled</a></p>`,
  ];
}

export function usersOf({ kinds }: HeldSet): number {
  return Object.values(kinds).reduce((sum, users) => sum + users, 0);
}

/** Why a set is held, and the levers for all of it. */
export function heldSet(held: HeldSet, rules: HeldRules, viewer: Viewer): Content {
  const { set, reason, heldAt, expiresAt, stops, kinds } = held;
  return [
    stops
      ? notice('warn', 'Until it is answered, nothing else is changed in Maptician either (WHEN_HELD is stop).')
      : '',
    facts([
      ['Held because it is', value(reason)],
      ['Since', html`${moment(heldAt)} UTC, by <a href="/cycles/${set}">cycle ${set}</a>`],
      [
        'Until',
        html`${moment(expiresAt)} UTC. Nothing is ever carried out because nobody answered: then it is held anew, and told of again.`,
      ],
    ]),
    viewer.role === 'operator' ? wholeSetLevers(held, kinds, rules) : '',
  ];
}

function wholeSetLevers(held: HeldSet, kinds: HeldSet['kinds'], rules: HeldRules): Markup {
  const { set } = held;
  const fields = { which: 'all', seen: usersOf(held) };
  return html`<div class="levers" role="group" aria-label="The whole set ${set}">
    ${lever({ action: `/held/${set}/approve`, label: 'Approve all', tone: 'primary', fields, explain: approving(kinds, rules) })}
    ${lever({ action: `/held/${set}/reject`, label: 'Reject all', tone: 'danger', fields, explain: rejecting(kinds) })}
  </div>`;
}

/** What an approval does, to be read before. */
function approving(kinds: Readonly<Record<string, number>>, { expiryDays }: HeldRules): Content {
  return [
    `The next cycle carries this out: ${describeKinds(kinds)}.`,
    kinds.deactivate === undefined ? '' : ' Whoever is deactivated cannot sign in, until access is given again.',
    kinds.delete === undefined ? '' : ' What is deleted in Maptician does not come back.',
    ` Where Maptician fails to carry it out, the approval stands for ${howMany(expiryDays, 'day')}. What was undone in Entra by then is not carried out.`,
  ];
}

/** What a rejection does, to be read before. */
function rejecting(kinds: Readonly<Record<string, number>>): Content {
  return `Not carried out: ${describeKinds(kinds)}. ${fateOfRejected(kinds)}`;
}

function approvedNotice(approved: Readonly<Record<string, number>>): Content {
  return Object.keys(approved).length === 0
    ? ''
    : notice(
        'calm',
        html`Approved, and waiting for the next cycle: ${describeKinds(approved)}. <a href="/">Run a cycle now</a> from the overview.`,
      );
}

function limits({ limits: given, whenHeld, expiryDays }: HeldRules): Markup {
  return html`<details><summary>What is held, and when</summary>
    <p>The guard counts what a cycle is about to do before any of it is done, since many removals at once are a mistake at the source, as a rule. It holds:</p>
    <ul>${describeLimits(given).map((sentence) => html`<li>${sentence}</li>`)}</ul>
    <p>${whenHeld === 'stop' ? 'While anything is held, nothing else is changed either.' : 'Everything else goes on meanwhile.'} Without an answer, a set is held anew after ${howMany(expiryDays, 'day')}. The limits are <a href="/settings">settings</a>.</p>
  </details>`;
}

function rejectedUsers({ users, next }: UserPage<RejectedUser>, viewer: Viewer): Content {
  if (users.length === 0) return '';
  const isOperator = viewer.role === 'operator';
  return [
    html`<h2 id="rejected">Removals that were rejected</h2>
      <p>These accounts stay as they are, until access is given back in Entra or there is another reason.${isOperator ? ' To remove one after all has the next cycle decide again, and the guard count it again.' : ''}</p>`,
    table(
      'Users whose removal was rejected',
      ['User', 'Not done', 'Why it was to be', ...(isOperator ? ['Lever'] : [])],
      users.map(({ entraId, userName, kind, reason }) => [
        userCell({ entraId, userName }),
        kind,
        value(reason),
        ...(isOperator ? [removeAfterAll(kind, { action: '/held/retry', fields: { user: entraId } })] : []),
      ]),
    ),
    nextPage(next === undefined ? undefined : `/held?after=${next}#rejected`),
  ];
}

/** A user by name, with a link by object id. */
export function userCell({ entraId, userName }: Pick<RejectedUser, 'entraId' | 'userName'>): Markup {
  return html`<a href="/users/${entraId}">${value(userName ?? entraId)}</a>`;
}
