import { describe, expect, test } from 'vitest';
import { ExpressionError } from '../../../src/mapping/expression/expression-error.ts';
import { textOf } from '../../../src/mapping/expression/values.ts';
import { compile, createRandomInt, evaluate, shown } from './compile.ts';

const roles = [
  { id: '1', value: 'Admin', displayName: 'Administrator' },
  { id: '2', value: null, displayName: 'Guest' },
];

describe('conditions', () => {
  test.each([
    ['[a] = "x" AND [b] = "y"', { a: 'x', b: 'y' }, true],
    ['[a] = "x" AND [b] = "y"', { a: 'x' }, false],
    ['[a] = "x" OR [b] = "y"', { b: 'y' }, true],
    ['[a] = "x" OR [b] = "y" AND [c] = "z"', { a: 'x' }, true],
    ['([a] = "x" OR [b] = "y") AND [c] = "z"', { a: 'x' }, false],
    ['NOT [a] = "x" AND [b] = "y"', { b: 'y' }, true],
    ['NOT ([a] = "x" AND [b] = "y")', { a: 'x' }, true],
    ['NOT NOT [flag]', { flag: true }, true],
    ['IsNull([a]) OR [a] = "x"', {}, true],
    ['[a] = ""', {}, true],
    ['[a] <> ""', {}, false],
    ['[a] = [b]', {}, true],
    ['[a] = "X"', { a: 'x' }, false],
    ['[a] > 9', { a: '10' }, true],
    ['[a] > "9"', { a: '10' }, false],
    ['[a] <= 3', {}, false],
    ['[a] = 3', { a: '03' }, true],
    ['[a] = 3', { a: 'three' }, false],
    ['[flag] = "True"', { flag: true }, true],
    ['CDate([a]) < CDate("2026-01-02")', { a: '2026-01-01' }, true],
    ['CDate([a]) < "2026-01-02"', { a: '12/31/2025' }, true],
    ['CDate([a]) = "never"', { a: '12/31/2025' }, false],
    ['CBool(BitAnd([userAccountControl], 2))', { userAccountControl: '514' }, true],
    ['[flag]', { flag: 'true' }, true],
    ['[flag]', { flag: '0' }, false],
    ['[flag]', { flag: 'yes' }, false],
    ['[flag]', {}, false],
  ])('%s of %j is %s', (condition, inputs, wanted) => {
    expect(evaluate(`IIF(${condition}, "yes", "no")`, inputs)).toBe(wanted ? 'yes' : 'no');
  });
});

describe('null, empty and absent values', () => {
  test.each([
    ['Append([a], "x")', null],
    ['ToUpper([a])', null],
    ['Left([a], 3)', ''],
    ['Word([a], 1, " ")', ''],
    ['Word("a b", 0, " ")', ''],
    ['Word("a b", 3, " ")', ''],
    ['Join("-", [a], "", "x")', 'x'],
    ['Count([a])', '0'],
    ['Item([a], 1)', null],
    ['Split([a], ",")', null],
    ['CDate([a])', null],
    ['DateDiff("d", [a], Now())', null],
    ['InStr([a], "x")', '0'],
    ['CBool([a])', 'False'],
    ['Not([a])', 'True'],
    ['IsString([a])', 'False'],
    ['Switch([a], "default", "x", "y")', 'default'],
    ['Switch([a], , "x", "y")', null],
    ['IIF(IsNull([a]), [a], "x")', null],
    ['Append("x", IgnoreFlowIfNullOrEmpty([a]))', 'x'],
    ['Coalesce(IgnoreFlowIfNullOrEmpty([a]), "x")', 'x'],
    ['SingleAppRoleAssignment([a])', null],
    ['Redact([a])', null],
  ])('%s is %j for null', (expression, wanted) => {
    expect(shown(evaluate(expression, { a: null }))).toBe(wanted);
    expect(shown(evaluate(expression, {}))).toBe(wanted);
  });

  test('a name that every object has is no attribute of the user', () => {
    expect(evaluate('Coalesce([constructor], [__proto__], [toString])')).toBe(null);
  });
});

describe('texts', () => {
  test.each([
    ['Left("abc", 0)', ''],
    ['Left("abc", -1)', 'abc'],
    ['Left("abc", 9)', 'abc'],
    ['Mid("abcdef", 3, 99)', 'cdef'],
    ['Mid("abc", 9, 1)', ''],
    ['InStr("abcABC", "B", 1, vbTextCompare)', '2'],
    ['InStr("abcABC", "B")', '5'],
    ['InStr("abc", "b", 3)', '0'],
    ['PCase("hello o\'brien-smith 1st")', "Hello O'brien-Smith 1St"],
    ['PCase("a-b c", " ")', 'A-b C'],
    ['ToUpper("straße")', 'STRAßE'],
    ['ToUpper("i", "tr-TR")', 'İ'],
    ['ToLower("I", "tr-TR")', 'ı'],
    ['StripSpaces(" a b\t")', 'ab\t'],
    ['Replace("aXbX", "X", , , "-", , )', 'a-b-'],
    ['Replace("aXbX", "", , , "-", , )', 'aXbX'],
    ['Replace("a", "X", , , , , "XX")', 'aa'],
    ['Replace("k1 k2", , "k(?<n>\\\\d)", "n", "9", , )', 'k9 k9'],
    ['Replace("given", , "(?<n>a)", "n", , "a", )', 'given'],
    ['Append("é", "😀")', 'é😀'],
    ['Append(3, -10)', '3-10'],
    ['CStr(&HFFFFFFFFFF)', '1099511627775'],
    ['CStr(BitAnd(9223372036854775807, -1))', '9223372036854775807'],
  ])('%s is %s', (expression, wanted) => {
    expect(textOf(evaluate(expression))).toBe(wanted);
  });

  test.each([
    ['äàâãåáąăāǟǡ', 'aaaaaaaaaaa'],
    ['ÄÖÜ Åsa Ångström', 'AOU Asa Angstrom'],
    ['æ Ǣ ø Ø ß ẞ', 'ae AE oe OE ss SS'],
    ['łŁ ıİ', 'lL iI'],
    ['ā́ ṳ̄ e̊̄ œ̄', 'a u e oe'],
    ['a\u0308', 'a'],
    ['œ đ ð þ ĥ ŵ', 'œ đ ð þ ĥ ŵ'],
    ['Иванов 山田 😀', 'Иванов 山田 😀'],
  ])('NormalizeDiacritics of %s is %s', (text, wanted) => {
    expect(evaluate('NormalizeDiacritics([text])', { text })).toBe(wanted);
  });
});

