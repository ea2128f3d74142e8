/** What an entry of the provisioning log says, in words. Pure. */
import type { LogRecord } from '../state/provisioning-log.ts';
import { cell, when } from '../words.ts';
import type { FoldedEntry } from './fold.ts';

/**
 * One or two sentences; what a person should do about a failure is told by its code.
 * @param now what is due by then is tried in the next cycle
 */
export function describeEntry({ entry, times, since }: FoldedEntry, now: Date): string {
  if (entry.code !== null) {
    return [
      `${describeCode(entry.code, entry)}: ${cell(entry.reason)}`,
      ...(times === 1 ? [] : [`×${times} since ${when(since)}.`]),
      ...nextTry(entry, now),
    ].join(' ');
  }
  if (entry.operation === 'kept') {
    return entry.modified
      .map(({ displayName, oldValue, newValue }) => `${displayName}: sent ${cell(oldValue)}, kept ${cell(newValue)}`)
      .join('; ');
  }
  if (entry.operation === 'create' || entry.modified.length === 0) return cell(entry.reason);
  return entry.modified
    .map(({ displayName, oldValue, newValue }) => `${displayName}: ${cell(oldValue)} → ${cell(newValue)}`)
    .join('; ');
}

/** Only the latest failure of a user knows it. */
function nextTry({ nextRetryAt }: LogRecord, now: Date): string[] {
  if (nextRetryAt === null) return [];
  return [nextRetryAt <= now ? 'Next try in the next cycle.' : `Next try ${when(nextRetryAt)}.`];
}

/** The class, the HTTP status where there was one, and how often in a row where it is not the first time. */
function describeCode(code: string, { httpStatus, attempt }: Pick<LogRecord, 'httpStatus' | 'attempt'>): string {
  const facts = [
    ...(httpStatus === null ? [] : [String(httpStatus)]),
    ...(attempt === null || attempt === 1 ? [] : [`attempt ${attempt}`]),
  ];
  return facts.length === 0 ? code : `${code} (${facts.join(', ')})`;
}
