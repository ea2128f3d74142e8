/** Functions of dates. All of them are in UTC, and a date is written as 8/24/2026 3:05:00 PM. */
import { readFormat } from './date-format.ts';
import { type AllowedWhite, parseDate } from './date-parse.ts';
import { printDate } from './date-print.ts';
import { addInterval, countIntervals, dateTime, fromFileTime, intervals, toFileTime } from './date-time.ts';
import { ArgumentProblem } from './expression-error.ts';
import {
  type Call,
  checkWord,
  dateAt,
  eager,
  type FunctionDefinition,
  forArgument,
  integerAt,
  prepared,
  textAt,
  type Values,
  wordAt,
} from './function-definition.ts';
import { numberValue } from './values.ts';

const interval = { name: 'interval', type: 'text' } as const;

export const dateFunctions: readonly FunctionDefinition[] = [
  {
    name: 'CDate',
    parameters: [{ name: 'expression', type: 'date' }],
    gives: 'date',
    deterministic: true,
    about: 'Reads a date, with or without a time and an offset; without an offset it is UTC.',
    example: {
      expression: 'CDate([StatusHireDate])',
      inputs: { StatusHireDate: '2020-03-16-07:00' },
      output: '3/16/2020 7:00:00 AM',
    },
    build: eager((values) => dateAt(values, 0)),
  },
  {
    name: 'DateAdd',
    parameters: [interval, { name: 'value', type: 'number' }, { name: 'dateTime', type: 'date' }],
    gives: 'date',
    deterministic: true,
    about:
      'A date so many intervals later, or earlier for a negative number. Intervals: "yyyy" years, "m" months, "ww" weeks, "d" days, "h" hours, "n" minutes, "s" seconds.',
    example: {
      expression: 'DateAdd("d", 7, CDate([StatusHireDate]))',
      inputs: { StatusHireDate: '2012-03-16-07:00' },
      output: '3/23/2012 7:00:00 AM',
    },
    build: prepared((call) => {
      checkWord(call, 0, intervals);
      return (values) => {
        const [amount, date] = [integerAt(values, 1), dateAt(values, 2)];
        if (amount === null || date === null) return null;
        return addInterval(date, wordAt(values, 0, intervals), Number(amount));
      };
    }),
  },
  {
    name: 'DateDiff',
    parameters: [interval, { name: 'date1', type: 'date' }, { name: 'date2', type: 'date' }],
    gives: 'number',
    deterministic: true,
    about:
      'How many intervals the second date is after the first; negative when it is before. Years, months and weeks count the turns of the calendar between them, the others whole intervals.',
    example: {
      expression: 'DateDiff("d", CDate([start]), CDate([end]))',
      inputs: { start: '2021-08-18+08:00', end: '2021-08-31+08:00' },
      output: '13',
    },
    build: prepared((call) => {
      checkWord(call, 0, intervals);
      return (values) => {
        const [from, to] = [dateAt(values, 1), dateAt(values, 2)];
        return from === null || to === null ? null : countIntervals(wordAt(values, 0, intervals), from, to);
      };
    }),
  },
  {
    name: 'DateFromNum',
    parameters: [{ name: 'value', type: 'number' }],
    gives: 'date',
    deterministic: true,
    about: 'The date of a number as Active Directory keeps it, 100 ns since 1601.',
    example: { expression: 'DateFromNum(129699324000000000)', inputs: {}, output: '1/1/2012 11:00:00 PM' },
    build: eager((values) => {
      const value = integerAt(values, 0);
      return value === null ? null : fromFileTime(value);
    }),
  },
  {
    name: 'FormatDateTime',
    parameters: [
      { name: 'source', type: 'text' },
      { name: 'dateTimeStyles', type: 'text', optional: true },
      { name: 'inputFormat', type: 'text' },
      { name: 'outputFormat', type: 'text' },
    ],
    gives: 'text',
    deterministic: true,
    about:
      'Reads a date in one .NET format and writes it in another, in UTC. Without styles, blanks before and after the date are allowed (RoundtripKind, AllowLeadingWhite, AllowTrailingWhite).',
    example: {
      expression: 'FormatDateTime([extensionAttribute1], , "yyyyMMddHHmmss.fZ", "yyyy-MM-dd")',
      inputs: { extensionAttribute1: '20150123105347.1Z' },
      output: '2015-01-23',
    },
    build: prepared((call) => {
      const whiteOf = fromConstant(call, 1, readStyles);
      const inputOf = fromConstant(call, 2, readInputFormat);
      const outputOf = fromConstant(call, 3, readFormat);
      return (values) => {
        const text = textAt(values, 0);
        if (text === null || text === '') return null;
        const found = parseDate(text, inputOf(values), whiteOf(values));
        if (found === undefined) throw new ArgumentProblem('NotADate', 'This does not have the input format.', 0);
        const output = outputOf(values);
        return printDate(dateTime(found.milliseconds, found.ticks), output, found.zoned);
      };
    }),
  },
  {
    name: 'Now',
    parameters: [],
    gives: 'date',
    deterministic: false,
    about: 'The present time in UTC, to the second.',
    example: { expression: 'CStr(DateDiff("s", Now(), Now()))', inputs: {}, output: '0' },
    build: eager((_, scope) => dateTime(Math.floor(scope.now() / 1000) * 1000)),
  },
  {
    name: 'NumFromDate',
    parameters: [{ name: 'value', type: 'date' }],
    gives: 'number',
    deterministic: true,
    about: 'A date as the number that Active Directory keeps, 100 ns since 1601.',
    example: { expression: 'NumFromDate("2020-12-31 23:59:59-08:00")', inputs: {}, output: '132539615990000000' },
    build: eager((values) => {
      const date = dateAt(values, 0);
      return date === null ? null : numberValue(toFileTime(date));
    }),
  },
];

