/**
 * The guard: what a cycle is about to do is counted before any of it is carried out, because the usual cause of many
 * removals at once is a mistake at the source (a wrong filter, an emptied group), not a company that left. Pure.
 */

/** The kinds that have limits. `reactivate` and `yield` have none: what was taken by mistake is to be given back at once. */
export const limitedKinds = ['create', 'update', 'deactivate', 'delete'] as const;
export type LimitedKind = (typeof limitedKinds)[number];

export function isLimited(kind: string): kind is LimitedKind {
  return limitedKinds.some((limited) => limited === kind);
}

/** More users than this, or a larger share of the linked active ones, are held. Absent: no such limit. */
interface Limit {
  readonly count?: number;
  readonly percent?: number;
}

export interface GuardLimits {
  /** For deactivations and deletions together, in one cycle. */
  readonly removals: Required<Limit>;
  /** The same over the last 24 hours; the percentage is of those who were active at their beginning. */
  readonly day: Required<Limit>;
  /** For each kind by itself, in one cycle. */
  readonly kinds: Readonly<Partial<Record<LimitedKind, Limit>>>;
}

export type KindCounts = Readonly<Record<LimitedKind, number>>;

/** What the limits are compared with, in users. */
export interface GuardCounts {
  /** New in this pass. */
  readonly planned: KindCounts;
  /** Held already: the same mistake, coming in slices, must not pass below a limit. */
  readonly held: KindCounts;
  /** Let through earlier in this cycle. */
  readonly passed: KindCounts;
  /** Active linked accounts when the cycle began. */
  readonly linkedActive: number;
  /** Removed in the last 24 hours without an operator's word, and not given access again since. */
  readonly removedInDay: number;
  /** Why it looks as if nobody were left; undefined where somebody is. */
  readonly emptied: Emptied | undefined;
}

export type Emptied = 'assignments' | 'filters' | 'users';

export const noKinds: KindCounts = { create: 0, update: 0, deactivate: 0, delete: 0 };

/** Fewer than this are never held, so that a small company can part with its people. */
const removalFloor = 10;
const dayFloor = 50;
/** An empty source is suspicious sooner. */
const emptiedFloor = 5;

const emptiedWords: Record<Emptied, string> = {
  assignments: 'everybody, since Entra lists no assignment of the app any more',
  filters: 'everybody, since the scoping filters let nobody in',
  users: 'everybody, since Entra lists no users any more',
};

/** The kinds of which the new ones are to be held, each with the limit that was passed, as words after "that is". */
export function limitsPassed(counts: GuardCounts, limits: GuardLimits): Map<LimitedKind, string> {
  const passed = new Map<LimitedKind, string>();
  const together = removalLimitPassed(counts, limits);
  for (const kind of limitedKinds) {
    if (counts.planned[kind] === 0) continue;
    const isRemoval = kind === 'deactivate' || kind === 'delete';
    const reason = (isRemoval ? together : undefined) ?? kindLimitPassed(kind, counts, limits.kinds[kind]);
    if (reason !== undefined) passed.set(kind, reason);
  }
  return passed;
}

function removalLimitPassed(counts: GuardCounts, { removals, day }: GuardLimits): string | undefined {
  const { linkedActive, removedInDay, emptied } = counts;
  const waiting = removalsOf(counts.planned) + removalsOf(counts.held);
  if (emptied !== undefined && linkedActive > 0 && waiting >= emptiedFloor) return emptiedWords[emptied];
  const inCycle = waiting + removalsOf(counts.passed);
  if (inCycle >= removalFloor) {
    // What is held by itself may be few.
    const planned = removalsOf(counts.planned);
    const words = (limit: string, passed: (removed: number) => boolean) =>
      passed(planned) ? limit : `${limit}, together with those held or removed before`;
    if (inCycle > removals.count) {
      return words(`more than ${howMany(removals.count, 'user')}`, (removed) => removed > removals.count);
    }
    if (exceeds(inCycle, removals.percent, linkedActive)) {
      return words(`more than ${removals.percent} % of ${howMany(linkedActive, 'active user')}`, (removed) =>
        exceeds(removed, removals.percent, linkedActive),
      );
    }
  }
  const inDay = waiting + removedInDay;
  if (inDay < dayFloor) return undefined;
  if (inDay > day.count) return `more than ${howMany(day.count, 'user')} in 24 hours`;
  const activeBefore = linkedActive + removedInDay - removalsOf(counts.passed);
  return exceeds(inDay, day.percent, activeBefore)
    ? `more than ${day.percent} % of ${howMany(activeBefore, 'active user')} in 24 hours`
    : undefined;
}

function kindLimitPassed(kind: LimitedKind, counts: GuardCounts, limit: Limit | undefined): string | undefined {
  if (limit === undefined) return undefined;
  const total = counts.planned[kind] + counts.held[kind] + counts.passed[kind];
  const name = `${kind.toUpperCase()}_LIMIT`;
  if (limit.count !== undefined && total > limit.count) return `more than ${howMany(limit.count, 'user')} (${name})`;
  // Of nobody no number of creates is a small share: a first cycle would always be held.
  if (limit.percent === undefined || (kind === 'create' && counts.linkedActive === 0)) return undefined;
  return exceeds(total, limit.percent, counts.linkedActive)
    ? `more than ${limit.percent} % of ${howMany(counts.linkedActive, 'active user')} (${name})`
    : undefined;
}

/** What is held when, a sentence for each limit. */
export function describeLimits({ removals, day, kinds }: GuardLimits): string[] {
  return [
    `Deactivations and deletions together, in one cycle: more than ${howMany(removals.count, 'user')}, or more than ${removals.percent} % of the active ones. Fewer than ${removalFloor} never are.`,
    `The same in 24 hours: more than ${howMany(day.count, 'user')}, or more than ${day.percent} % of those who were active before. Fewer than ${dayFloor} never are.`,
    `${emptiedFloor} or more of them, when it looks as if nobody were left: no assignment, no user, or nobody whom the scoping filters let in.`,
    ...limitedKinds.flatMap((kind) => describeKindLimit(kind, kinds[kind])),
  ];
}

function describeKindLimit(kind: LimitedKind, limit: Limit | undefined): string[] {
  const { count, percent } = limit ?? {};
  const words = [
    ...(count === undefined ? [] : [`more than ${howMany(count, 'user')}`]),
    ...(percent === undefined ? [] : [`more than ${percent} % of the active ones`]),
  ];
  const name = `${kind.toUpperCase()}_LIMIT`;
  return words.length === 0 ? [] : [`Each ${kind} by itself, in one cycle: ${words.join(', or ')} (${name}).`];
}

/** Deactivations and deletions together. */
export function removalsOf({ deactivate, delete: deleted }: KindCounts): number {
  return deactivate + deleted;
}

function exceeds(total: number, percent: number, of: number): boolean {
  return total > (percent / 100) * of;
}

function howMany(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}
