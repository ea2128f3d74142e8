/** Words that the command line and the console share. */
import { type ErrorCode, errorCodes, recommendedAction } from './errors.ts';
import { enterpriseUserSchema } from './mapping/scim-path.ts';
import type { Standing } from './state/standing.ts';

/** A value in a table: what is not there is a dash, and nothing breaks the line. */
export function cell(value: string | number | boolean | null | undefined): string {
  if (value === null || value === undefined || value === '') return '–';
  return String(value).replaceAll(/\s+/g, ' ');
}

/** A Maptician attribute without the long name of its schema, which says nothing to a reader. */
export function shortAttribute(path: string): string {
  return path.startsWith(`${enterpriseUserSchema}:`) ? path.slice(enterpriseUserSchema.length + 1) : path;
}

/** A count with its noun: 1 removal, 2 removals. */
export function howMany(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** UTC date and time to the second. */
export function when(time: Date | null | undefined): string {
  return time === null || time === undefined ? '–' : time.toISOString().slice(0, 19).replace('T', ' ');
}

/** A code as it stands in a table; codes of other versions are shown as they are. */
export function actionFor(code: string | null): string {
  const known = errorCodes.find((candidate: ErrorCode) => candidate === code);
  return known === undefined ? '' : recommendedAction(known);
}

/** What is held, in words: 3 deactivations, 1 deletion. */
export function describeKinds(kinds: Readonly<Record<string, number>>): string {
  return Object.entries(kinds)
    .map(([kind, users]) => howMany(users, nouns[kind] ?? kind))
    .join(', ');
}

const nouns: Readonly<Record<string, string>> = {
  create: 'create',
  update: 'update',
  deactivate: 'deactivation',
  delete: 'deletion',
};

/** What becomes of what an operator rejected. */
export function fateOfRejected(kinds: Readonly<Record<string, number>>): string {
  const removals = 'The accounts stay as they are until their users have access in Entra again.';
  const others = 'Creates and updates are planned again when something changes for the user.';
  const isRemoval = (kind: string) => kind === 'deactivate' || kind === 'delete';
  const names = Object.keys(kinds);
  return [...(names.some(isRemoval) ? [removals] : []), ...(names.every(isRemoval) ? [] : [others])].join(' ');
}

/** What a cycle did, in words: 3 created, 1 failed. Empty where it did nothing. */
export function describeCounts(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`)
    .join(', ');
}

/** How far a cycle is, in words. */
export function describeProgress({ phase, done, total }: NonNullable<Standing['progress']>): string {
  if (done === null || (done === 0 && total === null)) return phase;
  return total === null ? `${phase}, ${done} so far` : `${phase}, ${done} of ${total}`;
}
