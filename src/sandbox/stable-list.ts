/**
 * A list whose positions never move: a removed item leaves a gap. A reader that pages through it by position neither
 * misses nor repeats an item when others are added or removed meanwhile.
 */
export interface StableList<T> {
  /** One past the last position, gaps included. */
  readonly end: number;
  /** How many items there are, gaps not counted. */
  readonly size: number;
  at(position: number): T | undefined;
  /** Appends and returns the position. */
  push(item: T): number;
  remove(position: number): void;
  values(): IterableIterator<T>;
}

export function createStableList<T>(): StableList<T> {
  const slots: (T | undefined)[] = [];
  let size = 0;
  return {
    get end() {
      return slots.length;
    },
    get size() {
      return size;
    },
    at: (position) => slots[position],
    push(item) {
      size++;
      return slots.push(item) - 1;
    },
    remove(position) {
      if (slots[position] === undefined) return;
      slots[position] = undefined;
      size--;
    },
    *values() {
      for (const item of slots) if (item !== undefined) yield item;
    },
  };
}
