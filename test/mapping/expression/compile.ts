/** Compiling for tests: a clock that stands, and randomness that repeats. */
import {
  type CompiledExpression,
  type CompileOptions,
  compileExpression,
} from '../../../src/mapping/expression/evaluate.ts';
import {
  type ExpressionValue,
  isIgnored,
  isList,
  isRedacted,
  type SourceValues,
  textOf,
} from '../../../src/mapping/expression/values.ts';

const clock = Date.UTC(2026, 10, 24, 12);

export function compile(source: string, options: Partial<CompileOptions> = {}): CompiledExpression {
  return compileExpression(source, { now: () => clock, randomInt: createRandomInt(1), ...options });
}

export function evaluate(source: string, inputs: SourceValues = {}): ExpressionValue {
  return compile(source).evaluate(inputs);
}

/** A value as the tests write it. */
export function shown(value: ExpressionValue): unknown {
  if (isIgnored(value)) return { ignored: true };
  if (isRedacted(value)) return { redacted: shown(value.value) };
  return isList(value) ? value : textOf(value);
}

/** A small generator (mulberry32), so that a failure can be repeated. */
export function createRandomInt(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}
