/** Seeded random numbers: the same seed gives the same tenant and the same faults. */
export interface Random {
  /** A number in [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  integer(below: number): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly [T, ...T[]] | readonly T[]): T;
  /** A version 4 UUID (RFC 9562 section 5.4). */
  uuid(): string;
  /** A shuffled copy. */
  shuffle<T>(items: readonly T[]): T[];
}

const hexPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Mulberry32: one 32-bit state, good enough for sample data and very fast. */
export function createRandom(seed: number): Random {
  let state = seed >>> 0;
  const bits = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const next = (): number => bits() / 2 ** 32;
  const integer = (below: number): number => Math.floor(next() * below);
  const hexWord = (word: number): string =>
    `${hexPairs[word >>> 24]}${hexPairs[(word >>> 16) & 255]}${hexPairs[(word >>> 8) & 255]}${hexPairs[word & 255]}`;
  return {
    next,
    integer,
    chance: (probability) => probability > 0 && next() < probability,
    pick(items) {
      const item = items[integer(items.length)];
      if (item === undefined) throw new RangeError('Nothing to pick from.');
      return item;
    },
    uuid() {
      const second = hexWord(((bits() & 0xffff0fff) | 0x4000) >>> 0);
      const third = hexWord(((bits() & 0x3fffffff) | 0x80000000) >>> 0);
      const parts = [hexWord(bits()), second.slice(0, 4), second.slice(4), third.slice(0, 4)];
      return `${parts.join('-')}-${third.slice(4)}${hexWord(bits())}`;
    },
    shuffle(items) {
      const result = [...items];
      for (let last = result.length - 1; last > 0; last--) {
        const other = integer(last + 1);
        [result[last], result[other]] = [
          result[other] as (typeof result)[number],
          result[last] as (typeof result)[number],
        ];
      }
      return result;
    },
  };
}
