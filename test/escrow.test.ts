import { expect, it } from 'vitest';
import { nextRetry } from '../src/state/escrow.ts';

const first = new Date('2026-01-01T00:00:00Z');
const at = (hours: number) => new Date(first.getTime() + hours * 3_600_000);

it.each([
  ['6 hours after the first failure', 1, 0, 6],
  ['12 hours after the first failure', 2, 6, 12],
  ['24 hours after the first failure', 3, 12, 24],
  ['a day after the fourth', 4, 24, 48],
  ['a day after the tenth', 10, 100, 124],
  ['never in the past', 1, 30, 30],
])('what only a change can mend is tried again %s', (_when, attempts, now, expected) => {
  expect(nextRetry('UnprocessableEntity', first, attempts, at(now))).toEqual(at(expected));
});

it.each([
  'TooManyRequests',
  'InternalServerError',
  'Timeout',
  'WebExceptionProtocolError',
  'DuplicateSourceEntries',
] as const)('%s is tried again at the next cycle', (code) => {
  expect(nextRetry(code, first, 5, at(40))).toEqual(at(40));
});
