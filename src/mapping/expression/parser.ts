/**
 * Tokens to a tree. The grammar is Microsoft's
 * (https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data), and beyond
 * it AND, OR, NOT and parentheses in conditions; NOT binds tighter than AND, AND tighter than OR.
 */
import { ExpressionError, type Span } from './expression-error.ts';
import { type Token, tokenize } from './lexer.ts';
import { maxDepth } from './limits.ts';
import type { Argument, CallExpression, Expression } from './syntax.ts';

interface Reader {
  readonly source: string;
  readonly tokens: readonly Token[];
  next: number;
  depth: number;
}

/**
 * The tree of an expression. What it means (names, types, counts) is for check.ts.
 * @throws ExpressionError Syntax, TooLong, TooDeep
 */
export function parseExpression(source: string): Expression {
  const reader: Reader = { source, tokens: tokenize(source), next: 0, depth: 0 };
  if (peek(reader).kind === 'end') throw unexpected(reader, 'The expression is empty.');
  const tree = readCondition(reader);
  if (peek(reader).kind !== 'end') throw unexpected(reader, 'The expression ends before this.');
  return tree;
}

function readCondition(reader: Reader): Expression {
  return readChain(reader, 'OR', 'or', (inner) => readChain(inner, 'AND', 'and', readNegation));
}

function readChain(
  reader: Reader,
  keyword: 'AND' | 'OR',
  kind: 'and' | 'or',
  readOperand: (reader: Reader) => Expression,
): Expression {
  const first = readOperand(reader);
  const operands = [first];
  while (isKeyword(peek(reader), keyword)) {
    reader.next += 1;
    operands.push(readOperand(reader));
  }
  return operands.length === 1 ? first : { kind, operands, span: spanOf(first, operands.at(-1) ?? first) };
}

function readNegation(reader: Reader): Expression {
  const token = peek(reader);
  if (!isKeyword(token, 'NOT')) return readComparison(reader);
  reader.next += 1;
  const operand = nested(reader, token.span, () => readNegation(reader));
  return { kind: 'not', operand, span: spanOf(token, operand) };
}

function readComparison(reader: Reader): Expression {
  const left = readOperand(reader);
  const token = peek(reader);
  if (token.kind !== 'operator') return left;
  reader.next += 1;
  const right = readOperand(reader);
  if (peek(reader).kind === 'operator') {
    throw unexpected(reader, 'One comparison has two sides; join two comparisons with AND.');
  }
  return { kind: 'comparison', operator: token.value, left, right, span: spanOf(left, right) };
}

function readOperand(reader: Reader): Expression {
  const token = peek(reader);
  switch (token.kind) {
    case 'text':
      reader.next += 1;
      return { kind: 'text', value: token.value, span: token.span };
    case 'number':
      reader.next += 1;
      return { kind: 'number', value: token.value, hex: token.hex, span: token.span };
    case 'attribute':
      reader.next += 1;
      return { kind: 'attribute', name: token.value, span: token.span };
    case 'name':
      if (isKeyword(token, 'AND') || isKeyword(token, 'OR') || isKeyword(token, 'NOT')) break;
      reader.next += 1;
      if (peek(reader).kind === '(') return readCall(reader, token.value, token.span);
      return { kind: 'word', name: token.value, span: token.span };
    case '(': {
      reader.next += 1;
      const inner = nested(reader, token.span, () => readCondition(reader));
      if (peek(reader).kind !== ')') throw unexpected(reader, 'A closing parenthesis is missing here.');
      reader.next += 1;
      return inner;
    }
  }
  throw unexpected(reader, 'A function, an [attribute], a "text" or a number belongs here.');
}

function readCall(reader: Reader, name: string, nameSpan: Span): CallExpression {
  reader.next += 1;
  const read = nested(reader, nameSpan, () => readArguments(reader, name));
  return { kind: 'call', name, arguments: read.list, span: { start: nameSpan.start, end: read.end }, nameSpan };
}

function readArguments(reader: Reader, name: string): { readonly list: readonly Argument[]; readonly end: number } {
  const list: Argument[] = [];
  const first = peek(reader);
  if (first.kind === ')') {
    reader.next += 1;
    return { list, end: first.span.end };
  }
  for (;;) {
    list.push(readArgument(reader));
    const token = peek(reader);
    if (token.kind !== ')' && token.kind !== ',') {
      throw unexpected(reader, `A comma or the closing parenthesis of ${name} is missing here.`);
    }
    reader.next += 1;
    if (token.kind === ')') return { list, end: token.span.end };
  }
}

function readArgument(reader: Reader): Argument {
  const token = peek(reader);
  if (token.kind === ',' || token.kind === ')') {
    return { kind: 'omitted', span: { start: token.span.start, end: token.span.start } };
  }
  return readCondition(reader);
}

function nested<T>(reader: Reader, span: Span, read: () => T): T {
  reader.depth += 1;
  if (reader.depth > maxDepth) {
    throw new ExpressionError('TooDeep', `Functions nest at most ${maxDepth} deep.`, reader.source, span);
  }
  const result = read();
  reader.depth -= 1;
  return result;
}

function peek(reader: Reader): Token {
  const token = reader.tokens[reader.next] ?? reader.tokens.at(-1);
  if (token === undefined) throw new Error('tokenize gives at least the end');
  return token;
}

function isKeyword(token: Token, keyword: 'AND' | 'OR' | 'NOT'): boolean {
  return token.kind === 'name' && token.value === keyword;
}

function spanOf(first: { readonly span: Span }, last: { readonly span: Span }): Span {
  return { start: first.span.start, end: last.span.end };
}

function unexpected(reader: Reader, message: string): ExpressionError {
  return new ExpressionError('Syntax', message, reader.source, peek(reader).span);
}
