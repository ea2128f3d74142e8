/** Regular expressions of .NET on an engine whose time is linear in the text, with what they spend counted. */
import { RE2JS, RE2JSException } from 're2js';
import { ArgumentProblem } from './expression-error.ts';
import { maxPatternLength, maxPatternSize } from './limits.ts';
import { translatePattern } from './regex-translate.ts';

/** A match: where it is, and where its groups are. */
export interface RegexMatch {
  readonly start: number;
  readonly end: number;
  /** Start and end of a group by RE2's number; null when it took no part. */
  group(index: number): readonly [number, number] | null;
}

export interface Regex {
  /** RE2's group numbers for .NET's name or number, undefined where there is no such group. */
  groupIndexes(name: string): readonly number[] | undefined;
  /** All matches from left to right, as Regex.Replace goes through them. */
  matches(text: string, spend: (steps: number) => void): Generator<RegexMatch>;
}

/**
 * Compiles a pattern.
 * @throws ArgumentProblem InvalidRegex, with an index where the place is known
 */
export function compileRegex(pattern: string): Regex {
  if (pattern.length > maxPatternLength) {
    const limit = maxPatternLength.toLocaleString('en-US');
    throw new ArgumentProblem('InvalidRegex', `A pattern has at most ${limit} characters.`);
  }
  const { pattern: translated, groups } = translatePattern(pattern);
  const compiled = compile(translated);
  const size = compiled.programSize();
  if (size > maxPatternSize)
    throw new ArgumentProblem('InvalidRegex', 'The repeats in this pattern make it too large.');
  const groupCount = compiled.groupCount();
  return {
    groupIndexes: (name) => groups.get(name),
    *matches(text, spend) {
      const matcher = compiled.matcher(text);
      let from = 0;
      while (from <= text.length) {
        // One search may read the rest of the text whatever it finds, so many of them would be quadratic.
        spend(size * (text.length - from + 1));
        if (!matcher.find(from)) return;
        const spans: number[] = [];
        for (let group = 0; group <= groupCount; group += 1) spans.push(matcher.start(group), matcher.end(group));
        const [start = 0, end = 0] = spans;
        yield { start, end, group: (index) => spanAt(spans, index) };
        from = end > start ? end : end + widthAt(text, end);
      }
    },
  };
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    const reason = error.message.replace(/^error parsing regexp: /, '').replace(/: `.*$/s, '');
    throw new ArgumentProblem('InvalidRegex', `This pattern is wrong: ${reason}.`);
  }
}

function spanAt(spans: readonly number[], index: number): readonly [number, number] | null {
  const [start = -1, end = -1] = spans.slice(index * 2, index * 2 + 2);
  return start < 0 || end < 0 ? null : [start, end];
}

/** Past an empty match, the search goes on behind the next whole character. */
function widthAt(text: string, index: number): number {
  return (text.codePointAt(index) ?? 0) > 0xffff ? 2 : 1;
}

/** The span of the first of these groups that took part; a name may stand at several. */
export function spanOfGroup(match: RegexMatch, indexes: readonly number[]): readonly [number, number] | null {
  for (const index of indexes) {
    const span = match.group(index);
    if (span !== null) return span;
  }
  return null;
}
