/** The tenant's clock: real time, moved forward on request so that thirty days need not be waited for. */
export interface SandboxClock {
  /** Milliseconds since the epoch. */
  now(): number;
  advance(milliseconds: number): void;
}

/** @param base where time comes from; tests pass a constant to stand still. */
export function createClock(base: () => number = Date.now): SandboxClock {
  let offset = 0;
  return {
    now: () => base() + offset,
    advance(milliseconds) {
      if (!(milliseconds >= 0)) throw new RangeError('The clock only moves forward.');
      offset += milliseconds;
    },
  };
}
