import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createRequestPace, type RequestPaceOptions } from '../../src/maptician/scim/request-pace.ts';
import { openDatabase, openPool } from '../../src/state/database.ts';
import { createDatabase, type TestDatabase } from '../support/database.ts';

let database: TestDatabase;
/** As many as there would be processes. */
let pools: pg.Pool[] = [];
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  const state = await openDatabase({ databaseUrl: database.url, home: tmpdir(), log: pino({ level: 'silent' }) });
  await state.close();
  pools = [1, 2, 3, 4].map(() => openPool(database.url, { searchPath: 'maptician_sync' }));
  pool = pools[0] as pg.Pool;
});

afterAll(async () => {
  await Promise.all(pools.map((each) => each.end()));
  await database.drop();
});

const open = (options: Partial<RequestPaceOptions> = {}) =>
  createRequestPace({
    pool,
    store: randomUUID(),
    ceiling: 1_000,
    signal: new AbortController().signal,
    ...options,
  });

/** One process a pool, all of one store. */
const openEach = (options: Partial<RequestPaceOptions> = {}) => {
  const store = options.store ?? randomUUID();
  return { store, paces: pools.map((each) => open({ ...options, store, pool: each })) };
};

/** A pace that has been at this rate for long. */
async function pacedAt(rate: number, options: Partial<RequestPaceOptions> & { threshold?: number } = {}) {
  const store = options.store ?? randomUUID();
  await pool.query(
    `insert into request_pace (store, rate, threshold, next_at, blocked_until, slowed_at)
     values ($1, $2, $3, '-infinity', '-infinity', '-infinity')`,
    [store, rate, options.threshold ?? rate],
  );
  return { store, pace: open({ ...options, store }) };
}

async function rateOf(store: string): Promise<number> {
  const { rows } = await pool.query<{ rate: number }>('select rate from request_pace where store = $1', [store]);
  return rows[0]?.rate ?? Number.NaN;
}

/** So many turns at once, each with the moment it came to. */
const turns = (count: number, pace: { turn(): Promise<number> }) =>
  Promise.all(Array.from({ length: count }, () => pace.turn().then((at) => ({ at, came: performance.now() }))));

/** The milliseconds between each and the one before it. */
const gaps = (moments: readonly number[]) => {
  const sorted = moments.toSorted((a, b) => a - b);
  return sorted.slice(1).map((moment, index) => moment - (sorted[index] ?? 0));
};

describe('turns of one store', () => {
  it('are one interval apart, whatever process they are for', async () => {
    const { paces } = openEach({ ceiling: 20 });
    const begun = performance.now();
    const all = (await Promise.all(paces.map((pace) => turns(5, pace)))).flat();
    const took = performance.now() - begun;
    for (const gap of gaps(all.map(({ at }) => at))) expect(gap).toBeCloseTo(50, 1);
    // 20 turns at 20 a second: 19 intervals, and none goes before its time.
    expect(took).toBeGreaterThanOrEqual(19 * 50 - 2);
    expect(took).toBeLessThan(19 * 50 + 500);
    const earliest = Math.min(...all.map(({ at }) => at));
    for (const { at, came } of all) expect(came - begun).toBeGreaterThanOrEqual(at - earliest - 2);
  });

  it('are counted once each when everybody begins at the same time', async () => {
    const { store, paces } = openEach({ ceiling: 25 });
    const all = (await Promise.all(paces.map((pace) => pace.turn()))).toSorted((a, b) => a - b);
    expect(new Set(all).size).toBe(pools.length);
    expect(await rateOf(store)).toBe(25);
  });

  it('do not wait for those of another store', async () => {
    const { pace } = await pacedAt(0.5);
    await pace.turn();
    const begun = performance.now();
    await open().turn();
    expect(performance.now() - begun).toBeLessThan(1_000);
  });

  it('are not saved up while nobody asks', async () => {
    const { pace } = await pacedAt(20);
    await pace.turn();
    await delay(200);
    const moments = (await turns(4, pace)).map(({ at }) => at);
    for (const gap of gaps(moments)) expect(gap).toBeCloseTo(50, 1);
  });

  it('loses none in a crowd, nor a success', async () => {
    const { store } = await pacedAt(1_000);
    const { paces } = openEach({ store, ceiling: 100_000 });
    const all = await Promise.all(
      paces.map(async (pace) => {
        const moments: number[] = [];
        for (let i = 0; i < 50; i++) {
          moments.push(await pace.turn());
          pace.succeeded();
        }
        return moments;
      }),
    );
    expect(new Set(all.flat()).size).toBe(200);
    for (const gap of gaps(all.flat())) expect(gap).toBeGreaterThan(0.99);
    // One request a second more for each second: 196 of the successes were told of by the next turn, at 1/1000 each.
    expect(await rateOf(store)).toBeCloseTo(1_000 + 196 / 1_000, 3);
  });
});