describe('marks that a value carries', () => {
  test('a redacted value stays redacted in what is made of it', () => {
    expect(shown(evaluate('Append("no. ", Redact([id]))', { id: '4711' }))).toEqual({ redacted: 'no. 4711' });
    expect(shown(evaluate('IIF(Redact([id]) = "4711", "a", "b")', { id: '4711' }))).toBe('a');
    expect(shown(evaluate('Redact(Redact([id]))', { id: '4711' }))).toEqual({ redacted: '4711' });
  });

  test('roles come with how they are written', () => {
    const user = { appRoleAssignments: roles };
    expect(evaluate('AppRoleAssignmentsComplex([appRoleAssignments])', user)).toEqual({
      kind: 'roles',
      roles,
      mode: 'add',
    });
    expect(evaluate('AssertiveAppRoleAssignmentsComplex([appRoleAssignments])', user)).toEqual({
      kind: 'roles',
      roles,
      mode: 'replace',
    });
    expect(evaluate('SingleAppRoleAssignment([appRoleAssignments])', user)).toBe('Admin');
    expect(evaluate('SingleAppRoleAssignment([appRoleAssignments])', { appRoleAssignments: roles.slice(1) })).toBe(
      'Guest',
    );
    expect(evaluate('AssertiveAppRoleAssignmentsComplex([appRoleAssignments])', { appRoleAssignments: [] })).toEqual({
      kind: 'roles',
      roles: [],
      mode: 'replace',
    });
  });
});

describe('evaluation', () => {
  test('an error tells the place and no value of the user', () => {
    const error = errorOf(() => evaluate('Append("x",\n  Left([name], [count]))', { name: 'secret', count: 'secret' }));
    expect(error).toMatchObject({ code: 'NotANumber', position: { line: 2, column: 16 } });
    expect(`${error?.message} ${error?.excerpt}`).not.toContain('secret');
    expect(error?.excerpt).toBe('  Left([name], [count]))\n               ^^^^^^^');
  });

  test.each([
    ['ToUpper([list])', 'NotASingleValue'],
    ['Append("x", [appRoleAssignments])', 'NotASingleValue'],
    ['IIF([list] = "a", "b", "c")', 'NotASingleValue'],
    ['SingleAppRoleAssignment([list])', 'NotRoles'],
    ['Left([long], 3)', 'TextTooLong'],
    ['Replace([text], , [text], , "", , )', 'InvalidRegex'],
    ['FormatDateTime([text], , [text], "s")', 'InvalidFormat'],
    ['Item([list], [zero])', 'InvalidArgument'],
  ])('%s of what does not fit is %s', (expression, code) => {
    const user = { list: ['a', 'b'], appRoleAssignments: roles, long: 'x'.repeat(65_537), text: '(', zero: 0 };
    expect(errorOf(() => evaluate(expression, user))?.code).toBe(code);
  });

  test('what is not chosen is not evaluated', () => {
    const user = { date: 'no date', kind: 'a' };
    expect(evaluate('IIF([kind] = "a", "x", CDate([date]))', user)).toBe('x');
    expect(evaluate('Switch([kind], CDate([date]), "a", "x", "b", CDate([date]))', user)).toBe('x');
    expect(evaluate('Coalesce([kind], CDate([date]))', user)).toBe('a');
  });

  test('an expression names the attributes that it reads', () => {
    expect(compile('Join(" ", [a], Switch([b], [a], "x", [c]))').attributes).toEqual(['a', 'b', 'c']);
  });

  test('the same clock and the same randomness give the same values', () => {
    const values = [1, 1, 2].map((seed) =>
      compile('Join(" ", Now(), Guid(), RandomString(20, 1, 1, 1, 1))', { randomInt: createRandomInt(seed) }).evaluate(
        {},
      ),
    );
    expect(values[0]).toBe(values[1]);
    expect(values[0]).not.toBe(values[2]);
    expect(values[0]).toMatch(
      /^11\/24\/2026 12:00:00 PM [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12} .{20}$/,
    );
  });

  test('Switch with keys that are not constants', () => {
    expect(evaluate('Switch([a], "default", [b], "b", [c], "c")', { a: 'x', b: 'y', c: 'x' })).toBe('c');
    expect(evaluate('Switch([a], "default", [b], "b", [c], "c")', { a: 'x' })).toBe('default');
  });
});

function errorOf(run: () => unknown): ExpressionError | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return error;
    throw error;
  }
}
