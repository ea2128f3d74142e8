/** The one error of the expression language, and where in the text it stands. */

/** Why an expression was refused or could not be evaluated. */
export type ExpressionErrorCode =
  | 'Syntax'
  | 'TooLong'
  | 'TooDeep'
  | 'UnknownFunction'
  | 'RefusedFunction'
  | 'UnknownAttribute'
  | 'UnknownWord'
  | 'ArgumentCount'
  | 'ArgumentType'
  | 'InvalidArgument'
  | 'InvalidRegex'
  | 'InvalidFormat'
  | 'MisplacedCondition'
  | 'NotANumber'
  | 'NotADate'
  | 'DateOutOfRange'
  | 'NotASingleValue'
  | 'NotRoles'
  | 'TextTooLong'
  | 'TooMuchWork';

/** A part of the source, as offsets in UTF-16 code units; the end is exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A place in the source. Lines and columns count from 1. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

/**
 * Everything the language refuses, when an expression is read and when it is evaluated. Neither message nor excerpt
 * holds a user's values: the excerpt is a line of the expression itself.
 */
export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly code: ExpressionErrorCode;
  readonly position: Position;
  /** The line of the source, and under it a caret where the mistake begins. */
  readonly excerpt: string;
  /** The known name that is closest to an unknown one. */
  readonly nearest: string | undefined;

  constructor(code: ExpressionErrorCode, message: string, source: string, span: Span, nearest?: string) {
    super(message);
    this.code = code;
    this.position = positionAt(source, span.start);
    this.excerpt = excerptAt(source, span);
    this.nearest = nearest;
  }
}

/** Message, place and caret, as a person reads them. */
export function describeError(error: ExpressionError): string {
  const { line, column } = error.position;
  return `line ${line}, column ${column}: ${error.message}\n${error.excerpt}`;
}

/**
 * What a function's implementation throws about one of its arguments; the call that holds it turns it into an
 * ExpressionError with a position.
 */
export class ArgumentProblem extends Error {
  readonly code: ExpressionErrorCode;
  /** Counts from 0; undefined means the call as a whole. */
  readonly argument: number | undefined;
  /** Where in the argument's text, when it is a constant. */
  readonly index: number | undefined;

  constructor(code: ExpressionErrorCode, message: string, argument?: number, index?: number) {
    super(message);
    this.code = code;
    this.argument = argument;
    this.index = index;
  }
}

/** Line and column of an offset. */
export function positionAt(source: string, offset: number): Position {
  const before = source.slice(0, offset);
  const lineStart = before.lastIndexOf('\n') + 1;
  return { offset, line: before.split('\n').length, column: offset - lineStart + 1 };
}

const excerptWidth = 100;

/** The line of a span, and under it a caret where the span begins. */
export function excerptAt(source: string, span: Span): string {
  const lineStart = source.lastIndexOf('\n', span.start - 1) + 1;
  const lineEnd = source.indexOf('\n', span.start);
  const line = source.slice(lineStart, lineEnd === -1 ? undefined : lineEnd).replace(/\r$/, '');
  const column = span.start - lineStart;
  // A long line is cut around the mistake, so that the caret is seen under it.
  const from = line.length <= excerptWidth ? 0 : Math.max(0, Math.min(column - 60, line.length - excerptWidth));
  const shown = line.slice(from, from + excerptWidth);
  const carets = Math.max(1, Math.min(span.end - span.start, shown.length - (column - from)));
  const margin = shown.slice(0, column - from).replace(/[^\t]/g, ' ');
  return `${shown}\n${margin}${'^'.repeat(carets)}`;
}
