/**
 * .NET regular expressions (https://learn.microsoft.com/dotnet/standard/base-types/regular-expression-language-quick-reference)
 * to the syntax of RE2 (https://github.com/google/re2/wiki/Syntax), whose time is linear in the text. What RE2 cannot do
 * is refused with its place.
 *
 * Two things stay different: `\b` and `\B` know the letters, digits and _ of ASCII only, and `$` and `\Z` do not also match
 * before a final line feed.
 */
import { type ClassReader, readClass } from './regex-class.ts';
import { escapeOf, quoteLiteral, regexProblem } from './regex-escapes.ts';

/** A pattern for RE2. All groups are without names there; .NET's names and numbers are kept here. */
export interface TranslatedPattern {
  readonly pattern: string;
  /** RE2's group numbers by .NET's name or number; a name may stand at several groups. */
  readonly groups: ReadonlyMap<string, readonly number[]>;
}

interface Options {
  readonly explicitCapture: boolean;
  readonly ignoreSpaces: boolean;
}

interface Translator extends ClassReader {
  readonly names: (string | undefined)[];
  /** The options of each open group, the innermost last. */
  readonly scopes: Options[];
}

/** @throws ArgumentProblem InvalidRegex with the index of what is wrong */
export function translatePattern(source: string): TranslatedPattern {
  const translator: Translator = {
    source,
    index: 0,
    names: [],
    scopes: [{ explicitCapture: false, ignoreSpaces: false }],
  };
  let pattern = '';
  while (translator.index < source.length) pattern += translateNext(translator);
  return { pattern, groups: numberGroups(translator.names) };
}

