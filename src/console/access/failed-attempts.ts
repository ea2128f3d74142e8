/**
 * How often somebody may fail to sign in: ten times a minute from one address, a hundred times a minute over all. Counted in
 * this process, by the address of the connection: behind a proxy that is the proxy's. So only who fails is kept waiting:
 * whoever has the right token gets in at any time.
 */
import { RateLimiterMemory } from 'rate-limiter-flexible';

export interface FailedAttempts {
  /** Seconds until this address may try again; undefined where it may now. */
  wait(address: string): Promise<number | undefined>;
  /** Counts a failure. */
  count(address: string): Promise<void>;
}

export function countFailedAttempts(): FailedAttempts {
  const fromOne = new RateLimiterMemory({ keyPrefix: 'one', points: 10, duration: 60 });
  const fromAll = new RateLimiterMemory({ keyPrefix: 'all', points: 100, duration: 60 });
  return {
    wait: async (address) => {
      const [one, all] = await Promise.all([fromOne.get(address), fromAll.get('all')]);
      const full = [one, all].filter((state) => state !== null && state.remainingPoints === 0);
      if (full.length === 0) return undefined;
      return Math.max(1, ...full.map((state) => Math.ceil((state?.msBeforeNext ?? 0) / 1000)));
    },
    count: async (address) => {
      await Promise.all([fromOne.penalty(address), fromAll.penalty('all')]);
    },
  };
}

/** Resolves with whether one more failure may be written down: a flood of them must not fill the audit. */
export function limitEntries(): () => Promise<boolean> {
  const written = new RateLimiterMemory({ keyPrefix: 'written', points: 60, duration: 3600 });
  return () =>
    written.consume('all').then(
      () => true,
      () => false,
    );
}
