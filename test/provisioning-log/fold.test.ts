import { expect, it } from 'vitest';
import { describeEntries } from '../../src/cli/log-table.ts';
import { foldEntries } from '../../src/log-record/fold.ts';
import { readMoment } from '../../src/moment.ts';
import type { LogRecord } from '../../src/state/provisioning-log.ts';
import { ada, bob, recordOf } from './entries.ts';

const hour = (count: number) => new Date(Date.UTC(2026, 10, 24, count));

/** A failure at an hour of the day. */
const failed = (entraId: string, at: number, attempt: number, changes: Partial<LogRecord> = {}) =>
  recordOf({
    entraId,
    activityAt: hour(at),
    status: 'failure',
    code: 'Conflict',
    reason: 'taken',
    attempt,
    ...changes,
  });

async function fold(entries: readonly LogRecord[], limit = 50, readAtMost = 1000) {
  let read = 0;
  async function* pages() {
    for (const entry of entries) {
      read += 1;
      yield [entry];
    }
  }
  const lines = await foldEntries(pages(), { limit, readAtMost });
  return {
    read,
    lines: lines.map(({ entry, times, since }) => [
      entry.entraId,
      entry.activityAt.getUTCHours(),
      times,
      since.getUTCHours(),
    ]),
  };
}

it('failures of one user that say the same are one line, though those of others lie between', async () => {
  const { lines } = await fold([
    failed(ada, 12, 3),
    failed(bob, 12, 2),
    failed(ada, 11, 2),
    failed(bob, 11, 1),
    failed(ada, 10, 1),
  ]);
  expect(lines).toEqual([
    [ada, 12, 3, 10],
    [bob, 12, 2, 11],
  ]);
});

it.each<[string, LogRecord]>([
  ['another reason', failed(ada, 11, 2, { reason: 'slow' })],
  ['another class', failed(ada, 11, 2, { code: 'Timeout' })],
  ['another operation', failed(ada, 11, 2, { operation: 'create' })],
  ['a success between', recordOf({ activityAt: hour(11) })],
])('%s begins another line', async (_what, between) => {
  const { lines } = await fold([failed(ada, 12, 3), between, failed(ada, 10, 1)]);
  expect(lines).toHaveLength(3);
});

it('what has happened once stands for itself, and successes are never folded', async () => {
  const { lines } = await fold([
    recordOf({ activityAt: hour(2) }),
    recordOf({ activityAt: hour(1) }),
    failed(ada, 0, 1),
  ]);
  expect(lines).toEqual([
    [ada, 2, 1, 2],
    [ada, 1, 1, 1],
    [ada, 0, 1, 0],
  ]);
});

it('with all lines it reads on only while an older entry can belong to one of them', async () => {
  const entries = [
    failed(ada, 12, 3),
    recordOf({ entraId: bob }),
    failed(ada, 11, 2),
    failed(ada, 10, 1),
    failed(ada, 9, 5),
    failed(ada, 8, 4),
  ];
  expect(await fold(entries, 1)).toEqual({ read: 4, lines: [[ada, 12, 3, 10]] });
  expect(await fold(entries, 50, 3)).toMatchObject({ read: 3 });
});

it('a line of the table says how often, since when, and when next', () => {
  const entry = failed(ada, 12, 3, { httpStatus: 409, nextRetryAt: hour(24) });
  const table = describeEntries(
    [
      { entry, times: 3, since: hour(10) },
      { entry: failed(bob, 1, 1), times: 1, since: hour(1) },
    ],
    hour(12),
  );
  expect(table).toContain(
    'Conflict (409, attempt 3): taken ×3 since 2026-11-24 10:00:00. Next try 2026-11-25 00:00:00. Another',
  );
  expect(table).toContain('Conflict: taken Another');
});

const now = Date.UTC(2026, 10, 24, 12);
it.each([
  ['30m', '2026-11-24T11:30:00.000Z'],
  ['2h', '2026-11-24T10:00:00.000Z'],
  ['7d', '2026-11-17T12:00:00.000Z'],
  ['2w', '2026-11-10T12:00:00.000Z'],
  ['2026-11-01', '2026-11-01T00:00:00.000Z'],
  ['2026-11-01 08:30', '2026-11-01T08:30:00.000Z'],
  ['2026-11-01T08:30:15.5+02:00', '2026-11-01T06:30:15.500Z'],
  ['yesterday', undefined],
  ['2026-13-01', undefined],
  ['7', undefined],
])('a moment is written as %s', (text, expected) => {
  expect(readMoment(text, now)?.toISOString()).toBe(expected);
});
