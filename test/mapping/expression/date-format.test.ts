import { describe, expect, test } from 'vitest';
import { ExpressionError } from '../../../src/mapping/expression/expression-error.ts';
import { evaluate } from './compile.ts';

function reformat(text: string, inputFormat: string, outputFormat: string, styles: string | null = null): unknown {
  const expression = 'FormatDateTime([text], [styles], [input], [output])';
  return evaluate(expression, { text, styles, input: inputFormat, output: outputFormat });
}

const instant = '2009-06-05T13:05:07.0120000Z';

describe('a date in a .NET format', () => {
  test.each([
    ['d M yy', '5 6 09'],
    ['dd MM yyyy', '05 06 2009'],
    ['ddd dddd', 'Fri Friday'],
    ['MMM MMMM', 'Jun June'],
    ['yyyyy y', '02009 9'],
    ['h hh H HH', '1 01 13 13'],
    ['m mm s ss', '5 05 7 07'],
    ['t tt', 'P PM'],
    ['ss.fff', '07.012'],
    ['ss.fffffff', '07.0120000'],
    ['ss.FFFFFFF', '07.012'],
    ['ss.F', '07'],
    ['z zz zzz', '+0 +00 +00:00'],
    ['yyyyK', '2009Z'],
    ['%d', '5'],
    ["'day' d", 'day 5'],
    ['"at" HH\\h', 'at 13h'],
    ['yyyyMMddHHmmss.fZ', '20090605130507.0Z'],
    ['o', '2009-06-05T13:05:07.0120000Z'],
    ['s', '2009-06-05T13:05:07'],
    ['u', '2009-06-05 13:05:07Z'],
    ['R', 'Fri, 05 Jun 2009 13:05:07 GMT'],
    ['d', '06/05/2009'],
    ['D', 'Friday, 05 June 2009'],
    ['G', '06/05/2009 13:05:07'],
    ['y', '2009 June'],
    ['M', 'June 05'],
    ['T', '13:05:07'],
  ])('%s gives %s', (format, wanted) => {
    expect(reformat(instant, 'o', format)).toBe(wanted);
  });
});

describe('a date read in a .NET format', () => {
  test.each([
    ['yyyyMMdd', '20150123', '2015-01-23T00:00:00'],
    ['M/d/yyyy h:mm:ss tt', '1/2/2015 12:03:04 AM', '2015-01-02T00:03:04'],
    ['M/d/yyyy h:mm:ss tt', '11/12/2015 12:03:04 pm', '2015-11-12T12:03:04'],
    ['yyyy-MM-ddTHH:mm:sszzz', '2015-01-02T03:04:05-07:30', '2015-01-02T10:34:05'],
    ['yyyy-MM-ddTHH:mm:ssK', '2015-01-02T03:04:05', '2015-01-02T03:04:05'],
    ['yyyy-MM-ddTHH:mm:ss.FFFK', '2015-01-02T03:04:05Z', '2015-01-02T03:04:05'],
    ['dddd, dd MMMM yyyy', 'Friday, 23 january 2015', '2015-01-23T00:00:00'],
    ['d.M.yy', '3.1.49', '2049-01-03T00:00:00'],
    ['d.M.yy', '3.1.50', '1950-01-03T00:00:00'],
    ['yyyy-MM', '2015-02', '2015-02-01T00:00:00'],
    ["yyyy'y'", '2015y', '2015-01-01T00:00:00'],
    ['yyyy-MM-dd', ' 2015-02-03 ', '2015-02-03T00:00:00'],
    ['R', 'Fri, 23 Jan 2015 04:05:06 GMT', '2015-01-23T04:05:06'],
    ['yyyy-MM-dd', '0050-02-03', '0050-02-03T00:00:00'],
  ])('%s reads %s', (format, text, wanted) => {
    expect(reformat(text, format, 's')).toBe(wanted);
  });

  test.each([
    ['yyyyMMdd', '20150231'],
    ['yyyyMMdd', '2015012'],
    ['yyyyMMdd', '20150123x'],
    ['dddd dd MM yyyy', 'Monday 23 01 2015'],
    ['yyyy HH', '2015 24'],
    ['yyyy hh tt', '2015 13 PM'],
    ['yyyy zzz', '2015 +15:00'],
    ['yyyy', '0000'],
  ])('%s does not read %s', (format, text) => {
    expect(() => reformat(text, format, 's')).toThrow(ExpressionError);
  });

  test('blanks are taken as the styles say', () => {
    expect(reformat(' 2015 ', 'yyyy', 'yyyy', 'AllowWhiteSpaces')).toBe('2015');
    expect(reformat('2015 - 01', 'yyyy-MM', 'yyyyMM', 'DateTimeStyles.AllowInnerWhite')).toBe('201501');
    expect(() => reformat(' 2015', 'yyyy', 'yyyy', 'None')).toThrow(/input format/);
    expect(() => reformat('2015', 'yyyy', 'yyyy', 'Sloppy')).toThrow(/style/);
  });
});

describe('a date read by CDate', () => {
  test.each([
    ['2021-06-30', '6/30/2021 12:00:00 AM'],
    ['2021-06-30T01:02:03.1234567Z', '6/30/2021 1:02:03 AM'],
    ['2021-06-30 01:02:03 +02:00', '6/29/2021 11:02:03 PM'],
    ['6/30/2021 1:02 PM', '6/30/2021 1:02:00 PM'],
    ['2021/6/30', '6/30/2021 12:00:00 AM'],
    ['Wed, 30 Jun 2021 01:02:03 GMT', '6/30/2021 1:02:03 AM'],
    ['June 30, 2021', '6/30/2021 12:00:00 AM'],
    [' 2021-06-30 ', '6/30/2021 12:00:00 AM'],
  ])('%s', (text, wanted) => {
    expect(evaluate('CStr(CDate([text]))', { text })).toBe(wanted);
  });

  test.each(['30.6.2021', '2021-02-30', 'tomorrow', '13/1/2021', '2021-06-30T25:00', `2021-06-30${' '.repeat(99)}x`])(
    'not %s',
    (text) => {
      expect(() => evaluate('CDate([text])', { text })).toThrow(/no date/);
    },
  );

  test('a month later than its 31st is the last day of the next month', () => {
    expect(evaluate('CStr(DateAdd("m", 1, "2024-01-31"))')).toBe('2/29/2024 12:00:00 AM');
    expect(evaluate('CStr(DateAdd("yyyy", 1, "2024-02-29"))')).toBe('2/28/2025 12:00:00 AM');
  });

  test('a number of Active Directory goes and comes back without loss', () => {
    expect(evaluate('CStr(NumFromDate(DateFromNum([lastLogon])))', { lastLogon: '132539615991234567' })).toBe(
      '132539615991234567',
    );
  });

  test('a date beyond the years 1 to 9999 is an error', () => {
    expect(() => evaluate('DateFromNum(9223372036854775807)')).toThrow(/years 1 to 9999/);
    expect(() => evaluate('DateAdd("yyyy", 8000, "2026-01-01")')).toThrow(/years 1 to 9999/);
    expect(() => evaluate('DateAdd("s", 9223372036854775807, "2026-01-01")')).toThrow(/years 1 to 9999/);
    expect(() => evaluate('DateAdd("m", -9223372036854775807, "2026-01-01")')).toThrow(/years 1 to 9999/);
  });
});
