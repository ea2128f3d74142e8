/**
 * The pace of requests to one user store, kept in the state database so that all workers of all processes share it. It
 * slows down when the server says that it is too much, and speeds up again while all is well, as TCP does (RFC 5681,
 * section 3.1): slow start, then additive increase and multiplicative decrease.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { SyncError } from '../../errors.ts';
import { postgresError } from '../../postgres-errors.ts';
import type { Queryable } from '../../state/database.ts';

export interface RequestPace {
  /**
   * Resolves when the next request may go, with the moment it was given, in milliseconds of the database's clock.
   * Rejects with Unreachable when that moment is more than 15 minutes away, and with the signal's reason when aborted.
   */
  turn(): Promise<number>;
  /** A request was answered, and not by "too much". */
  succeeded(): void;
  /**
   * The server said that it was too much. Requests that went together are slowed down for once.
   * @param turn what {@link RequestPace.turn} gave that request
   * @param retryAfter for how many milliseconds no request may go
   */
  slowDown(turn: number, retryAfter: number | undefined): Promise<void>;
}

export interface RequestPaceOptions {
  /**
   * The state database. Not the pool from which those who wait for a turn hold a connection: with all of them held,
   * none would be left to take the turn with.
   */
  readonly pool: Queryable;
  /** Which user store, since each has a pace of its own. */
  readonly store: string;
  /** Requests a second, never exceeded. */
  readonly ceiling: number;
  readonly signal: AbortSignal;
  readonly sleep?: (milliseconds: number) => Promise<void>;
  /** Milliseconds of a clock that only goes forward. */
  readonly now?: () => number;
}

/**
 * Requests a second: what Microsoft asks every app of its gallery to bear
 * (https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups).
 */
const firstRate = 25;
const slowestRate = 0.5;
/** Milliseconds. Whoever asks for more patience than this is left alone until another cycle. */
const longestWait = 15 * 60 * 1000;
/** A server that sends a date as a number of seconds must not silence us for half a century. */
const longestBlock = 24 * 60 * 60 * 1000;

/*
 * Both statements touch one row, so they cannot deadlock, and `on conflict do update` reads it locked, so no update is
 * lost. `clock_timestamp()`, since `now()` is from before the wait for that lock.
 */

/** $1 store, $2 ceiling, $3 rate to begin with, $4 successes since the last turn. */
const takeTurn = `
  insert into request_pace as pace (store, rate, threshold, next_at, blocked_until, slowed_at)
  values ($1, $3, 'infinity', clock_timestamp() + make_interval(secs => 1 / $3::float8), '-infinity', '-infinity')
  on conflict (store) do update set (rate, next_at) = (
    select grown.rate,
           greatest(pace.next_at, pace.blocked_until, clock_timestamp()) + make_interval(secs => 1 / grown.rate)
    from (
      select least($2::float8, case
        when pace.rate < pace.threshold then least(pace.threshold, pace.rate + ln(2::float8) * $4::float8)
        else pace.rate + $4::float8 / pace.rate
      end) as rate
    ) grown
  )
  returning extract(epoch from next_at - make_interval(secs => 1 / rate))::float8 * 1000 as at,
            extract(epoch from next_at - make_interval(secs => 1 / rate) - clock_timestamp())::float8 * 1000 as wait`;

/**
 * $1 store, $2 ceiling, $3 rate to begin with, $4 the turn of the request, $5 milliseconds until the next may go.
 *
 * Turns before `slowed_at` were given at the earlier rate, also those whose moment is yet to come: they say nothing
 * about the rate that is now.
 */
const takeBlame = `
  insert into request_pace as pace (store, rate, threshold, next_at, blocked_until, slowed_at)
  values ($1, $3::float8 / 2, $3::float8 / 2, clock_timestamp(),
          clock_timestamp() + make_interval(secs => $5::float8 / 1000), clock_timestamp())
  on conflict (store) do update set
    blocked_until = greatest(pace.blocked_until, excluded.blocked_until),
    (rate, threshold, slowed_at) = (
      select case when new then slowed else pace.rate end,
             case when new then slowed else pace.threshold end,
             case when new then greatest(pace.next_at, clock_timestamp()) else pace.slowed_at end
      from (
        select to_timestamp($4::float8 / 1000) >= pace.slowed_at as new,
               greatest(${slowestRate}, least(pace.rate, $2::float8) / 2) as slowed
      ) verdict
    )`;

/** A pace that begins at 25 requests a second, or at the ceiling where that is lower; sends nothing yet. */
export function createRequestPace(options: RequestPaceOptions): RequestPace {
  const { pool, store, ceiling, signal } = options;
  const now = options.now ?? (() => performance.now());
  const sleep = options.sleep ?? ((milliseconds: number) => delay(milliseconds, undefined, { signal }));
  const rate = Math.min(firstRate, ceiling);
  let successes = 0;
  // By this process's clock: the turns that wait here were given before the server spoke.
  let blockedUntil = Number.NEGATIVE_INFINITY;

  const wait = async (milliseconds: number): Promise<void> => {
    signal.throwIfAborted();
    if (milliseconds <= 0) return;
    try {
      // Timers cut fractions off.
      await sleep(Math.ceil(milliseconds));
    } catch (thrown) {
      signal.throwIfAborted();
      throw thrown;
    }
  };

  const take = async (): Promise<{ at: number; wait: number }> => {
    const reported = successes;
    successes = 0;
    try {
      const { rows } = await pool.query<{ at: number; wait: number }>(takeTurn, [store, ceiling, rate, reported]);
      const [row] = rows;
      if (row === undefined) throw new Error('the pace gave no turn');
      return row;
    } catch (thrown) {
      successes += reported;
      throw postgresError(thrown, 'the state database (DATABASE_URL)');
    }
  };

  return {
    turn: async () => {
      for (;;) {
        signal.throwIfAborted();
        const given = await take();
        if (given.wait > longestWait) throw comeBackLater(given.at);
        await wait(given.wait);
        const blocked = blockedUntil - now();
        if (blocked <= 0) return given.at;
        if (blocked > longestWait) throw comeBackLater(Date.now() + blocked);
        await wait(blocked);
      }
    },
    succeeded: () => {
      successes++;
    },
    slowDown: async (turn, asked) => {
      const block = Math.min(asked ?? 0, longestBlock);
      blockedUntil = Math.max(blockedUntil, now() + block);
      successes = 0;
      try {
        await pool.query(takeBlame, [store, ceiling, rate, turn, block]);
      } catch (thrown) {
        throw postgresError(thrown, 'the state database (DATABASE_URL)');
      }
    },
  };
}

function comeBackLater(at: number): SyncError {
  const time = new Date(at).toISOString().slice(11, 16);
  return new SyncError(
    'Unreachable',
    `Maptician asks not to be called before ${time} UTC (Retry-After). Run "maptician-sync sync" after that, or leave it to the schedule`,
  );
}
