/** When people are told again of what lasts: pure. */

const day = 24 * 60 * 60 * 1000;

/** Days after the last news at which a reminder is due. `everyDays` is the days from one to the next afterwards. */
interface Ladder {
  readonly days: readonly number[];
  readonly everyDays?: number;
}

const ladders = {
  failures: { days: [1, 3, 7], everyDays: 7 },
  silence: { days: [1, 3, 7], everyDays: 7 },
  // After 28 days the job is disabled, which is news.
  quarantine: { days: [1, 3, 7, 14, 21] },
} as const satisfies Record<string, Ladder>;

/** What is reminded of while it lasts. */
export type RemindedKind = keyof typeof ladders;

/**
 * How many reminders are due by now in all. More than were sent means that one is to be sent; those that nobody was there
 * to send are not made up for.
 */
export function remindersDue(kind: RemindedKind, newsAt: Date, now: Date): number {
  const { days, everyDays }: Ladder = ladders[kind];
  const passed = (now.getTime() - newsAt.getTime()) / day;
  const last = days.at(-1) ?? 0;
  const early = days.filter((at) => at <= passed).length;
  return everyDays === undefined || passed < last ? early : early + Math.floor((passed - last) / everyDays);
}

/** Days before a credential expires at which people are told; 0 is when it has. */
const expirySteps = [30, 14, 7, 3, 1, 0];

/** The step that has been reached; undefined where it is further away than the first. */
export function expiryStep(expiresAt: Date, now: Date): number | undefined {
  const left = (expiresAt.getTime() - now.getTime()) / day;
  return expirySteps.findLast((step) => left <= step);
}