describe('the rate', () => {
  it('begins at 25 a second, or at the ceiling where that is lower', async () => {
    const [quick, slow] = [randomUUID(), randomUUID()];
    await open({ store: quick, ceiling: 100 }).turn();
    await open({ store: slow, ceiling: 10 }).turn();
    expect(await rateOf(quick)).toBe(25);
    expect(await rateOf(slow)).toBe(10);
  });

  it('doubles in about a second while nothing was ever too much, up to the ceiling', async () => {
    const { store, pace } = await pacedAt(25, { threshold: 1_000, ceiling: 60, sleep: async () => undefined });
    for (let answered = 0; answered < 25; answered++) {
      await pace.turn();
      pace.succeeded();
    }
    await pace.turn();
    expect(await rateOf(store)).toBeGreaterThan(40);
    expect(await rateOf(store)).toBeLessThan(60);
    for (let answered = 0; answered < 100; answered++) pace.succeeded();
    await pace.turn();
    expect(await rateOf(store)).toBe(60);
  });

  it('grows by about one a second above what was too much', async () => {
    const { store, pace } = await pacedAt(30, { sleep: async () => undefined });
    for (let answered = 0; answered < 30; answered++) {
      await pace.turn();
      pace.succeeded();
    }
    await pace.turn();
    expect(await rateOf(store)).toBeCloseTo(31, 1);
  });

  it('does not grow fast beyond the threshold', async () => {
    const { store, pace } = await pacedAt(10, { threshold: 12 });
    for (let answered = 0; answered < 50; answered++) pace.succeeded();
    await pace.turn();
    expect(await rateOf(store)).toBe(12);
  });

  it('is halved once for requests that went together, and again for one that went after', async () => {
    const { store } = await pacedAt(400);
    const { paces } = openEach({ store });
    const given = await Promise.all(paces.map(async (pace) => ({ pace, turn: await pace.turn() })));
    // Given before the server spoke, though its moment comes after.
    const early = await Promise.all(paces.map(async (pace) => ({ pace, turn: await pace.turn() })));
    await Promise.all([...given, ...early].map(({ pace, turn }) => pace.slowDown(turn, undefined)));
    expect(await rateOf(store)).toBe(200);
    const [pace] = paces;
    await pace?.slowDown((await pace?.turn()) ?? 0, undefined);
    expect(await rateOf(store)).toBe(100);
  });

  it('never falls below one request in two seconds', async () => {
    const { store, pace } = await pacedAt(4, { sleep: async () => undefined });
    for (let times = 0; times < 5; times++) await pace.slowDown(await pace.turn(), undefined);
    expect(await rateOf(store)).toBe(0.5);
  });

  it('follows a lower ceiling at once', async () => {
    const { store } = await pacedAt(200);
    await open({ store, ceiling: 20 }).turn();
    expect(await rateOf(store)).toBe(20);
  });

  it('begins anew where the row is gone', async () => {
    const store = randomUUID();
    await open({ store, ceiling: 100 }).slowDown(Date.now(), undefined);
    expect(await rateOf(store)).toBe(12.5);
  });
});

