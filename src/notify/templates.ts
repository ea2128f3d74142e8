/**
 * What people are told of users: pure functions from what happened to a notice. They name users, and hold no secret.
 * job-templates.ts has what they are told of the job as a whole.
 */

import type { ErrorCode } from '../errors.ts';
import { type Block, cut, type Entry, type Notice } from './mail-layout.ts';
import { howMany, more, sentFrom, time } from './template-words.ts';

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

/**
 * One a cycle for the users that failed in it, or a reminder of all who fail still, without a cycle: who, what, why, and
 * what to do; grouped by what is to be done.
 */
export function failureNotice(facts: {
  readonly cycle?: CycleFacts | undefined;
  /** Those who failed, or the first of each code. */
  readonly failures: readonly Failure[];
  /** How many they are by code, where `failures` has not all. */
  readonly counts?: ReadonlyMap<string, number>;
  readonly heldCount: number;
  readonly host: string;
}): Notice {
  const { cycle, failures, heldCount, host } = facts;
  const groups = [...Map.groupBy(failures, ({ code }) => code)]
    .map(([code, members]): FailureGroup => ({ members, count: facts.counts?.get(code) ?? members.length }))
    .sort((a, b) => b.count - a.count);
  const count = groups.reduce((sum, group) => sum + group.count, 0);
  const blocks: Block[] = [
    {
      kind: 'paragraph',
      text:
        cycle === undefined
          ? 'Nobody else has failed since the last mail. Each of them is tried again as it says below, and at once when something changes in Entra.'
          : `It was the ${cycle.kind} cycle ${cycle.id}, from ${time(cycle.startedAt)} to ${time(cycle.endedAt)}. All other users went through.`,
    },
  ];
  let room = namedUsers;
  for (const group of groups) {
    if (room > 0) blocks.push(...failureGroup(group, room));
    room -= group.members.length;
  }
  const named = Math.min(failures.length, namedUsers);
  if (count > named) blocks.push(more(count - named, seeFailures.command));
  if (heldCount > 0) {
    blocks.push({
      kind: 'paragraph',
      text: `${howMany(heldCount, 'removal')} ${heldCount === 1 ? 'is' : 'are'} held for approval as well: see "maptician-sync status".`,
    });
  }
  blocks.push({ kind: 'commands', commands: [seeFailures, retryAll] });
  const [only] = failures;
  const users = howMany(count, 'user');
  const first = only !== undefined && count === 1 ? `${only.action} failed for ${only.user}` : `${users} failed`;
  return {
    subject: cycle === undefined ? `Still so: ${first}` : first,
    tone: 'problem',
    title: `${users} ${cycle === undefined ? 'still cannot' : 'could not'} be brought up to date`,
    blocks,
    footer: sentFrom(host),
    brief: {
      lines: groups
        .slice(0, 3)
        .map(
          ({ members: [first], count: users }) =>
            `${first?.code}: ${howMany(users, 'user')}. ${first?.recommendedAction}`,
        ),
      names: failures.map(({ user }) => user),
      count,
      commands: [seeFailures, retryAll],
    },
  };
}

const seeFailures = { command: 'maptician-sync log --status failure', does: 'Each user, and why.' };
const retryAll = {
  command: 'maptician-sync retry --all',
  does: 'Has the next cycle try them all again, where the mend was not in Entra.',
};

interface FailureGroup {
  readonly members: readonly Failure[];
  readonly count: number;
}

function failureGroup({ members, count }: FailureGroup, room: number): Block[] {
  const [first] = members;
  if (first === undefined) return [];
  const shared = members.length > 1 && members.every(({ reason }) => reason === first.reason);
  const entries = members.slice(0, room).map((failure): Entry => {
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
    { kind: 'heading', text: `${first.code}: ${howMany(count, 'user')}` },
    ...(shared ? [{ kind: 'paragraph', text: `Why: ${cut(first.reason, 600)}` } as const] : []),
    { kind: 'paragraph', text: `What to do: ${first.recommendedAction}` },
    { kind: 'entries', entries },
  ];
}

/** Removals, or other changes where they have limits, that the guard holds. */
export function heldNotice(facts: {
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
}): Notice {
  const { removals, count, limitText, stops = false, setId } = facts;
  const named = removals.slice(0, namedUsers);
  const rest = count - named.length;
  const removes = removals.every(({ action }) => action === 'deactivate' || action === 'delete');
  const noun = removes ? 'removal' : 'change';
  const goesOn = stops ? 'Until you answer, nothing else is changed either.' : 'Everything else goes on as usual.';
  const commands = [
    { command: `maptician-sync approve ${setId}`, does: `It is right: carry the ${noun}s out.` },
    { command: `maptician-sync reject ${setId}`, does: 'It is a mistake: leave these accounts as they are.' },
    {
      command: `maptician-sync approve ${setId} --user NAME`,
      does: 'Only some of them, by userName; reject likewise.',
    },
  ];
  return {
    subject: `${howMany(count, noun)} held for your approval`,
    tone: 'attention',
    title: `${howMany(count, 'user')} would ${removes ? 'lose access' : 'be changed'}. Is that right?`,
    blocks: [
      {
        kind: 'paragraph',
        text: `One cycle was about to ${removes ? 'deactivate or delete' : 'change'} ${howMany(count, 'user')} in Maptician. That is ${limitText}, so none of it was done. ${goesOn}`,
      },
      { kind: 'heading', text: 'What to do' },
      { kind: 'commands', commands },
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
    brief: {
      lines: [`That is ${limitText}, so none of it was done. ${goesOn}`],
      names: removals.map(({ user }) => user),
      count,
      commands,
    },
  };
}

/** Something is odd and was left alone to be safe, such as a list that Microsoft Graph cut short. */
export function warningNotice(facts: { readonly warnings: readonly string[]; readonly host: string }): Notice {
  const { warnings, host } = facts;
  const count = howMany(warnings.length, 'warning');
  return {
    subject: warnings.length === 1 ? `Warning: ${warnings[0]}` : count,
    tone: 'attention',
    title: `${count} from the last cycle`,
    blocks: [
      { kind: 'list', items: warnings.slice(0, namedUsers).map((warning) => cut(warning, 600)) },
      ...(warnings.length > namedUsers ? [more(warnings.length - namedUsers, 'maptician-sync status')] : []),
      { kind: 'paragraph', text: 'The cycle went on, and did nothing that it could not be sure of.' },
    ],
    footer: sentFrom(host),
    brief: {
      // The names in it are for the mail.
      lines: warnings.slice(0, 3).map((warning) => cut(warning.replaceAll(/ \([^()]*@[^()]*\)/g, ''), 300)),
      commands: [{ command: 'maptician-sync status', does: 'All warnings of the last cycle.' }],
    },
  };
}
