/** A date in a .NET format. */
import { type DateField, type DateFormat, dayNames, monthNames } from './date-format.ts';
import type { DateTime } from './date-time.ts';

/**
 * The date as text, in UTC.
 * @param zoned whether the date was read with its offset: `K` writes Z for it, and nothing for one without
 */
export function printDate(date: DateTime, format: DateFormat, zoned: boolean): string {
  const utc = new Date(date.milliseconds);
  const fraction = String((date.milliseconds - Math.floor(date.milliseconds / 1000) * 1000) * 10_000 + date.ticks);
  const digits = fraction.padStart(7, '0');
  let text = '';
  for (const part of format) {
    if ('literal' in part) {
      text += part.literal;
      continue;
    }
    const written = printField(part.field, part.count, utc, digits, zoned);
    // .NET drops the point before an optional fraction that is zero.
    if (written === '' && part.field === 'F' && text.endsWith('.')) text = text.slice(0, -1);
    text += written;
  }
  return text;
}

function printField(field: DateField, count: number, utc: Date, digits: string, zoned: boolean): string {
  const padded = (value: number, width = Math.min(count, 2)) => String(value).padStart(width, '0');
  switch (field) {
    case 'd':
      if (count <= 2) return padded(utc.getUTCDate());
      return named(dayNames, utc.getUTCDay(), count);
    case 'M':
      if (count <= 2) return padded(utc.getUTCMonth() + 1);
      return named(monthNames, utc.getUTCMonth(), count);
    case 'y':
      return count <= 2 ? padded(utc.getUTCFullYear() % 100) : padded(utc.getUTCFullYear(), count);
    case 'h':
      return padded(utc.getUTCHours() % 12 || 12);
    case 'H':
      return padded(utc.getUTCHours());
    case 'm':
      return padded(utc.getUTCMinutes());
    case 's':
      return padded(utc.getUTCSeconds());
    case 't':
      return (utc.getUTCHours() < 12 ? 'AM' : 'PM').slice(0, count);
    case 'f':
      return digits.slice(0, count);
    case 'F':
      return digits.slice(0, count).replace(/0+$/, '');
    case 'g':
      return 'A.D.';
    case 'K':
      return zoned ? 'Z' : '';
    case 'z':
      return count === 1 ? '+0' : count === 2 ? '+00' : '+00:00';
  }
}

function named(names: readonly string[], index: number, count: number): string {
  const name = names[index] ?? '';
  return count === 3 ? name.slice(0, 3) : name;
}
