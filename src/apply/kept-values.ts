/** What Maptician holds instead of what it was given, as an entry of the provisioning log. */
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import { redact } from '../mapping/redaction.ts';
import type { LogEntry } from '../state/provisioning-log.ts';
import type { Operation } from './operations.ts';
import type { Outcome } from './outcome.ts';

/**
 * The warning beside an operation that succeeded: what was sent, and what Maptician keeps. Undefined where it keeps
 * nothing else, or no more than it is known to keep.
 */
export function keptEntry(operation: Operation, outcome: Outcome): LogEntry | undefined {
  if (outcome.kind !== 'done' && outcome.kind !== 'adopted') return undefined;
  const news = Object.entries(outcome.kept ?? {}).filter(
    ([path, value]) => operation.kept[path as AttributePath] !== value,
  ) as [AttributePath, UserAttributes[AttributePath]][];
  if (news.length === 0) return undefined;
  const sent = {
    ...operation.applied,
    ...operation.attributes,
    ...(outcome.kind === 'adopted' ? outcome.changes : {}),
  };
  return {
    action: 'other',
    operation: 'kept',
    status: 'warning',
    entraId: operation.entraId,
    userName: operation.userName,
    mapticianId: outcome.mapticianId,
    code: null,
    reason: describe(news),
    before: redact(Object.fromEntries(news.map(([path]) => [path, sent[path] ?? null])), operation.redacted),
    after: redact(Object.fromEntries(news), operation.redacted),
  };
}

function describe(news: readonly (readonly [AttributePath, UserAttributes[AttributePath]])[]): string {
  const paths = (dropped: boolean) => news.filter(([, value]) => (value === null) === dropped).map(([path]) => path);
  const changed = paths(false);
  const dropped = paths(true);
  return [
    ...(changed.length > 0 ? [`Maptician keeps another value than it was given for ${changed.join(', ')}`] : []),
    ...(dropped.length > 0 ? [`Maptician keeps nothing of what it was given for ${dropped.join(', ')}`] : []),
  ].join('; ');
}
