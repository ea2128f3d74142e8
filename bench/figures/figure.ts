/** What a figure is: something measured beside its floor, both in the same run and in turn. */

/** One line of the report. All numbers of one line have one unit. */
export interface Measured {
  readonly figure: string;
  readonly what: string;
  readonly unit: string;
  /** One number a round, in order; ours and the floor's of one place were measured one after the other. */
  readonly ours: readonly number[];
  /** Absent where only ours is a number, such as a count of statements. */
  readonly floor?: { readonly what: string; readonly samples: readonly number[] };
  /** What is aimed at, as a ratio of ours to the floor; or within what 19 of 20 samples of ours are to be. */
  readonly aim?: { readonly atLeast: number } | { readonly atMost: number } | { readonly within: number };
}

/** Runs each of the contestants once a round, in the same order: A B C A B C. */
export async function inTurn<Name extends string, T>(
  rounds: number,
  contestants: Readonly<Record<Name, () => Promise<T>>>,
): Promise<Record<Name, T[]>> {
  const entries = Object.entries(contestants) as [Name, () => Promise<T>][];
  const results = Object.fromEntries(entries.map(([name]) => [name, []])) as unknown as Record<Name, T[]>;
  for (let round = 0; round < rounds; round++) {
    for (const [name, run] of entries) results[name].push(await run());
  }
  return results;
}

export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle) - 1] ?? Number.NaN)) / 2;
}

/** Below which so many of a hundred samples are. */
export function percentile(samples: readonly number[], percent: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? Number.NaN;
}

/** Ours to the floor: the median of the rounds' own ratios, so that a machine that is slow for a while counts less. */
export function ratio({ ours, floor }: Measured): number | undefined {
  return floor && median(floor.samples.map((sample, round) => (ours[round] ?? Number.NaN) / sample));
}
