/** What is dear to find out is found out once in a while, for everybody who asks. */
import { setTimeout as sleep } from 'node:timers/promises';

export interface Remembered<T> {
  readonly value: T;
  /** When its reading began, on the clock of `performance.now()`. */
  readonly at: number;
}

/** Milliseconds: what takes less is read each time. */
const cheap = 50;
/** Else so much of the time is spent on reading, at most: one part in this many. */
const share = 100;
/** Milliseconds that whoever asks waits for a new reading, before the last one has to do. */
const patience = 100;

/**
 * Reads at most one per cent of the time, unless it is cheap: what took a second is read again after a hundred, by whoever
 * asks then. Two never read at once. Undefined where there is nothing yet, or where the last reading failed.
 */
export function remember<T>(read: () => Promise<T>): () => Promise<Remembered<T> | undefined> {
  let known: Remembered<T> | undefined;
  let next = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    const at = performance.now();
    try {
      known = { value: await read(), at };
    } catch {
      known = undefined;
    } finally {
      const end = performance.now();
      next = end - at < cheap ? end : end + (end - at) * share;
      reading = undefined;
    }
  };
  return async () => {
    if (performance.now() >= next) reading ??= begin();
    if (reading !== undefined) await Promise.race([reading, sleep(patience, undefined, { ref: false })]);
    return known;
  };
}
