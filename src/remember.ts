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
 * Resolves with what was read; with undefined where there is nothing yet, or where the last reading failed.
 * @param options.first milliseconds to wait where there is nothing yet, or what is always read anew
 */
export type Recall<T> = (options?: { readonly first?: number }) => Promise<Remembered<T> | undefined>;

/**
 * Reads at most one per cent of the time, unless it is cheap: what took a second is read again after a hundred, by whoever
 * asks then. Two never read at once.
 * @param options.isCheap of what was read, whether it is always read anew, however long it took on a busy machine
 */
export function remember<T>(
  read: () => Promise<T>,
  {
    isCheap = () => false,
    clock = () => performance.now(),
  }: { readonly isCheap?: (value: T) => boolean; readonly clock?: () => number } = {},
): Recall<T> {
  let known: Remembered<T> | undefined;
  let next = Number.NEGATIVE_INFINITY;
  let reading: Promise<void> | undefined;
  const begin = async (): Promise<void> => {
    const at = clock();
    try {
      known = { value: await read(), at };
    } catch {
      known = undefined;
    } finally {
      const end = clock();
      const again = end - at < cheap || (known !== undefined && isCheap(known.value));
      next = again ? end : end + (end - at) * share;
      reading = undefined;
    }
  };
  return async ({ first = patience } = {}) => {
    if (clock() >= next) reading ??= begin();
    const wait = known === undefined || isCheap(known.value) ? first : patience;
    if (reading !== undefined) await Promise.race([reading, sleep(wait, undefined, { ref: false })]);
    return known;
  };
}
