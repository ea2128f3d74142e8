/** The mails: pure functions from what happened to subject, text and HTML. They name users, and hold no secret. */

import type { ErrorCode } from '../errors.ts';
import { type Block, cut, type Entry, type Mail, renderMail } from './mail-layout.ts';

/** So many users are named in one mail; the rest is in the provisioning log. */
const namedUsers = 50;

/** One user whose operation failed. */
export interface Failure {
  /** The userPrincipalName. */
  readonly user: string;
  readonly objectId: string;
  /** What was tried: create, update, deactivate, reactivate or delete. */
  readonly action: string;
  readonly code: ErrorCode;
  /** Why, with the user store's own words. */
  readonly reason: string;
  /** The HTTP status of the refusal; null where there was none. */
  readonly httpStatus: number | null;
  readonly recommendedAction: string;
  /** When it is tried again by itself; null: not before something changes. */
  readonly nextRetryAt: Date | null;
  readonly attempts: number;
}

/** The cycle that a mail is about. */
interface CycleFacts {
  readonly id: string;
  /** initial or incremental. */
  readonly kind: string;
  readonly startedAt: Date;
  readonly endedAt: Date;
}

/** One mail a cycle for the users that failed in it: who, what, why, and what to do; grouped by what is to be done. */
export function failureMail(facts: {
  readonly cycle: CycleFacts;
  readonly failures: readonly Failure[];
  readonly heldCount: number;
  readonly host: string;
}): Mail {
  const { cycle, failures, heldCount, host } = facts;
  const groups = [...Map.groupBy(failures, (failure) => `${failure.code} ${failure.recommendedAction}`).values()].sort(
    (a, b) => b.length - a.length,
  );
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text: `It was the ${cycle.kind} cycle ${cycle.id}, from ${time(cycle.startedAt)} to ${time(cycle.endedAt)}. All other users went through.`,
    },
  ];
  let room = namedUsers;
  for (const group of groups) {
    if (room > 0) blocks.push(...failureGroup(group, room));
    room -= group.length;
  }
  if (room < 0) blocks.push(more(-room, 'maptician-sync log --status failure'));
  if (heldCount > 0) {
    blocks.push({
      kind: 'paragraph',
      text: `${howMany(heldCount, 'removal')} ${heldCount === 1 ? 'is' : 'are'} held for approval as well: see "maptician-sync status".`,
    });
  }
  const [only] = failures;
  return renderMail({
    subject:
      only !== undefined && failures.length === 1
        ? `${only.action} failed for ${only.user}`
        : `${howMany(failures.length, 'user')} failed`,
    tone: 'problem',
    title: `${howMany(failures.length, 'user')} could not be brought up to date`,
    blocks,
    footer: sentFrom(host),
  });
}

function failureGroup(group: readonly Failure[], room: number): Block[] {
  const [first] = group;
  if (first === undefined) return [];
  const shared = group.length > 1 && group.every(({ reason }) => reason === first.reason);
  const entries = group.slice(0, room).map((failure): Entry => {
    const tries = failure.attempts === 1 ? 'tried once' : `tried ${failure.attempts} times`;
    const status = failure.httpStatus === null ? [] : [`HTTP ${failure.httpStatus}`];
    const next = failure.nextRetryAt === null ? 'tried again after a change' : `next try ${time(failure.nextRetryAt)}`;
    return {
      title: cut(failure.user, 200),
      lines: [shared ? `${failure.action} failed` : `${failure.action} failed: ${cut(failure.reason, 600)}`],
      note: [`object id ${failure.objectId}`, ...status, tries, next].join(' · '),
    };
  });
  return [
    { kind: 'heading', text: `${first.code}: ${howMany(group.length, 'user')}` },
    ...(shared ? [{ kind: 'paragraph', text: `Why: ${cut(first.reason, 600)}` } as const] : []),
    { kind: 'paragraph', text: `What to do: ${first.recommendedAction}` },
    { kind: 'entries', entries },
  ];
}

/** The cycle stopped, because nothing in it could have succeeded. */
export function stoppedMail(facts: {
  readonly code: ErrorCode;
  readonly message: string;
  /** The other side's own words. */
  readonly detail?: string | undefined;
  readonly recommendedAction: string;
  readonly since: Date;
  readonly host: string;
}): Mail {
  const blocks: Block[] = [
    { kind: 'paragraph', text: cut(facts.message, 600) },
    ...(facts.detail === undefined
      ? []
      : [{ kind: 'paragraph', text: `The answer was: ${cut(facts.detail, 600)}` } as const]),
    { kind: 'heading', text: 'What to do' },
    { kind: 'paragraph', text: facts.recommendedAction },
    {
      kind: 'paragraph',
      text: `Until then no user is created, changed or removed in Maptician. It has been so since ${time(facts.since)}. You get no further mail about it, but one when it is well again.`,
    },
  ];
  return renderMail({
    subject: `Stopped: ${facts.code}`,
    tone: 'problem',
    title: 'Users are not being synchronized',
    blocks,
    footer: sentFrom(facts.host),
  });
}

