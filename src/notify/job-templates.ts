/** What people are told of the job as a whole: quarantine, silence, credentials, and that it is well again. */

import { type ErrorCode, recommendedAction } from '../errors.ts';
import type { Job } from '../state/job.ts';
import type { CredentialExpiry } from './credentials.ts';
import { type Block, type Command, cut, type Notice } from './mail-layout.ts';
import { howLong, howMany, more, sentFrom, time } from './template-words.ts';

const namedUsers = 20;

type Quarantine = NonNullable<Job['quarantine']>;

/** A user whose failure is one of the many that put the job into quarantine. */
export interface QuarantineFailure {
  readonly user: string;
  readonly objectId: string;
  readonly code: string;
  readonly reason: string;
}

/** Why nothing is synchronized: what is known of the quarantine, or of a cycle that stopped without one. */
export interface QuarantineFacts extends Pick<Quarantine, 'code' | 'message' | 'since' | 'nextAttempt' | 'disabledAt'> {
  /** Microsoft's word; undefined for a cycle that only stopped. */
  readonly reason: Quarantine['reason'] | undefined;
  /** The other side's own words. */
  readonly detail?: string | undefined;
  /** It waits for a person, after an initial cycle in which too many failed. */
  readonly escrowsPruned: boolean;
  /** Those who failed, or the first of them, and how many they are; empty where an error concerns everyone alike. */
  readonly failures: readonly QuarantineFailure[];
  readonly failed: number;
  readonly reminder: boolean;
  readonly now: Date;
  readonly host: string;
}

const testConnection: Command = {
  command: 'maptician-sync test-connection',
  does: 'Tries each part by itself, and says how to mend what does not work.',
};
const resume: Command = {
  command: 'maptician-sync resume',
  does: 'Goes on at once, when it is mended.',
};
const restart: Command = {
  command: 'maptician-sync restart',
  does: 'Goes on and reads everything anew, where the mend was a changed mapping or address.',
};
const seeFailures: Command = { command: 'maptician-sync log --status failure', does: 'Each user, and why.' };

/** The job is in quarantine, still in quarantine, or disabled after four weeks of it. */
export function quarantineNotice(facts: QuarantineFacts): Notice {
  const { code, failures, failed } = facts;
  // A code says it where there is one; else it is the number of failures.
  const what = code ?? (facts.reason === undefined ? 'nothing works' : 'too many users fail');
  const { subject, title } = quarantineTitle(facts, what);
  const commands = code === null ? [seeFailures, resume, restart] : [testConnection, resume, restart];
  const action = code === null ? manyFailures : recommendedAction(code);
  const blocks: Block[] = [
    { kind: 'paragraph', text: cut(facts.message, 600) },
    ...(facts.detail === undefined
      ? []
      : [{ kind: 'paragraph', text: `The answer was: ${cut(facts.detail, 600)}` } as const]),
    { kind: 'heading', text: 'What to do' },
    { kind: 'paragraph', text: action },
    { kind: 'commands', commands },
    {
      kind: 'paragraph',
      text: 'Where the mend was a setting, restart the service first: it reads them when it starts.',
    },
    { kind: 'heading', text: 'Until then' },
    { kind: 'paragraph', text: untilThen(facts) },
  ];
  if (failures.length > 0) {
    const named = failures.slice(0, namedUsers);
    blocks.push(
      { kind: 'heading', text: 'Who' },
      {
        kind: 'entries',
        entries: named.map((failure) => ({
          title: cut(failure.user, 200),
          lines: [`${failure.code}: ${cut(failure.reason, 300)}`],
          note: `object id ${failure.objectId}`,
        })),
      },
    );
    if (failed > named.length) blocks.push(more(failed - named.length, seeFailures.command));
  }
  return {
    subject,
    tone: 'problem',
    title,
    blocks,
    footer: sentFrom(facts.host),
    brief: {
      // The message names settings and counts, and no user.
      lines: [cut(facts.message, 300), action],
      names: failures.map(({ user }) => user),
      count: failed,
      commands,
    },
  };
}

const manyFailures =
  'So many failures have one cause as a rule: a changed mapping, a value that Maptician now insists on, or an address that leads elsewhere. Look at what the failures have in common and mend that.';

function quarantineTitle({ disabledAt, reminder, since, now }: QuarantineFacts, what: string) {
  if (disabledAt !== null) {
    return {
      subject: `Disabled after four weeks: ${what}`,
      title: 'Users are not being synchronized, and it is not tried any more',
    };
  }
  if (!reminder) return { subject: `Stopped: ${what}`, title: 'Users are not being synchronized' };
  const long = howLong(since, now);
  return { subject: `Still stopped after ${long}: ${what}`, title: `Users have not been synchronized for ${long}` };
}

function untilThen({ reason, since, nextAttempt, disabledAt, escrowsPruned }: QuarantineFacts): string {
  const nobody = `No user is created, changed or removed in Maptician. It has been so since ${time(since)}${reason === undefined ? '' : `: the job is in quarantine (${reason})`}.`;
  if (disabledAt !== null) return `${nobody} Nothing is tried by itself any more, and this is the last mail about it.`;
  const next = escrowsPruned
    ? 'It happened in the first reading of everyone, so the job waits for you: nothing is tried before "resume".'
    : nextAttempt === null
      ? 'It is tried again on schedule.'
      : `Whether it works again is tried by itself, next at ${time(nextAttempt)} and then less and less often; then it goes on without you. After four weeks the job is disabled.`;
  return `${nobody} ${next} You are reminded after 1, 3, 7, 14 and 21 days, and told when it is well again.`;
}

