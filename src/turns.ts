/** Long work in the one thread that all have: others get their turn in between, and there it can be stopped. */
import { setImmediate } from 'node:timers/promises';

/** Milliseconds. */
const longestTurn = 20;

/**
 * To be awaited wherever long work can pause: gives way where others have waited for a while, and rejects with the reason of the
 * signal once that is aborted.
 */
export type TakeTurns = () => Promise<void>;

export function createTurns(signal?: AbortSignal): TakeTurns {
  let since = performance.now();
  return async () => {
    if (performance.now() - since < longestTurn) return;
    await setImmediate();
    signal?.throwIfAborted();
    since = performance.now();
  };
}