describe('Retry-After', () => {
  it('holds back every process', async () => {
    const { paces } = openEach({ ceiling: 500 });
    const [first, ...others] = paces;
    const turn = (await first?.turn()) ?? 0;
    const begun = performance.now();
    await first?.slowDown(turn, 300);
    const came = (await Promise.all([first, ...others].map((pace) => pace && turns(2, pace)))).flat();
    for (const each of came) expect((each?.came ?? 0) - begun).toBeGreaterThanOrEqual(300);
  });

  it('holds back the turns that were given and are still waited for', async () => {
    const { pace } = await pacedAt(20);
    const first = await pace.turn();
    const waiting = turns(4, pace);
    const begun = performance.now();
    await pace.slowDown(first, 400);
    for (const { came } of await waiting) expect(came - begun).toBeGreaterThanOrEqual(400);
  });

  it('is the longest of several', async () => {
    const { pace } = await pacedAt(100);
    const turn = await pace.turn();
    const begun = performance.now();
    await pace.slowDown(turn, 300);
    await pace.slowDown(turn, 50);
    await pace.turn();
    expect(performance.now() - begun).toBeGreaterThanOrEqual(300);
  });

  it.each([
    ['this process', 0],
    ['another process', 1],
  ])('of more than 15 minutes is not waited for by %s, and the time is named', async (_whose, index) => {
    const { store, pace } = await pacedAt(100);
    await pace.slowDown(await pace.turn(), 3_600_000);
    const named = [0, 60_000].map((more) => new Date(Date.now() + 3_600_000 + more).toISOString().slice(11, 16));
    const later = index === 0 ? pace : open({ store, pool: pools[index] as pg.Pool });
    await expect(later.turn()).rejects.toMatchObject({
      code: 'Unreachable',
      message: expect.stringMatching(`^Maptician asks not to be called before (${named.join('|')}) UTC`),
    });
  });

  it('ends the wait of a turn that was given before it', async () => {
    const { pace } = await pacedAt(10);
    const first = await pace.turn();
    const waiting = expect(pace.turn()).rejects.toMatchObject({ code: 'Unreachable' });
    await pace.slowDown(first, 3_600_000);
    await waiting;
  });

  it('of centuries, as of a server that sends a date in seconds, is a day', async () => {
    const { store, pace } = await pacedAt(100);
    await pace.slowDown(await pace.turn(), 1_790_000_000_000);
    const { rows } = await pool.query(
      `select blocked_until < now() + interval '25 hours' as soon from request_pace where store = $1`,
      [store],
    );
    expect(rows).toEqual([{ soon: true }]);
  });
});

describe('a wait', () => {
  it('ends when the signal is aborted, with its reason', async () => {
    const controller = new AbortController();
    const { pace } = await pacedAt(0.5, { signal: controller.signal });
    await pace.turn();
    const reason = new Error('enough');
    const waiting = Promise.allSettled(Array.from({ length: 15 }, () => pace.turn()));
    const begun = performance.now();
    controller.abort(reason);
    for (const outcome of await waiting) expect(outcome).toEqual({ status: 'rejected', reason });
    expect(performance.now() - begun).toBeLessThan(1_000);
    await expect(pace.turn()).rejects.toBe(reason);
  });

  it('that the database does not answer is an error of its own', async () => {
    const gone = openPool('postgres://nobody@127.0.0.1:1/none');
    await expect(open({ pool: gone }).turn()).rejects.toMatchObject({ code: 'Unreachable' });
    await expect(open({ pool: gone }).slowDown(0, 1)).rejects.toMatchObject({ code: 'Unreachable' });
    await gone.end();
  });
});
