/** Source text to tokens. */
import { ExpressionError, type Span } from './expression-error.ts';
import { maxExpressionLength } from './limits.ts';
import type { ComparisonOperator } from './syntax.ts';

export type Token =
  | { readonly kind: 'name' | 'attribute' | 'text'; readonly value: string; readonly span: Span }
  | { readonly kind: 'number'; readonly value: bigint; readonly hex: boolean; readonly span: Span }
  | { readonly kind: 'operator'; readonly value: ComparisonOperator; readonly span: Span }
  | { readonly kind: '(' | ')' | ',' | 'end'; readonly span: Span };

const spaces = /[ \t\r\n\u00A0]+/y;
const name = /[A-Za-z_][A-Za-z0-9_]*/y;
const hexNumber = /&H([0-9A-Fa-f]+)/y;
const decimalNumber = /-?[0-9]+/y;
const operator = /<>|>=|<=|=|<|>/y;
const attribute = /\[([^[\]"\r\n]*)\]/y;

/**
 * The tokens of an expression, the last of them `end`.
 * @throws ExpressionError TooLong, Syntax
 */
export function tokenize(source: string): readonly Token[] {
  if (source.length > maxExpressionLength) {
    const limit = maxExpressionLength.toLocaleString('en-US');
    const span = { start: maxExpressionLength, end: source.length };
    throw new ExpressionError('TooLong', `An expression has at most ${limit} characters.`, source, span);
  }
  const tokens: Token[] = [];
  let offset = 0;
  while (offset < source.length) {
    offset += matchAt(spaces, source, offset)?.[0].length ?? 0;
    if (offset === source.length) break;
    const token = readToken(source, offset);
    tokens.push(token);
    offset = token.span.end;
  }
  tokens.push({ kind: 'end', span: { start: source.length, end: source.length } });
  return tokens;
}

function readToken(source: string, start: number): Token {
  const character = source.charAt(start);
  if (character === '(' || character === ')' || character === ',') {
    return { kind: character, span: { start, end: start + 1 } };
  }
  if (character === '"') return readText(source, start);
  if (character === '[') return readAttribute(source, start);
  const found = matchAt(name, source, start)?.[0];
  if (found !== undefined) return { kind: 'name', value: found, span: { start, end: start + found.length } };
  const compared = matchAt(operator, source, start)?.[0];
  if (compared !== undefined) {
    const span = { start, end: start + compared.length };
    return { kind: 'operator', value: compared as ComparisonOperator, span };
  }
  return readNumber(source, start) ?? unknownCharacter(source, start);
}

function readText(source: string, start: number): Token {
  let value = '';
  let offset = start + 1;
  for (;;) {
    const character = source.charAt(offset);
    if (character === '') {
      throw syntaxError(source, { start, end: source.length }, 'This text has no closing quote.');
    }
    if (character === '"') return { kind: 'text', value, span: { start, end: offset + 1 } };
    if (character !== '\\') {
      value += character;
      offset += 1;
      continue;
    }
    const escaped = source.charAt(offset + 1);
    if (escaped !== '"' && escaped !== '\\') {
      const span = { start: offset, end: Math.min(offset + 2, source.length) };
      throw syntaxError(source, span, `In a text, a backslash stands before " or \\ only; write \\\\${escaped}.`);
    }
    value += escaped;
    offset += 2;
  }
}

function readAttribute(source: string, start: number): Token {
  const found = matchAt(attribute, source, start);
  const attributeName = found?.[1]?.trim() ?? '';
  const end = start + (found?.[0].length ?? 1);
  if (attributeName !== '') return { kind: 'attribute', value: attributeName, span: { start, end } };
  const message = found === null ? 'This attribute has no closing bracket.' : 'An attribute has a name: [displayName].';
  throw syntaxError(source, { start, end }, message);
}

function readNumber(source: string, start: number): Token | undefined {
  const hex = matchAt(hexNumber, source, start);
  const found = hex ?? matchAt(decimalNumber, source, start);
  if (found === null) return undefined;
  const span = { start, end: start + found[0].length };
  if (/[.0-9A-Za-z_]/.test(source.charAt(span.end))) {
    throw syntaxError(source, span, 'A number is whole: 3, -10 or &HF.');
  }
  const digits = hex?.[1] === undefined ? found[0] : `0x${hex[1]}`;
  const value = BigInt(digits);
  if (BigInt.asIntN(64, value) !== value) throw syntaxError(source, span, 'This number is too large.');
  return { kind: 'number', value, hex: hex !== null, span };
}

function unknownCharacter(source: string, start: number): never {
  const character = String.fromCodePoint(source.codePointAt(start) ?? 0);
  const hint = /[\u201C\u201D\u2018\u2019']/.test(character) ? ' Texts stand in straight double quotes.' : '';
  const span = { start, end: start + character.length };
  throw syntaxError(source, span, `"${character}" has no meaning here.${hint}`);
}

function matchAt(pattern: RegExp, source: string, offset: number): RegExpExecArray | null {
  pattern.lastIndex = offset;
  return pattern.exec(source);
}

function syntaxError(source: string, span: Span, message: string): ExpressionError {
  return new ExpressionError('Syntax', message, source, span);
}

/** Where a character of a text's value stands in the source, past the escapes before it. */
export function offsetInText(source: string, span: Span, index: number): number {
  let offset = span.start + 1;
  for (let passed = 0; passed < index && offset < span.end - 1; passed += 1) {
    offset += source.charAt(offset) === '\\' ? 2 : 1;
  }
  return offset;
}
