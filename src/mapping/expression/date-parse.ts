/** A text in a .NET format to a date, as DateTime.ParseExact reads it in the invariant culture. */
import { type DateField, type DateFormat, dayNames, monthNames } from './date-format.ts';

/** Where blanks may stand that the format does not have (.NET's DateTimeStyles). */
export interface AllowedWhite {
  readonly leading: boolean;
  readonly trailing: boolean;
  readonly inner: boolean;
}

/** Milliseconds since 1970 and the 100 ns beyond them; `zoned` when the text had an offset. */
export interface ParsedDate {
  readonly milliseconds: number;
  readonly ticks: number;
  readonly zoned: boolean;
}

/** What was read so far; each field may be given twice, the last one holds. */
interface Fields {
  year?: number;
  month?: number;
  day?: number;
  weekday?: number;
  hour?: number;
  hour12?: number;
  afternoon?: boolean;
  minute?: number;
  second?: number;
  /** In 100 ns. */
  fraction?: number;
  /** In minutes. */
  offset?: number;
}

/**
 * The date, or undefined where the text does not fit. A missing month, day or time is the first one; a format without
 * a year fits nothing, for .NET would take the year from the clock.
 */
export function parseDate(text: string, format: DateFormat, white: AllowedWhite): ParsedDate | undefined {
  let rest = text;
  if (white.leading) rest = rest.trimStart();
  if (white.trailing) rest = rest.trimEnd();
  const fields: Fields = {};
  for (const [index, part] of format.entries()) {
    if (white.inner) rest = rest.trimStart();
    const next = format[index + 1];
    const optionalPoint = next !== undefined && 'field' in next && next.field === 'F';
    const left =
      'literal' in part
        ? skipLiteral(rest, part.literal, optionalPoint, white.inner)
        : readField(rest, part.field, part.count, fields);
    if (left === undefined) return undefined;
    rest = left;
  }
  return rest === '' ? toDate(fields) : undefined;
}

function skipLiteral(text: string, literal: string, optionalPoint: boolean, inner: boolean): string | undefined {
  const wanted = inner ? literal.trim() : literal;
  if (text.startsWith(wanted)) return text.slice(wanted.length);
  // The point before an optional fraction may be missing with it.
  const withoutPoint = optionalPoint && wanted.endsWith('.') ? wanted.slice(0, -1) : undefined;
  return withoutPoint !== undefined && text.startsWith(withoutPoint) ? text.slice(withoutPoint.length) : undefined;
}

function readField(text: string, field: DateField, count: number, fields: Fields): string | undefined {
  const number = (least: number, most: number, store: (value: number, length: number) => void) => {
    const digits = leadingDigits(text, most);
    if (digits < least) return undefined;
    if (digits > 0) store(Number(text.slice(0, digits)), digits);
    return text.slice(digits);
  };
  const short = (store: (value: number) => void) => number(count === 1 ? 1 : 2, 2, store);
  switch (field) {
    case 'y':
      if (count <= 2) return short((value) => (fields.year = value < 50 ? 2000 + value : 1900 + value));
      return number(Math.max(count, 3), Math.max(count, 4), (value) => (fields.year = value));
    case 'M':
      if (count <= 2) return short((value) => (fields.month = value));
      return readName(text, monthNames, count, (value) => (fields.month = value + 1));
    case 'd':
      if (count <= 2) return short((value) => (fields.day = value));
      return readName(text, dayNames, count, (value) => (fields.weekday = value));
    case 'H':
      return short((value) => (fields.hour = value));
    case 'h':
      return short((value) => (fields.hour12 = value));
    case 'm':
      return short((value) => (fields.minute = value));
    case 's':
      return short((value) => (fields.second = value));
    case 'f':
      return number(count, count, (value, length) => (fields.fraction = value * 10 ** (7 - length)));
    case 'F':
      return number(0, count, (value, length) => (fields.fraction = value * 10 ** (7 - length)));
    case 't': {
      const found = new RegExp(`^[AP]${count === 1 ? '' : 'M'}`, 'i').exec(text)?.[0];
      if (found === undefined) return undefined;
      fields.afternoon = found.toUpperCase().startsWith('P');
      return text.slice(found.length);
    }
    case 'g':
      return /^A\.?D\.?/i.test(text) ? text.replace(/^A\.?D\.?/i, '') : undefined;
    case 'K':
      if (text.startsWith('Z')) {
        fields.offset = 0;
        return text.slice(1);
      }
      return /^[+-]/.test(text) ? readOffset(text, 3, fields) : text;
    case 'z':
      return readOffset(text, count, fields);
  }
}

function leadingDigits(text: string, most: number): number {
  let digits = 0;
  while (digits < most && /[0-9]/.test(text.charAt(digits))) digits += 1;
  return digits;
}

function readName(
  text: string,
  names: readonly string[],
  count: number,
  store: (index: number) => void,
): string | undefined {
  const written = names.map((name) => (count === 3 ? name.slice(0, 3) : name));
  const index = written.findIndex((name) => text.slice(0, name.length).toLowerCase() === name.toLowerCase());
  const name = written[index];
  if (name === undefined) return undefined;
  store(index);
  return text.slice(name.length);
}

function readOffset(text: string, count: number, fields: Fields): string | undefined {
  const pattern = count <= 2 ? /^([+-])(\d{1,2})()/ : /^([+-])(\d{2}):?(\d{2})/;
  const found = pattern.exec(text);
  if (found === null) return undefined;
  const minutes = Number(found[2]) * 60 + Number(found[3] ?? 0);
  if (minutes > 14 * 60) return undefined;
  fields.offset = found[1] === '-' ? -minutes : minutes;
  return text.slice(found[0].length);
}

function toDate(fields: Fields): ParsedDate | undefined {
  const { year, month = 1, day = 1, minute = 0, second = 0, fraction = 0, offset } = fields;
  const hour = hourOf(fields);
  if (year === undefined || year < 1 || year > 9999 || hour === undefined || minute > 59 || second > 59)
    return undefined;
  // Date.UTC takes the years 0 to 99 for 1900 to 1999.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  if (fields.weekday !== undefined && fields.weekday !== date.getUTCDay()) return undefined;
  date.setUTCHours(hour, minute - (offset ?? 0), second, Math.floor(fraction / 10_000));
  return { milliseconds: date.getTime(), ticks: fraction % 10_000, zoned: offset !== undefined };
}

function hourOf({ hour, hour12, afternoon }: Fields): number | undefined {
  if (hour12 !== undefined) {
    if (hour12 < 1 || hour12 > 12) return undefined;
    return (hour12 % 12) + (afternoon === true ? 12 : 0);
  }
  if (hour === undefined) return afternoon === true ? 12 : 0;
  // 24-hour time may carry its AM or PM, which must then agree.
  if (hour > 23 || (afternoon !== undefined && hour >= 12 !== afternoon)) return undefined;
  return hour;
}