/** No cycle has ended for hours, though one should have. */
export function silenceNotice(facts: {
  /** NO_CYCLE_ALERT_HOURS. */
  readonly hours: number;
  /** When a cycle last finished, or one that runs last got on. */
  readonly since: Date;
  /** The cycle that hangs, where one does. */
  readonly running: { readonly id: number; readonly phase: string; readonly startedAt: Date } | undefined;
  readonly reminder: boolean;
  readonly now: Date;
  readonly host: string;
}): Notice {
  const { since, now, running } = facts;
  const long = howLong(since, now);
  const lines = [
    `Since ${time(since)} no cycle has finished, so nobody is synchronized.`,
    running === undefined
      ? 'This process runs, and no cycle begins. See whether the process that has the schedule runs ("maptician-sync start", without --no-schedule), whether it has the same DATABASE_URL and REDIS_URL, and what its log says.'
      : `Cycle ${running.id} began at ${time(running.startedAt)} and does not get on in its phase "${running.phase}". See what the log of the process that runs it says, and restart that process: the next cycle goes on from there.`,
  ];
  const commands = [
    { command: 'maptician-sync status', does: 'Where things stand, and when the next cycle is due.' },
    { command: 'maptician-sync sync', does: 'Runs a cycle now, and shows what stops it.' },
  ];
  return {
    subject: `${facts.reminder ? 'Still no' : 'No'} cycle has finished for ${long}`,
    tone: 'problem',
    title: `No cycle has finished for ${long}`,
    blocks: [
      ...lines.map((text): Block => ({ kind: 'paragraph', text })),
      { kind: 'commands', commands },
      {
        kind: 'paragraph',
        text: `You are told after ${howMany(facts.hours, 'hour')} (NO_CYCLE_ALERT_HOURS), reminded after 1, 3 and 7 days and then weekly, and told when it is well again.`,
      },
    ],
    footer: sentFrom(facts.host),
    brief: { lines, commands },
  };
}

/** The credential the app signs in with expires soon, or has expired. */
export function credentialsNotice(facts: {
  readonly credential: CredentialExpiry;
  readonly now: Date;
  readonly host: string;
}): Notice {
  const { credential, now } = facts;
  const secret = credential.kind === 'secret';
  const what = secret ? 'client secret' : 'certificate';
  const days = Math.ceil((credential.expiresAt.getTime() - now.getTime()) / 86_400_000);
  const expires = days > 0 ? `expires in ${howMany(days, 'day')}` : 'has expired';
  const name = credential.name === undefined ? '' : ` “${cut(credential.name, 100)}”`;
  const lines = [
    `The ${what}${name} that maptician-sync signs in to Microsoft Entra with ${days > 0 ? 'expires' : 'expired'} at ${time(credential.expiresAt)}. ${days > 0 ? 'From then on' : 'Until it is renewed'} no user is synchronized.`,
  ];
  return {
    subject: `The ${what} ${expires}`,
    tone: days > 7 ? 'attention' : 'problem',
    title: `The ${what} ${expires}`,
    blocks: [
      ...lines.map((text): Block => ({ kind: 'paragraph', text })),
      { kind: 'heading', text: 'What to do' },
      { kind: 'list', items: secret ? renewSecret : renewCertificate },
      { kind: 'commands', commands: [testConnection] },
      {
        kind: 'paragraph',
        text: 'You are told 30, 14, 7, 3 and 1 days before it expires, and when it has.',
      },
    ],
    footer: sentFrom(facts.host),
    brief: { lines: [...lines, (secret ? renewSecret : renewCertificate).join(' ')], commands: [testConnection] },
  };
}

const renewSecret = [
  'In the Entra admin center, open App registrations, the registration of AZURE_CLIENT_ID, Certificates & secrets, and make a new client secret. The old one goes on working until it expires.',
  'Set AZURE_CLIENT_SECRET to its value (not its id), and restart maptician-sync.',
];
const renewCertificate = [
  'Make a new certificate, and upload it in the Entra admin center under App registrations, the registration of AZURE_CLIENT_ID, Certificates & secrets. The old one goes on working until it expires.',
  'Put the new one and its key into the file of AZURE_CLIENT_CERTIFICATE_PATH, and restart maptician-sync.',
];

/** What was wrong before it was well again. */
export interface EndedIncident {
  readonly kind: 'failures' | 'quarantine' | 'silence';
  readonly code: ErrorCode | undefined;
  readonly since: Date;
}

/** It is well again. `failed` is how many users fail all the same. */
export function recoveryNotice(facts: {
  readonly ended: EndedIncident;
  readonly failed: number;
  readonly host: string;
}): Notice {
  const { ended, failed, host } = facts;
  const lines = [
    `What was wrong since ${time(ended.since)}: ${whatWas(ended)}.`,
    failed === 0
      ? 'It is over. What was missed meanwhile is made good by itself; there is nothing to do.'
      : `It is over. What was missed meanwhile is made good by itself. ${howMany(failed, 'user')} still cannot be brought up to date, for reasons of their own: ${seeFailures.command}`,
  ];
  return {
    subject: 'Well again',
    tone: 'well',
    title: 'Users are synchronized again',
    blocks: lines.map((text): Block => ({ kind: 'paragraph', text })),
    footer: sentFrom(host),
    brief: { lines, commands: [] },
  };
}

function whatWas({ kind, code }: EndedIncident): string {
  if (kind === 'failures') return 'some users could not be provisioned';
  if (kind === 'silence') return 'no cycle finished';
  return code === undefined ? 'too many users failed' : `cycles stopped with ${code}`;
}
