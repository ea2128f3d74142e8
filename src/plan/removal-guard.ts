/**
 * The mass-removal guard: removals are counted before any is carried out, because the usual cause of many at once is a
 * mistake at the source (a wrong filter, an emptied group), not a company that left.
 */

export interface RemovalLimits {
  /** More than so many users in one cycle are held. */
  readonly count: number;
  /** More than this percentage of the linked active users are held. */
  readonly percent: number;
}

/** Fewer than this are never held, so that a small company can part with its people. */
const removalFloor = 10;

/**
 * Whether removals planned in this cycle are to be held. Those already held count along: the same mistake, coming in
 * slices, must not pass below the limit.
 */
export function exceedsLimits(
  removals: { readonly planned: number; readonly held: number; readonly linkedActive: number },
  limits: RemovalLimits,
): boolean {
  const total = removals.planned + removals.held;
  if (removals.planned === 0 || total < removalFloor) return false;
  return total > limits.count || total > (limits.percent / 100) * removals.linkedActive;
}
