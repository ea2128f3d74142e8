/** Resource units in a window of ten seconds (https://learn.microsoft.com/graph/throttling-limits#identity-and-access). */
export interface Throttle {
  /** Takes the cost out of the window. */
  take(cost: number, limit: number): ThrottleVerdict;
}

interface ThrottleVerdict {
  readonly allowed: boolean;
  /** Share of the limit that is used; above 1 when refused. */
  readonly used: number;
  /** Seconds until there is room again, with three digits. */
  readonly retryAfter: number;
}

const windowMilliseconds = 10_000;

/** @param now milliseconds, such as performance.now */
export function createThrottle(now: () => number): Throttle {
  let windowStart = now();
  let spent = 0;
  return {
    take(cost, limit) {
      if (now() - windowStart >= windowMilliseconds) {
        windowStart = now();
        spent = 0;
      }
      const used = (spent + cost) / limit;
      // A refused request counts too: asking again at once only makes it worse.
      spent += cost;
      const retryAfter = Math.ceil(windowStart + windowMilliseconds - now()) / 1000;
      return { allowed: used <= 1, used, retryAfter };
    },
  };
}

/** What the application may spend on a tenant of this size in ten seconds. */
export function resourceUnitLimit(users: number): number {
  if (users < 50) return 3500;
  return users <= 500 ? 5000 : 8000;
}