/** Removals, or other changes where they have limits, that the guard holds. */
export function heldMail(facts: {
  /** The removals, or the first of them. */
  readonly removals: readonly {
    readonly user: string;
    readonly objectId: string;
    /** deactivate or delete; create or update where these have limits. */
    readonly action: string;
    readonly reason: string;
  }[];
  /** How many there are in all. */
  readonly count: number;
  /** The limit that was passed, such as "more than 500 users". */
  readonly limitText: string;
  /** Nothing else is carried out either until it is answered. */
  readonly stops?: boolean;
  readonly setId: string;
}): Mail {
  const { removals, count, limitText, stops = false, setId } = facts;
  const named = removals.slice(0, namedUsers);
  const rest = count - named.length;
  const removes = removals.every(({ action }) => action === 'deactivate' || action === 'delete');
  const noun = removes ? 'removal' : 'change';
  return renderMail({
    subject: `${howMany(count, noun)} held for your approval`,
    tone: 'attention',
    title: `${howMany(count, 'user')} would ${removes ? 'lose access' : 'be changed'}. Is that right?`,
    blocks: [
      {
        kind: 'paragraph',
        text: `One cycle was about to ${removes ? 'deactivate or delete' : 'change'} ${howMany(count, 'user')} in Maptician. That is ${limitText}, so none of it was done. ${
          stops ? 'Until you answer, nothing else is changed either.' : 'Everything else goes on as usual.'
        }`,
      },
      { kind: 'heading', text: 'What to do' },
      {
        kind: 'commands',
        commands: [
          { command: `maptician-sync approve ${setId}`, does: `It is right: carry the ${noun}s out.` },
          { command: `maptician-sync reject ${setId}`, does: 'It is a mistake: leave these accounts as they are.' },
          {
            command: `maptician-sync approve ${setId} --user NAME`,
            does: 'Only some of them, by userName; reject likewise.',
          },
        ],
      },
      {
        kind: 'paragraph',
        text: 'If the cause is undone in Entra, such as a group that was unassigned by accident, they disappear by themselves at the next cycle.',
      },
      { kind: 'heading', text: 'Who' },
      {
        kind: 'entries',
        entries: named.map(({ user, objectId, action, reason }) => ({
          title: cut(user, 200),
          lines: [`${action}: ${cut(reason, 300)}`],
          note: `object id ${objectId}`,
        })),
      },
      ...(rest > 0 ? [more(rest, 'maptician-sync plan')] : []),
    ],
    footer: `maptician-sync · set ${setId}`,
  });
}

/** Something is odd and was left alone to be safe, such as a list that Microsoft Graph cut short. */
export function warningMail(facts: { readonly warnings: readonly string[]; readonly host: string }): Mail {
  const { warnings, host } = facts;
  const count = howMany(warnings.length, 'warning');
  return renderMail({
    subject: warnings.length === 1 ? `Warning: ${warnings[0]}` : count,
    tone: 'attention',
    title: `${count} from the last cycle`,
    blocks: [
      { kind: 'list', items: warnings.slice(0, namedUsers).map((warning) => cut(warning, 600)) },
      ...(warnings.length > namedUsers ? [more(warnings.length - namedUsers, 'maptician-sync status')] : []),
      { kind: 'paragraph', text: 'The cycle went on, and did nothing that it could not be sure of.' },
    ],
    footer: sentFrom(host),
  });
}

/** It is well again. `what` is what was wrong, such as "Microsoft Entra refused the client secret". */
export function recoveryMail(facts: { readonly since: Date; readonly what: string; readonly host: string }): Mail {
  return renderMail({
    subject: 'Well again',
    tone: 'well',
    title: 'Users are synchronized again',
    blocks: [
      { kind: 'paragraph', text: `What was wrong since ${time(facts.since)}: ${cut(facts.what, 600)}` },
      {
        kind: 'paragraph',
        text: 'It is over. What was missed meanwhile is made good by itself; there is nothing to do.',
      },
    ],
    footer: sentFrom(facts.host),
  });
}

function more(count: number, command: string): Block {
  return { kind: 'paragraph', text: `… and ${count} more: ${command}` };
}

function howMany(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** UTC to the minute: the reader and the host may live in different zones. */
function time(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function sentFrom(host: string): string {
  return `Sent by maptician-sync on ${host}.`;
}
