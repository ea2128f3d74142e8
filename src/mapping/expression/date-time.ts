/** Instants in UTC to 100 ns, as .NET's DateTime has them, and their arithmetic. */
import { type DateFormat, readFormat } from './date-format.ts';
import { parseDate } from './date-parse.ts';
import { printDate } from './date-print.ts';
import { ArgumentProblem } from './expression-error.ts';

/** Milliseconds since 1970 and the 100 ns beyond them (0 to 9999). */
export interface DateTime {
  readonly kind: 'date';
  readonly milliseconds: number;
  readonly ticks: number;
}

const first = -62_135_596_800_000;
const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const fileTimeEpoch = Date.UTC(1601, 0, 1);
const day = 86_400_000;

/** @throws ArgumentProblem DateOutOfRange outside the years 1 to 9999 */
export function dateTime(milliseconds: number, ticks = 0): DateTime {
  if (!(milliseconds >= first && milliseconds <= last)) {
    throw new ArgumentProblem('DateOutOfRange', 'This date is outside the years 1 to 9999.');
  }
  return { kind: 'date', milliseconds, ticks };
}

/** The documented intervals of DateAdd and DateDiff. */
export const intervals = ['yyyy', 'm', 'd', 'ww', 'h', 'n', 's'] as const;
export type Interval = (typeof intervals)[number];

const lengths = { ww: 7 * day, d: day, h: 3_600_000, n: 60_000, s: 1_000 } as const;

/** @throws ArgumentProblem DateOutOfRange */
export function addInterval(date: DateTime, interval: Interval, amount: number): DateTime {
  if (interval === 'yyyy' || interval === 'm') return addMonths(date, interval === 'm' ? amount : amount * 12);
  return dateTime(date.milliseconds + amount * lengths[interval], date.ticks);
}

/** A day the month does not have becomes its last one. */
function addMonths(date: DateTime, months: number): DateTime {
  const moved = new Date(date.milliseconds);
  const dayOfMonth = moved.getUTCDate();
  moved.setUTCDate(1);
  moved.setUTCMonth(moved.getUTCMonth() + months);
  const lastDay = new Date(moved.getTime());
  lastDay.setUTCMonth(lastDay.getUTCMonth() + 1, 0);
  moved.setUTCDate(Math.min(dayOfMonth, lastDay.getUTCDate()));
  return dateTime(moved.getTime(), date.ticks);
}

/**
 * How far the second date is after the first. Years, months and weeks (which begin on Sunday) count the boundaries
 * between them, the shorter intervals the whole ones that fit, as Visual Basic's DateDiff does.
 */
export function countIntervals(interval: Interval, from: DateTime, to: DateTime): number {
  const [one, other] = [new Date(from.milliseconds), new Date(to.milliseconds)];
  const years = other.getUTCFullYear() - one.getUTCFullYear();
  if (interval === 'yyyy') return years;
  if (interval === 'm') return years * 12 + other.getUTCMonth() - one.getUTCMonth();
  if (interval === 'ww') return (sundayBefore(other) - sundayBefore(one)) / lengths.ww;
  const ticks = BigInt(to.milliseconds - from.milliseconds) * 10_000n + BigInt(to.ticks - from.ticks);
  return Number(ticks / (BigInt(lengths[interval]) * 10_000n));
}

function sundayBefore(date: Date): number {
  return Math.floor(date.getTime() / day) * day - date.getUTCDay() * day;
}

/** 100 ns intervals since 1601, as Active Directory counts. */
export function toFileTime(date: DateTime): bigint {
  return BigInt(date.milliseconds - fileTimeEpoch) * 10_000n + BigInt(date.ticks);
}

/** @throws ArgumentProblem DateOutOfRange */
export function fromFileTime(value: bigint): DateTime {
  const ticks = ((value % 10_000n) + 10_000n) % 10_000n;
  return dateTime(Number((value - ticks) / 10_000n) + fileTimeEpoch, Number(ticks));
}

const defaultFormat = readFormat('M/d/yyyy h:mm:ss tt');

/** `8/24/2026 3:05:00 PM`: how every date function writes a date. */
export function printDefault(date: DateTime): string {
  return printDate(date, defaultFormat, true);
}

const times = ['', "'T'H:m", "'T'H:m:s.FFFFFFF", ' H:m', ' H:m:s.FFFFFFF', ' h:m tt', ' h:m:s tt'];
const isoFormats = times.flatMap((time) => [`yyyy-M-d${time}K`, `yyyy-M-d${time} K`]).map(readFormat);
const otherFormats = [
  ...['M/d/yyyy', 'yyyy/M/d'].flatMap((date) => times.flatMap((time) => [`${date}${time}K`, `${date}${time} K`])),
  ...['ddd, d MMM yyyy', 'd MMM yyyy', 'd MMMM yyyy', 'MMM d, yyyy', 'MMMM d, yyyy'].flatMap((date) =>
    [...times.map((time) => `${date}${time}`), `${date} H:m:s 'GMT'`].map((format) => format),
  ),
].map(readFormat);

/** A text as DateTime.Parse reads it in the invariant culture; without an offset it is UTC. */
export function readDate(text: string): DateTime | undefined {
  const trimmed = text.trim();
  // The longest form has fewer than 50 characters, and a longer text is not worth trying every form on.
  if (trimmed.length > 64) return undefined;
  const formats: readonly DateFormat[] = /^\d{4}-/.test(trimmed) ? isoFormats : otherFormats;
  for (const format of formats) {
    const found = parseDate(trimmed, format, noWhite);
    if (found !== undefined) return dateTime(found.milliseconds, found.ticks);
  }
  return undefined;
}

const noWhite = { leading: false, trailing: false, inner: false };
