import { describe, expect, test } from 'vitest';
import { ArgumentProblem } from '../../../src/mapping/expression/expression-error.ts';
import { compileRegex } from '../../../src/mapping/expression/regex.ts';
import { evaluate } from './compile.ts';

/** Regex.Replace of .NET, by way of the function. */
function replace(text: string, pattern: string, replacement: string): unknown {
  return evaluate('Replace([text], , [pattern], , [replacement], , )', { text, pattern, replacement });
}

describe('what .NET writes otherwise than RE2', () => {
  test.each([
    ['named groups', 'John Doe', '(?<first>\\w+) (?<last>\\w+)', '\u0024{last}, \u0024{first}', 'Doe, John'],
    ['groups named in quotes', 'John Doe', "(?'first'\\w+) (?'last'\\w+)", '\u0024{last}', 'Doe'],
    ['groups by number', 'John Doe', '(\\w+) (\\w+)', '$2 $1', 'Doe John'],
    ['unnamed groups are numbered before named ones', 'abc', '(?<n>a)(b)(c)', '$1$2$3', 'bca'],
    ['a name at two groups', 'b', '(?:(?<n>a)|(?<n>b))', '<\u0024{n}>', '<b>'],
    ['a dollar sign', '5', '5', '$$5', '$5'],
    ['the whole match', 'ab', 'b', '[$&$0]', 'a[bb]'],
    ['the text before and after', 'abc', 'b', "$`$'", 'aacc'],
    ['the whole text', 'ab', 'b', '$_', 'aab'],
    ['the last group', 'ab', '(a)(b)', '$+', 'b'],
    ['a number that is no group stays', 'a', '(a)', '$2 $10', '$2 $10'],
    ['a name that is no group stays', 'a', '(a)', '\u0024{x}', '\u0024{x}'],
    ['\\d knows all digits', '٣4', '\\d', '#', '##'],
    ['\\w knows all letters', 'Zoë_1!', '\\w', '.', '.....!'],
    ['\\W is what \\w is not', 'Zoë 1!', '\\W', '', 'Zoë1'],
    ['\\s knows the no-break space', 'a\u00A0b\tc', '\\s', '', 'abc'],
    ['\\S in a class', 'a b', '[\\S]', '-', '- -'],
    ['\\D in a class', 'a1', '[\\D]', '-', '-1'],
    ['\\W in a class', 'a_ b', '[\\W_]', '', 'ab'],
    ['the options i', 'aBc', '(?i)b', '', 'ac'],
    ['the options of a group', 'aBb', 'a(?i:B)b', '', ''],
    ['the option x', 'a1', 'a  1 # both', 'x', 'a1'],
    ['the option x on', 'a1', '(?x) a  1 # both', 'x', 'x'],
    ['the option n', 'ab', '(?n)(a)(?<k>b)', '$1', 'b'],
    ['the option s', 'a\nb', '(?s)a.b', '', ''],
    ['the option m', 'a\nb', '(?m)^', '>', '>a\n>b'],
    ['a comment', 'ab', 'a(?#then)b', 'x', 'x'],
    ['escapes by number', 'Aé', '\\x41\\u00e9', 'x', 'x'],
    ['a brace that is no quantifier', 'a{,3}', 'a{,3}', 'x', 'x'],
    ['a class with brackets', 'a[:]', '[[:]+', '', 'a]'],
    ['a bracket first in its class', 'a]b', '[]a]', '', 'b'],
    ['an empty match behind another match', 'baac', 'a*', '-', '-b--c-'],
    ['an empty match beside an emoji', '😀', '', '-', '-😀-'],
    ['no anchors unless asked', 'user@domain.com.au', '.*\\@domain.com', '', '.au'],
    ['lazy quantifiers', '<a><b>', '<.+?>', '', ''],
    ['a class and a category', 'aB', '[\\p{Lu}]', '', 'a'],
  ])('%s', (_, text, pattern, replacement, wanted) => {
    expect(replace(text, pattern, replacement)).toBe(wanted);
  });
});

describe('what an engine of linear time cannot do is refused at its place', () => {
  test.each([
    ['lookahead', 'a(?=b)', 1],
    ['negative lookahead', 'a(?!b)', 1],
    ['lookbehind', '(?<=a)b', 0],
    ['negative lookbehind', '(?<!a)b', 0],
    ['atomic groups', 'x(?>a*)', 1],
    ['conditions', '(a)?(?(1)b)', 4],
    ['backreferences', '(a)\\1', 3],
    ['named backreferences', '(?<n>a)\\k<n>', 7],
    ['balancing groups', '(?<a>x)(?<b-a>y)', 7],
    ['groups with their own number', '(?<1>a)', 0],
    ['the syntax of Python', '(?P<n>a)', 0],
    ['subtraction of classes', '[a-z-[aeiou]]', 4],
    ['blocks', '\\p{IsGreek}', 0],
    ['\\G', 'a\\G', 1],
    ['unknown escapes', 'a\\y', 1],
    ['unknown groups', 'a(?z)', 1],
    ['repeats of more than 1000', 'a{1001}', 1],
    ['ranges from the end', '[z-a]', 1],
    ['open classes', 'x[a', 1],
  ])('%s', (_, pattern, index) => {
    expect(problemOf(pattern)).toMatchObject({ code: 'InvalidRegex', index });
  });

  test.each([
    '(',
    ')',
    'a**',
    '(?:a{1000}){1000}',
    `${'('.repeat(900)}${')'.repeat(900)}{900}`,
    'a'.repeat(2_001),
    '(?:\\w{500}){11}',
  ])('a pattern that is wrong or too large: %.20s', (pattern) => {
    expect(problemOf(pattern)).toMatchObject({ code: 'InvalidRegex' });
  });
});

describe('no pattern hangs', () => {
  test.each([
    ['(x+x+)+y', 'x'.repeat(60_000)],
    ['(a|aa)+$', `${'a'.repeat(60_000)}b`],
    ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(60_000)],
    ['(?:x?){50}x{50}', 'x'.repeat(60_000)],
    ['x*y|x', 'x'.repeat(60_000)],
    ['', 'x'.repeat(60_000)],
  ])('%s', (pattern, text) => {
    const started = performance.now();
    let outcome: unknown;
    try {
      outcome = replace(text, pattern, '');
    } catch (error) {
      outcome = error;
    }
    expect(typeof outcome === 'string' || (outcome as { code?: string }).code === 'TooMuchWork').toBe(true);
    expect(performance.now() - started).toBeLessThan(10_000);
  });

  test('a result cannot grow beyond its bound', () => {
    expect(() => replace('x'.repeat(3_000), 'x', '$_$_$_')).toThrow(/longer than/);
    const doubled = `${'Append('.repeat(20)}[text]${', [text])'.repeat(20)}`;
    expect(() => evaluate(doubled, { text: 'x'.repeat(10_000) })).toThrow(/longer than/);
  });
});

function problemOf(pattern: string): ArgumentProblem | undefined {
  try {
    compileRegex(pattern);
    return undefined;
  } catch (error) {
    if (error instanceof ArgumentProblem) return error;
    throw error;
  }
}
