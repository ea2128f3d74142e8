/**
 * .NET's date and time format strings, custom and standard, in the invariant culture
 * (https://learn.microsoft.com/dotnet/standard/base-types/custom-date-and-time-format-strings).
 */
import { ArgumentProblem } from './expression-error.ts';

export type DateField = 'd' | 'f' | 'F' | 'g' | 'h' | 'H' | 'K' | 'm' | 'M' | 's' | 't' | 'y' | 'z';

/** A format read once: literal texts and fields. */
export type DateFormat = readonly (
  | { readonly literal: string }
  | { readonly field: DateField; readonly count: number }
)[];

/** One letter alone stands for a whole format. */
const standardFormats: Readonly<Record<string, string>> = {
  d: 'MM/dd/yyyy',
  D: 'dddd, dd MMMM yyyy',
  f: 'dddd, dd MMMM yyyy HH:mm',
  F: 'dddd, dd MMMM yyyy HH:mm:ss',
  g: 'MM/dd/yyyy HH:mm',
  G: 'MM/dd/yyyy HH:mm:ss',
  m: 'MMMM dd',
  M: 'MMMM dd',
  o: "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
  O: "yyyy-MM-dd'T'HH:mm:ss.fffffffK",
  r: "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
  R: "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
  s: "yyyy-MM-dd'T'HH:mm:ss",
  t: 'HH:mm',
  T: 'HH:mm:ss',
  u: "yyyy-MM-dd HH:mm:ss'Z'",
  U: 'dddd, dd MMMM yyyy HH:mm:ss',
  y: 'yyyy MMMM',
  Y: 'yyyy MMMM',
};

const fields = 'dfFghHKmMstyz';
const maxCounts: Readonly<Record<string, number>> = { f: 7, F: 7, K: 1 };

/**
 * Reads a format.
 * @throws ArgumentProblem InvalidFormat with the index of the character that is wrong
 */
export function readFormat(format: string): DateFormat {
  if (format === '') throw problem('A date format has at least one letter.', 0);
  if (format.length === 1) {
    const standard = Object.hasOwn(standardFormats, format) ? standardFormats[format] : undefined;
    if (standard === undefined) {
      throw problem(`"${format}" is no standard format; they are ${Object.keys(standardFormats).join(', ')}.`, 0);
    }
    return readCustom(standard);
  }
  return readCustom(format);
}

function readCustom(format: string): DateFormat {
  const parts: ({ literal: string } | { field: DateField; count: number })[] = [];
  const addLiteral = (text: string) => {
    const previous = parts.at(-1);
    if (previous !== undefined && 'literal' in previous) previous.literal += text;
    else parts.push({ literal: text });
  };
  let index = 0;
  while (index < format.length) {
    const character = format.charAt(index);
    if (character === "'" || character === '"') {
      const quoted = readQuoted(format, index);
      addLiteral(quoted.text);
      index = quoted.end;
    } else if (character === '\\') {
      if (index + 1 === format.length) throw problem('A backslash stands before another character.', index);
      addLiteral(format.charAt(index + 1));
      index += 2;
    } else if (character === '%') {
      const next = format.charAt(index + 1);
      if (next === '' || next === '%') throw problem('A % stands before a format letter.', index);
      index += 1;
    } else if (fields.includes(character)) {
      let end = index;
      while (format.charAt(end) === character) end += 1;
      const count = end - index;
      const most = maxCounts[character] ?? Number.POSITIVE_INFINITY;
      if (count > most) throw problem(`"${character}" stands at most ${most} times in a row.`, index + most);
      parts.push({ field: character as DateField, count });
      index = end;
    } else {
      addLiteral(character);
      index += 1;
    }
  }
  return parts;
}

function readQuoted(format: string, start: number): { readonly text: string; readonly end: number } {
  const quote = format.charAt(start);
  let text = '';
  for (let index = start + 1; index < format.length; index += 1) {
    const character = format.charAt(index);
    if (character === quote) return { text, end: index + 1 };
    if (character === '\\') index += 1;
    text += format.charAt(index);
  }
  throw problem('This quote is not closed.', start);
}

/** English, as the invariant culture has them. */
export const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
];
export const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

function problem(message: string, index: number): ArgumentProblem {
  return new ArgumentProblem('InvalidFormat', message, undefined, index);
}
