/** Expressions compiled once to closures and evaluated for any number of users. */
import { type CheckOptions, checkExpression, constantsOf } from './check.ts';
import { compareValues } from './compare.ts';
import { ArgumentProblem } from './expression-error.ts';
import type { Evaluator, Scope } from './function-definition.ts';
import { functionTable } from './functions.ts';
import { maxWork } from './limits.ts';
import { errorAt, locateInCall } from './locate-problem.ts';
import type { CallExpression, Expression } from './syntax.ts';
import { walk } from './syntax.ts';
import {
  bounded,
  type ExpressionValue,
  fromSource,
  isTrue,
  numberValue,
  plainOf,
  type SourceValues,
} from './values.ts';

export interface CompileOptions extends CheckOptions {
  /** The present time in milliseconds since 1970, for Now. */
  readonly now: () => number;
  /** A random whole number from 0 to below the bound, such as crypto.randomInt, for Guid and RandomString. */
  readonly randomInt: (below: number) => number;
}

export interface CompiledExpression {
  readonly source: string;
  readonly tree: Expression;
  /** The names of the attributes it reads. */
  readonly attributes: readonly string[];
  /**
   * The value for one user, who is always given whole: what is not in `source` is null.
   * @throws ExpressionError and nothing else; its message holds no value of the user
   */
  evaluate(source: SourceValues): ExpressionValue;
}

/**
 * Checks and compiles an expression.
 * @throws ExpressionError the first thing that is wrong; checkExpression gives them all
 */
export function compileExpression(source: string, options: CompileOptions): CompiledExpression {
  const { tree, problems } = checkExpression(source, options);
  const [problem] = problems;
  if (problem !== undefined) throw problem;
  if (tree === undefined) throw new Error('without problems there is a tree');
  const evaluator = build(tree, source);
  const { now, randomInt } = options;
  return {
    source,
    tree,
    attributes: attributesOf(tree),
    evaluate: (values) => evaluator({ source: values, now, randomInt, spend: createMeter() }),
  };
}

/** The attributes that a tree reads, each once. */
function attributesOf(tree: Expression): readonly string[] {
  const names = new Set<string>();
  for (const node of walk(tree)) if (node.kind === 'attribute') names.add(node.name);
  return [...names];
}

function createMeter(): Scope['spend'] {
  let left = maxWork;
  return (work) => {
    left -= work;
    if (left < 0) throw new ArgumentProblem('TooMuchWork', 'This takes too much work for the length of its values.');
  };
}

function build(node: Expression, source: string): Evaluator {
  switch (node.kind) {
    case 'text': {
      const { value } = node;
      return () => value;
    }
    case 'word': {
      const { name } = node;
      return () => name;
    }
    case 'number': {
      const value = numberValue(node.value);
      return () => value;
    }
    case 'attribute': {
      const { name } = node;
      return located(node, source, (scope) =>
        Object.hasOwn(scope.source, name) ? bounded(fromSource(scope.source[name])) : null,
      );
    }
    case 'comparison': {
      const [left, right, { operator }] = [build(node.left, source), build(node.right, source), node];
      return located(node, source, (scope) => compareValues(operator, plainOf(left(scope)), plainOf(right(scope))));
    }
    case 'and': {
      const operands = node.operands.map((operand) => build(operand, source));
      return (scope) => operands.every((operand) => isTrue(plainOf(operand(scope))));
    }
    case 'or': {
      const operands = node.operands.map((operand) => build(operand, source));
      return (scope) => operands.some((operand) => isTrue(plainOf(operand(scope))));
    }
    case 'not': {
      const operand = build(node.operand, source);
      return (scope) => !isTrue(plainOf(operand(scope)));
    }
    case 'call':
      return buildCall(node, source);
  }
}

function buildCall(call: CallExpression, source: string): Evaluator {
  const definition = functionTable.get(call.name);
  if (definition === undefined) throw new Error('check.ts refuses what is not in the table');
  const parts = call.arguments.map((argument) => (argument.kind === 'omitted' ? undefined : build(argument, source)));
  const evaluator = definition.build({ arguments: parts, constants: constantsOf(call) });
  return (scope) => {
    try {
      return evaluator(scope);
    } catch (error) {
      throw error instanceof ArgumentProblem ? locateInCall(error, call, source) : error;
    }
  };
}

function located(node: Expression, source: string, evaluator: Evaluator): Evaluator {
  return (scope) => {
    try {
      return evaluator(scope);
    } catch (error) {
      throw error instanceof ArgumentProblem ? errorAt(error, node.span, source) : error;
    }
  };
}