/** What is read from an argument: once when it is a constant, else for each user. */
function fromConstant<T>(call: Call, index: number, read: (text: string) => T): (values: Values) => T {
  const constant = call.constants[index];
  if (constant !== undefined || call.arguments[index] === undefined) {
    const made = forArgument(index, () => read(String(constant ?? '')));
    return () => made;
  }
  return (values) => forArgument(index, () => read(textAt(values, index) ?? ''));
}

/** @throws ArgumentProblem InvalidFormat, also without a year, which .NET would take from the clock */
function readInputFormat(text: string) {
  const format = readFormat(text);
  if (format.some((part) => 'field' in part && part.field === 'y')) return format;
  throw new ArgumentProblem('InvalidFormat', 'An input format has a year (yyyy).', undefined, 0);
}

const styles: Readonly<Record<string, Partial<AllowedWhite>>> = {
  None: {},
  RoundtripKind: {},
  AssumeUniversal: {},
  AssumeLocal: {},
  AdjustToUniversal: {},
  NoCurrentDateDefault: {},
  AllowLeadingWhite: { leading: true },
  AllowTrailingWhite: { trailing: true },
  AllowInnerWhite: { inner: true },
  AllowWhiteSpaces: { leading: true, trailing: true, inner: true },
};

/** .NET's DateTimeStyles, with commas between them. Those about zones make no difference where all is UTC. */
function readStyles(text: string): AllowedWhite {
  if (text.trim() === '') return { leading: true, trailing: true, inner: false };
  const named = text.split(/[,|]/).map((part) => {
    const name = part.trim().replace(/^DateTimeStyles\./, '');
    const style = Object.hasOwn(styles, name) ? styles[name] : undefined;
    if (style !== undefined) return style;
    throw new ArgumentProblem('InvalidArgument', `A style is one of ${Object.keys(styles).join(', ')}.`);
  });
  return Object.assign({ leading: false, trailing: false, inner: false }, ...named) as AllowedWhite;
}