function translateNext(translator: Translator): string {
  const { source, index, scopes } = translator;
  const character = source.charAt(index);
  const options = scopes.at(-1);
  if (options?.ignoreSpaces === true) {
    const skipped = /^(?:[ \t\r\n\f\v]+|#[^\n]*)/.exec(source.slice(index))?.[0].length ?? 0;
    translator.index += skipped;
    if (skipped > 0) return '';
  }
  switch (character) {
    case '\\':
      return translateEscape(translator);
    case '[':
      return readClass(translator);
    case '(':
      return translateGroup(translator);
    case ')':
      if (scopes.length > 1) scopes.pop();
      translator.index += 1;
      return ')';
    case '{': {
      // Only {n}, {n,} and {n,m} are quantifiers; any other brace is itself.
      const quantifier = /^\{\d+(?:,\d*)?\}/.exec(source.slice(index))?.[0];
      if (quantifier !== undefined) checkQuantifier(quantifier, index);
      translator.index += quantifier?.length ?? 1;
      return quantifier ?? '\\{';
    }
    case '$':
      translator.index += 1;
      return '$';
    default: {
      const whole = String.fromCodePoint(source.codePointAt(index) ?? 0);
      translator.index += whole.length;
      return '.^|?*+'.includes(whole) ? whole : quoteLiteral(whole);
    }
  }
}

function checkQuantifier(quantifier: string, index: number): void {
  const counts = quantifier.match(/\d+/g)?.map(Number) ?? [];
  if (counts.some((count) => count > 1000)) throw regexProblem('A repeat is at most 1000 times here.', index);
}

function translateEscape(translator: Translator): string {
  const { source, index } = translator;
  const letter = source.charAt(index + 1);
  const refused: Readonly<Record<string, string>> = {
    k: 'A backreference needs an engine whose time has no bound; it is not supported.',
    G: '\\G is not supported.',
    '': 'A backslash stands before another character.',
  };
  const reason = refused[letter.replace(/[1-9]/, 'k')];
  if (reason !== undefined) throw regexProblem(reason, index);
  if ('bBAz'.includes(letter)) {
    translator.index += 2;
    return `\\${letter}`;
  }
  if (letter === 'Z') {
    translator.index += 2;
    return '\\z';
  }
  const found = escapeOf(source, index);
  translator.index = found.end;
  return 'set' in found ? `[${found.set}]` : found.literal;
}

const refusedGroups: readonly (readonly [RegExp, string])[] = [
  [/^\(\?(?:=|!|<=|<!)/, 'Lookahead and lookbehind are not supported; capture the text and keep the group instead.'],
  [/^\(\?>/, 'An atomic group is not supported; write (?:…), which takes no longer here.'],
  [/^\(\?\(/, 'A condition in a pattern is not supported; use IIF or two patterns.'],
  [/^\(\?(?:<\w*-\w+>|'\w*-\w+')/, 'A balancing group is not supported.'],
  [/^\(\?(?:<\d+>|'\d+')/, 'A group with a number of its own is not supported; give it a name.'],
  [/^\(\?P/, '(?P is not the syntax of .NET; write (?<name>…).'],
];

function translateGroup(translator: Translator): string {
  const { source, index, names, scopes } = translator;
  const rest = source.slice(index);
  const options = scopes.at(-1) ?? { explicitCapture: false, ignoreSpaces: false };
  const open = (length: number, inner: Options = options) => {
    translator.index += length;
    scopes.push(inner);
  };
  if (!rest.startsWith('(?')) {
    open(1);
    if (options.explicitCapture) return '(?:';
    names.push(undefined);
    return '(';
  }
  for (const [form, reason] of refusedGroups) if (form.test(rest)) throw regexProblem(reason, index);
  const named = /^\(\?(?:<([A-Za-z_]\w*)>|'([A-Za-z_]\w*)')/.exec(rest);
  if (named !== null) {
    open(named[0].length);
    names.push(named[1] ?? named[2]);
    return '(';
  }
  if (rest.startsWith('(?#')) {
    const length = rest.indexOf(')');
    if (length === -1) throw regexProblem('This comment has no closing parenthesis.', index);
    translator.index += length + 1;
    return '';
  }
  const inline = /^\(\?([imnsx]*)(?:-([imnsx]+))?([:)])/.exec(rest);
  if (inline === null) throw regexProblem('This group is not known.', index);
  const [whole, on = '', off = '', close] = inline;
  const changed = {
    explicitCapture: (options.explicitCapture || on.includes('n')) && !off.includes('n'),
    ignoreSpaces: (options.ignoreSpaces || on.includes('x')) && !off.includes('x'),
  };
  const flags = withoutOwn(on) + (withoutOwn(off) === '' ? '' : `-${withoutOwn(off)}`);
  if (close === ':') {
    open(whole.length, changed);
    return `(?${flags}:`;
  }
  translator.index += whole.length;
  scopes[scopes.length - 1] = changed;
  return flags === '' ? '' : `(?${flags})`;
}

/** The options that RE2 knows too; n and x are done here. */
function withoutOwn(flags: string): string {
  return [...new Set(flags)].filter((flag) => 'ims'.includes(flag)).join('');
}

/** .NET numbers the groups without a name first, and then those with one. */
function numberGroups(names: readonly (string | undefined)[]): ReadonlyMap<string, readonly number[]> {
  const groups = new Map<string, number[]>([['0', [0]]]);
  let next = 1;
  for (const [index, name] of names.entries()) {
    if (name !== undefined) continue;
    groups.set(String(next), [index + 1]);
    next += 1;
  }
  for (const [index, name] of names.entries()) {
    if (name === undefined) continue;
    const earlier = groups.get(name);
    if (earlier !== undefined) {
      earlier.push(index + 1);
      continue;
    }
    const indexes = [index + 1];
    groups.set(name, indexes);
    groups.set(String(next), indexes);
    next += 1;
  }
  return groups;
}

/** Whether the pattern asks for a word boundary, which differs from .NET's beyond ASCII. */
export function hasWordBoundary(source: string): boolean {
  return /(?<!\\)(?:\\\\)*\\[bB]/.test(source.replace(/\[(?:\\.|[^\]\\])*\]/g, ''));
}
