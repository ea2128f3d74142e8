import type pg from 'pg';
import { beforeEach, expect, it } from 'vitest';
import { createBreaker, type OnTried } from '../src/apply/breaker.ts';
import { enterQuarantine } from '../src/state/job.ts';
import { openTestState, type TestState } from './support/state-database.ts';

let tell: OnTried;
let pool: pg.Pool;
let state: TestState;
beforeEach(async () => {
  state = await openTestState();
  pool = state.pool;
  tell = createBreaker(pool);
  await pool.query(
    `insert into cycles (kind, trigger, log_from) select 'incremental', 'sync', 0 from generate_series(1, 30)`,
  );
  return () => state.close();
});

const failedOf = (users: number, code: 'Timeout' | 'Conflict' = 'Timeout') =>
  Array.from({ length: users }, (_, index) => ({ user: `user ${index}`, code }));
const stopped = async () => (await pool.query('select from cycles where stop_code is not null')).rowCount;

it.each([
  { what: '19 users in a row', tried: failedOf(19), stops: 0 },
  { what: '20 users in a row', tried: failedOf(20), stops: 1 },
  { what: '20 users who fail for their own sake', tried: failedOf(20, 'Conflict'), stops: 0 },
  {
    what: '30 users with a success between',
    tried: [...failedOf(15), { user: 'well', code: null }, ...failedOf(15)],
    stops: 0,
  },
])('$what stop $stops cycle', async ({ tried, stops }) => {
  for (const one of tried) await tell(1, { settled: [one], again: [] });
  expect(await stopped()).toBe(stops);
});

it('one user who fails in each of thirty cycles stops none, nor one who is tried again and again in quarantine', async () => {
  for (let cycle = 1; cycle <= 30; cycle++) await tell(cycle, { settled: failedOf(1), again: failedOf(1) });
  await enterQuarantine(pool, { reason: 'IngestionInterrupted', code: null, message: 'for the test' });
  for (let attempt = 1; attempt <= 4; attempt++) await tell(30, { settled: [], again: failedOf(1) });
  expect(await stopped()).toBe(0);
  await tell(30, { settled: [], again: failedOf(3) });
  expect(await stopped(), 'three users who are tried again are enough in quarantine').toBe(1);
});
