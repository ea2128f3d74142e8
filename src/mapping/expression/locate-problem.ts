/** From a problem with an argument to an error with a place in the source. */
import { type ArgumentProblem, ExpressionError, type Span } from './expression-error.ts';
import { offsetInText } from './lexer.ts';
import type { CallExpression } from './syntax.ts';

/** The error at the argument of a call, and within a constant at the character. */
export function locateInCall(problem: ArgumentProblem, call: CallExpression, source: string): ExpressionError {
  const argument = problem.argument === undefined ? undefined : call.arguments[problem.argument];
  if (argument === undefined || argument.kind === 'omitted') return errorAt(problem, call.nameSpan, source);
  if (problem.index === undefined || argument.kind !== 'text') return errorAt(problem, argument.span, source);
  const start = offsetInText(source, argument.span, problem.index);
  return errorAt(problem, { start, end: start + 1 }, source);
}

/** The error at a part of the source. */
export function errorAt(problem: ArgumentProblem, span: Span, source: string): ExpressionError {
  return new ExpressionError(problem.code, problem.message, source, span);
}
