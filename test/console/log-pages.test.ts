/** Pages of the provisioning log, over a database of their own. */
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type LogPage, readFoldedPage, readLogPage } from '../../src/state/log-page.ts';
import type { LogFilter } from '../../src/state/provisioning-log.ts';
import { openTestState, type TestState } from '../support/state-database.ts';

const cycles = 8;
const failing = idOf(1);

function idOf(user: number): string {
  return `00000000-0000-4000-8000-${String(user).padStart(12, '0')}`;
}

/** In each of eight cycles one user fails, each time as the time before but in the fifth, and twenty are updated. */
async function openLog(): Promise<TestState> {
  const state = await openTestState();
  await state.pool.query(
    `insert into provisioning_log (activity_at, cycle_id, action, operation, status, entra_id, user_name, code, reason, attempt)
     select now() - make_interval(hours => ${cycles} - c, secs => 60 - n), c, 'update', 'update',
       case n when 1 then 'failure' else 'success' end, ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid,
       'person' || n, case n when 1 then 'Conflict' end, case when n = 1 then case c when 5 then 'other' else 'taken' end end,
       case n when 1 then c end
     from generate_series(1, ${cycles}) c, generate_series(1, 21) n order by c, n`,
  );
  return state;
}

async function turnPages(state: TestState, filter: LogFilter, limit: number) {
  const pages: LogPage[] = [];
  for (let before: number | undefined; pages.length < 100; ) {
    const page = await readLogPage(state.pool, filter, { before, limit });
    pages.push(page);
    before = page.next;
    if (before === undefined) break;
  }
  return pages;
}

describe('pages of the log', () => {
  let state: TestState;
  beforeAll(async () => {
    state = await openLog();
    return () => state.close();
  });

  it.each<[string, LogFilter, number]>([
    ['everything', {}, cycles * 21],
    ['a status', { status: 'failure' }, cycles],
    ['a code', { code: 'conflict' }, cycles],
    ['a cycle', { cycle: 3 }, 21],
    ['a user', { user: idOf(7) }, cycles],
    ['a user and a status', { user: failing, status: 'success' }, 0],
    ['a time', { since: new Date(Date.now() - 2.5 * 3_600_000) }, 3 * 21],
    ['a time and a cycle', { until: new Date(Date.now() - 2.5 * 3_600_000), cycle: 5, status: 'success' }, 20],
  ])('have each entry of %s once, newest first', async (_, filter, count) => {
    const pages = await turnPages(state, filter, 5);
    const ids = pages.flatMap(({ records }) => records.map(({ id }) => id));
    expect(ids).toHaveLength(count);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => b - a));
    expect(pages.every(({ lookedTo }) => lookedTo === undefined)).toBe(true);
  });

  it('have one line for a failure that repeats itself, wherever its entries are', async () => {
    const first = await readFoldedPage(state.pool, { status: 'failure' }, { limit: 2 });
    expect(first.lines.map(({ entry, times }) => [entry.cycleId, times])).toEqual([
      [8, 3],
      [5, 1],
    ]);
    const second = await readFoldedPage(state.pool, { status: 'failure' }, { before: first.next, limit: 2 });
    expect(second.lines.map(({ entry, times, since }) => [entry.cycleId, times, hoursAgo(since)])).toEqual([[4, 4, 7]]);
    expect(second.next).toBeUndefined();
    // The line of the first page is not begun anew by its older entries.
    const within = await readFoldedPage(state.pool, {}, { before: first.lines[0]?.entry.id, limit: 100 });
    expect(within.lines.filter(({ entry }) => entry.status === 'failure').map(({ entry }) => entry.cycleId)).toEqual([
      5, 4,
    ]);
  });

  it('show a failure that repeated itself only after the time that is asked for', async () => {
    const until = new Date(Date.now() - 1.5 * 3_600_000);
    const { lines } = await readFoldedPage(state.pool, { until, status: 'failure' }, { limit: 5 });
    expect(lines.map(({ entry, times }) => [entry.cycleId, times])).toEqual([
      [6, 1],
      [5, 1],
      [4, 4],
    ]);
  });
});

function hoursAgo(moment: Date): number {
  return Math.floor((Date.now() - moment.getTime()) / 3_600_000);
}

it('a page ends its look in time where few entries match, says how far it was, and goes on from there', async () => {
  const state = await openTestState();
  onTestFinished(() => state.close());
  await state.pool.query(
    `insert into provisioning_log (activity_at, cycle_id, action, operation, status, entra_id)
     select now() - make_interval(secs => 70000 - n), 1, case n when 10 then 'delete' else 'update' end, 'update', 'success',
       gen_random_uuid() from generate_series(1, 70000) n order by n`,
  );
  const first = await readLogPage(state.pool, { action: 'delete' }, { limit: 5 });
  expect(first).toMatchObject({ records: [], next: expect.any(Number), lookedTo: expect.any(Date) });
  expect(hoursAgo(first.lookedTo ?? new Date())).toBe(13);
  const second = await readLogPage(state.pool, { action: 'delete' }, { before: first.next, limit: 5 });
  expect(second).toMatchObject({ records: [{ action: 'delete' }], next: undefined, lookedTo: undefined });
  expect(await readFoldedPage(state.pool, { action: 'delete' }, { limit: 5 })).toMatchObject({
    lines: [],
    next: first.next,
  });
});

it('many repeated failures in a row pause the look as well', async () => {
  const state = await openTestState();
  onTestFinished(() => state.close());
  await state.pool.query(
    `insert into provisioning_log (activity_at, cycle_id, action, operation, status, entra_id, code, reason, attempt)
     select now() - make_interval(hours => 3 - c), c, 'update', 'update', 'failure',
       ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'Timeout', 'slow', c
     from generate_series(1, 2) c, generate_series(1, 6000) n order by c, n`,
  );
  let [shown, pauses] = [0, 0];
  for (let before: number | undefined, pages = 0; pages < 30; pages += 1) {
    const page = await readFoldedPage(state.pool, {}, { before, limit: 1000 });
    shown += page.lines.length;
    if (page.lookedTo !== undefined) pauses += 1;
    before = page.next;
    if (before === undefined) break;
  }
  expect([shown, pauses]).toEqual([6000, 3]);
});
