/**
 * Reads `$filter` (OData 4.01, https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html, section
 * 5.1.1): and, or, not, parentheses, comparisons and `in`. Functions are named and refused. Pure.
 */

const comparisonOperators = ['eq', 'ne', 'gt', 'ge', 'lt', 'le'] as const;
type ComparisonOperator = (typeof comparisonOperators)[number] | 'in';

/** A value on the right: a text in quotes, or what stands without them, such as a number, a moment, a GUID or null. */
export interface Literal {
  readonly quoted: boolean;
  readonly text: string;
}

/** One property compared; with `in` to one of several values. */
export interface Comparison {
  readonly kind: 'comparison';
  /** As it is written, such as `sourceIdentity/id`. */
  readonly property: string;
  readonly operator: ComparisonOperator;
  readonly values: readonly Literal[];
}

export type Filter =
  | Comparison
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly part: Filter };

/** What is wrong with a filter, for whoever wrote it. */
export class FilterProblem extends Error {
  override readonly name = 'FilterProblem';
}

type TokenKind = 'text' | 'value' | 'word' | '(' | ')' | ',' | 'end';

interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  /** Counted from 1. */
  readonly place: number;
}

const patterns: readonly (readonly [TokenKind, RegExp])[] = [
  ['text', /'(?:[^']|'')*'/y],
  ['value', /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![\w-])/iy],
  ['value', /[+-]?\d[\w.:+-]*/y],
  ['word', /[A-Za-z_]\w*(?:\/[A-Za-z_]\w*)*/y],
  ['(', /\(/y],
  [')', /\)/y],
  [',', /,/y],
];

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; ; ) {
    const space = /\s*/y;
    space.lastIndex = at;
    at += space.exec(text)?.[0].length ?? 0;
    if (at >= text.length) return [...tokens, { kind: 'end', text: '', place: at + 1 }];
    const [kind, found] = match(text, at);
    tokens.push({ kind, text: found, place: at + 1 });
    at += found.length;
  }
}

function match(text: string, at: number): [TokenKind, string] {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) return [kind, found[0]];
  }
  const why = text[at] === "'" ? 'the text that begins there has no end' : 'nothing can be made of it';
  throw new FilterProblem(`at character ${at + 1}: ${why}`);
}

/** Whoever reads the tree goes down with it. */
const depthAtMost = 100;

/**
 * The filter as a tree.
 * @throws FilterProblem, with the place
 */
export function parseFilter(text: string): Filter {
  const tokens = tokensOf(text);
  let next = 0;
  let depth = 0;
  const peek = (): Token => tokens[next] ?? { kind: 'end', text: '', place: text.length + 1 };
  const take = (): Token => {
    const token = peek();
    next += 1;
    return token;
  };
  const isWord = (word: string) => peek().kind === 'word' && peek().text === word;
  const expect = (kind: TokenKind, what: string): Token => {
    const token = take();
    if (token.kind !== kind) throw unexpected(token, what);
    return token;
  };

  const several = (kind: 'and' | 'or', part: () => Filter): Filter => {
    const first = part();
    const more: Filter[] = [];
    while (isWord(kind)) {
      take();
      more.push(part());
    }
    return more.length === 0 ? first : { kind, parts: [first, ...more] };
  };
  const either = (): Filter => several('or', () => several('and', single));
  const single = (): Filter => {
    const isNot = isWord('not');
    if (!isNot && peek().kind !== '(') return comparison();
    const { place } = take();
    depth += 1;
    if (depth > depthAtMost) {
      throw new FilterProblem(
        `at character ${place}: more than ${depthAtMost} of "not" and "(" stand within each other`,
      );
    }
    const inner = isNot ? single() : either();
    if (!isNot) expect(')', 'a closing parenthesis');
    depth -= 1;
    return isNot ? { kind: 'not', part: inner } : inner;
  };
  const comparison = (): Filter => {
    const property = expect('word', 'the name of a property');
    if (peek().kind === '(') throw new FilterProblem(`${property.text}(…) is not supported; ${supported}`);
    const operator = expect('word', `an operator after ${property.text}`);
    if (operator.text === 'in') return { kind: 'comparison', property: property.text, operator: 'in', values: list() };
    const known = comparisonOperators.find((name) => name === operator.text);
    if (known === undefined) throw unexpected(operator, `an operator after ${property.text}`);
    return { kind: 'comparison', property: property.text, operator: known, values: [literal()] };
  };
  const list = (): Literal[] => {
    expect('(', 'a list in parentheses after "in"');
    const values = [literal()];
    while (peek().kind === ',') {
      take();
      values.push(literal());
    }
    expect(')', 'a closing parenthesis');
    return values;
  };
  const literal = (): Literal => {
    const token = take();
    if (token.kind === 'text') return { quoted: true, text: token.text.slice(1, -1).replaceAll("''", "'") };
    if (token.kind === 'value' || token.kind === 'word') return { quoted: false, text: token.text };
    throw unexpected(token, 'a value, with texts in single quotes');
  };

  const filter = either();
  expect('end', '"and", "or" or the end');
  return filter;
}

const supported = 'write comparisons with eq, ne, gt, ge, lt, le or in, joined by and, or, not';

function unexpected({ kind, text, place }: Token, wanted: string): FilterProblem {
  return new FilterProblem(
    `at character ${place}: ${kind === 'end' ? 'it ends' : `"${text}" stands`} where ${wanted} is due`,
  );
}
