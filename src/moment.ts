/** Moments as a person writes them: a time, or how long ago. */

const units = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;

/** Before it there is no year that Postgres and JavaScript write alike, and nothing here is as old. */
const first = Date.parse('0001-01-01T00:00:00Z');

/**
 * Reads `2h`, `7d`, or an ISO time; one without a zone is UTC, as the tables print it. Undefined where it is neither.
 * @param now milliseconds since the epoch
 */
export function readMoment(text: string, now: number): Date | undefined {
  const ago = /^(\d{1,6})([mhdw])$/.exec(text);
  if (ago !== null) return new Date(Math.max(first, now - Number(ago[1]) * units[ago[2] as keyof typeof units]));
  const iso = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,3})?)?)(Z|[+-]\d\d:?\d\d)?)?$/.exec(text);
  if (iso === null) return undefined;
  const [, day, time = '00:00', zone = 'Z'] = iso;
  const moment = new Date(`${day}T${time}${zone}`);
  return moment.getTime() >= first ? moment : undefined;
}
