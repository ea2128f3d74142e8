/** What to do, and why: one notice for each thing that is not as it should be. */
import { html } from 'hono/html';
import { type CredentialExpiry, describeCredential } from '../../notify/credentials.ts';
import type { DriftCheck } from '../../state/drift.ts';
import type { Standing } from '../../state/standing.ts';
import { actionFor, describeCounts, describeKinds, howMany } from '../../words.ts';
import { type Content, moment, notice } from '../components.ts';
import { spoken } from '../spoken.ts';

export interface Circumstances {
  readonly standing: Standing;
  readonly credential: CredentialExpiry | undefined;
  readonly drift: DriftCheck | undefined;
  readonly now: Date;
}

/** A credential that ends within so many days is worth a word. */
const soonDays = 30;
const day = 24 * 60 * 60 * 1000;

/** Nothing where all is well. */
export function adviceOn(given: Circumstances): readonly Content[] {
  return [
    ...ofFirstUse(given.standing),
    ...ofJob(given.standing),
    ...ofStop(given.standing),
    ...ofHeld(given.standing),
    ...ofFailures(given.standing),
    ...ofCredential(given),
    ...ofDrift(given.drift),
    ...(given.standing.lastCycle?.warnings ?? []).map((warning) =>
      notice('warn', `Warning of the last cycle: ${warning}`),
    ),
  ];
}

function ofFirstUse({ state }: Standing): readonly Content[] {
  return state === 'never run'
    ? [
        notice(
          'calm',
          'No cycle has run yet. Check the connections with the command test-connection, then run the first one.',
        ),
      ]
    : [];
}

function ofJob({ job, failed }: Standing): readonly Content[] {
  const { pausedAt, quarantine, escrowsPruned, restartScope } = job;
  const found: Content[] = [];
  if (pausedAt !== null) found.push(notice('warn', html`Paused since ${moment(pausedAt)} UTC. Resume lets it go on.`));
  if (quarantine !== null) {
    const { reason, since, message, code, nextAttempt, disabledAt, count } = quarantine;
    const next =
      disabledAt !== null
        ? 'Nothing is tried any more after four weeks.'
        : nextAttempt !== null
          ? html`Tried ${howMany(count, 'time')}; again ${moment(nextAttempt)} UTC.`
          : escrowsPruned
            ? 'It was the initial cycle; so many failures have one cause, as a rule.'
            : '';
    found.push(
      notice(
        'bad',
        html`<strong>In quarantine</strong> since ${moment(since)} UTC (${reason}): ${message}. ${spoken(actionFor(code))} ${next} When it is mended, Resume ends it at once.${failed === 0 ? '' : html` <a href="/failures">See who failed</a>`}`,
      ),
    );
  }
  if (restartScope.length > 0) found.push(notice('calm', `The next cycle resets ${restartScope.join(', ')} first.`));
  return found;
}

/** Of a quarantine or a pause its own notice tells. */
function ofStop({ state, lastCycle }: Standing): readonly Content[] {
  if (state !== 'stopped' || lastCycle?.stopMessage == null) return [];
  return [
    notice(
      'bad',
      html`<strong>The last cycle stopped:</strong> ${lastCycle.stopMessage}. ${spoken(actionFor(lastCycle.stopCode))}`,
    ),
  ];
}

function ofHeld({ held }: Standing): readonly Content[] {
  return held.map(({ set, kinds, reason, stops }) =>
    notice(
      'warn',
      html`<strong>Held:</strong> ${describeKinds(kinds)}${reason === null ? '' : `: ${reason}`}.${stops ? ' Until somebody answers, nothing else is changed either.' : ''} <a href="/held#set-${set}">Approve or reject</a>`,
    ),
  );
}

function ofFailures({ failed }: Standing): readonly Content[] {
  return failed === 0
    ? []
    : [notice('warn', html`${howMany(failed, 'user')} failed. <a href="/failures">See why, and what to do</a>`)];
}

function ofCredential({ credential, now }: Circumstances): readonly Content[] {
  if (credential === undefined) return [];
  const left = credential.expiresAt.getTime() - now.getTime();
  if (left > soonDays * day) return [];
  return [notice(left < 7 * day ? 'bad' : 'warn', `Sign-in to Entra: ${describeCredential(credential, now)}`)];
}

function ofDrift(check: DriftCheck | undefined): readonly Content[] {
  if (check === undefined) return [];
  if (check.counts === null) {
    return [
      notice(
        'warn',
        html`Maptician could not be compared with what was applied (${moment(check.endedAt)} UTC): ${check.stopMessage ?? check.stopCode}`,
      ),
    ];
  }
  const found = describeCounts(check.counts.drift);
  if (found === '') return [];
  const then =
    check.action === 'repair'
      ? 'The next cycle makes it good.'
      : 'The command drift lists it, and repairs it with --repair.';
  return [
    notice(
      'warn',
      html`Somebody else changed accounts in Maptician: ${found}, found ${moment(check.endedAt)} UTC. ${then}`,
    ),
  ];
}
