/** `status`: where things stand, and what to do. */

import type { ExportState } from '../log-export/export-log.ts';
import { type CredentialExpiry, describeCredential } from '../notify/credentials.ts';
import { readStatus, statusJson } from '../read-status.ts';
import type { DriftCheck } from '../state/drift.ts';
import type { HeldSet } from '../state/held-sets.ts';
import type { Failing, Standing } from '../state/standing.ts';
import { actionFor, cell, describeCounts, describeKinds, describeProgress, howMany, when } from '../words.ts';
import { type CommandOptions, print, printJson, withService } from './command.ts';

export async function status(options: CommandOptions): Promise<number> {
  return withService(options, async (service) => {
    const found = await readStatus(service);
    if (options.json) printJson(statusJson(found));
    else {
      const lines = describeStanding(found.standing, found.nextRun, found.credential);
      print([...lines, ...describeDrift(found.drift), ...describeExport(found.logExport)].join('\n'));
    }
    return 0;
  });
}

function describeStanding(
  standing: Standing,
  nextRun: Date | undefined,
  credential: CredentialExpiry | undefined,
): string[] {
  const { lastCycle: cycle, users, toDate } = standing;
  const lines = [
    `State      ${standing.state}`,
    `Users      ${users.active} active and ${users.linked - users.active} inactive in Maptician; ${users.inScope} in scope in Entra`,
    `Next run   ${nextRun === undefined ? 'none' : `${when(nextRun)} UTC, if the service is running`}`,
  ];
  if (credential !== undefined) lines.push(`Sign-in    ${describeCredential(credential, new Date())}`);
  if (cycle === undefined) {
    lines.push(...describeJob(standing), '');
    lines.push(
      'No cycle has run yet. Check the connections: maptician-sync test-connection. Then: maptician-sync sync',
    );
    return lines;
  }
  const ended =
    cycle.endedAt === null ? `in ${cycle.phase} since ${when(cycle.startedAt)}` : `ended ${when(cycle.endedAt)}`;
  lines.push(`Last cycle ${cycle.id} (${cycle.kind}, by ${cycle.trigger}): ${cycle.state}, ${ended} UTC`);
  if (cycle.counts !== null) lines.push(`           ${describeCounts(cycle.counts) || 'nothing changed'}`);
  if (standing.progress !== undefined) lines.push(`Progress   ${describeProgress(standing.progress)}`);
  const { cycles, ...done } = toDate;
  lines.push(`To date    ${howMany(cycles, 'cycle')}: ${describeCounts(done) || 'nothing changed'}`);
  lines.push(...describeJob(standing));
  // Of a quarantine or a pause its own lines tell; one that is over is no news.
  if (standing.state === 'stopped' && cycle.stopMessage !== null) {
    lines.push('', `Stopped: ${cycle.stopMessage}`, actionFor(cycle.stopCode));
  }
  for (const set of standing.held) lines.push('', ...describeHeld(set));
  if (standing.rejected > 0) {
    lines.push(
      '',
      `${howMany(standing.rejected, 'account')} without access in Entra stay as they are, since their removal was rejected.`,
    );
    lines.push('For one of them to be removed after all: maptician-sync retry USER');
  }
  if (standing.failed > 0) {
    lines.push('', `${howMany(standing.failed, 'user')} failed. See why: maptician-sync log --status failure`);
    lines.push(...standing.failing.map(describeFailing));
    const more = standing.failed - standing.failing.length;
    if (more > 0) lines.push(`  … and ${more} more`);
    lines.push('Try them again now: maptician-sync retry --all, then maptician-sync sync');
  }
  for (const warning of cycle.warnings) lines.push('', `Warning: ${warning}`);
  return lines;
}

/** Worth a word only where it fails. */
function describeExport(state: ExportState | undefined): string[] {
  if (state === undefined || state.failure === null) return [];
  const { since, message } = state.failure;
  return [
    '',
    `Failing since ${when(new Date(since))} UTC: ${message}`,
    'Check LOG_EXPORT_URL and its receiver. It is tried again every minute, and nothing is lost.',
  ];
}

/** Paused, in quarantine, or a restart that waits; each with the way out. */
function describeJob({ job }: Standing): string[] {
  const lines: string[] = [];
  const { pausedAt, quarantine, escrowsPruned, restartScope } = job;
  if (pausedAt !== null) {
    lines.push('', `Paused since ${when(pausedAt)} UTC. Let it go on: maptician-sync resume`);
  }
  if (quarantine !== null) {
    const { reason, since, message, code, nextAttempt, disabledAt, count } = quarantine;
    lines.push('', `In quarantine since ${when(since)} UTC (${reason}): ${message}`);
    if (code !== null) lines.push(actionFor(code));
    if (disabledAt !== null) lines.push('Disabled after four weeks: nothing is tried any more.');
    else if (nextAttempt !== null) lines.push(`Tried ${howMany(count, 'time')}; again ${when(nextAttempt)} UTC.`);
    else if (escrowsPruned) lines.push('It was the initial cycle; so many failures have one cause, as a rule.');
    if (escrowsPruned || code === 'TooManyFailures') lines.push('See who failed: maptician-sync log --status failure');
    lines.push('When it is mended: maptician-sync resume');
  }
  if (restartScope.length > 0) lines.push('', `The next cycle resets ${restartScope.join(', ')} first.`);
  return lines;
}

function describeHeld({ set, kinds, reason, expiresAt, stops }: HeldSet): string[] {
  const why = reason === null ? '' : `: ${reason}`;
  return [
    `Held as set ${set}${why}`,
    `${describeKinds(kinds)}. See who: maptician-sync plan${stops ? '. Until you answer, nothing else is changed either.' : ''}`,
    `Carry it out: maptician-sync approve ${set}    Leave it: maptician-sync reject ${set}    Some of it: --user NAME`,
    ...(expiresAt === null ? [] : [`Unanswered until ${when(expiresAt)} UTC, it is held anew and told of again.`]),
  ];
}

function describeFailing({ id, userName, code, httpStatus, attempts, nextRetryAt }: Failing): string {
  const what = httpStatus === null ? code : `${code} (${httpStatus})`;
  const retried = attempts === 1 ? 'not retried yet' : `retried ${howMany(attempts - 1, 'time')}`;
  return `  ${cell(userName ?? id)}: ${what}, ${retried}, ${nextTry(nextRetryAt)}`;
}

function nextTry(at: Date | null): string {
  if (at === null) return 'given up after 28 days; a change or a retry tries again';
  return at <= new Date() ? 'next in the next cycle' : `next at ${when(at)} UTC or after a change`;
}

/** What somebody else changed in Maptician, by the last look; nothing where there is nothing of it. */
function describeDrift(check: DriftCheck | undefined): string[] {
  if (check === undefined) return [];
  if (check.counts === null) {
    return [
      '',
      `Drift could not be looked for (${when(check.endedAt)} UTC): ${check.stopMessage ?? check.stopCode ?? ''}`,
    ];
  }
  const found = describeCounts(check.counts.drift);
  if (found === '') return [];
  const done = check.action === 'repair' ? 'made good by the next cycle' : 'see it: maptician-sync drift';
  return ['', `Drift: ${found}, found ${when(check.endedAt)} UTC; ${done}`];
}
