/** What can be known to be wrong before anything is evaluated: names, counts, kinds and constants. */
import { ArgumentProblem, ExpressionError, type ExpressionErrorCode, type Span } from './expression-error.ts';
import type { Call, FunctionDefinition, Parameter, ValueKind } from './function-definition.ts';
import { functionTable, refusedFunctions } from './functions.ts';
import { locateInCall } from './locate-problem.ts';
import { nearestName } from './nearest-name.ts';
import { parseExpression } from './parser.ts';
import type { Argument, CallExpression, Expression } from './syntax.ts';
import { dateOf, integerOf } from './values.ts';

export interface CheckOptions {
  /** The attributes there are and what they hold; without them every name is taken. */
  readonly attributes?: ReadonlyMap<string, ValueKind>;
}

interface Checker extends CheckOptions {
  readonly source: string;
  readonly problems: ExpressionError[];
}

/** The tree of an expression and everything that is wrong with it; with problems, the tree must not be evaluated. */
export function checkExpression(
  source: string,
  options: CheckOptions = {},
): { readonly tree?: Expression; readonly problems: readonly ExpressionError[] } {
  const checker: Checker = { ...options, source, problems: [] };
  try {
    const tree = parseExpression(source);
    checkOperand(tree, checker);
    return { tree, problems: checker.problems };
  } catch (error) {
    if (error instanceof ExpressionError) return { problems: [error] };
    throw error;
  }
}

/** The constants of a call's arguments, as its build takes them. */
export function constantsOf(call: CallExpression): Call['constants'] {
  return call.arguments.map((argument) => {
    if (argument.kind === 'text' || argument.kind === 'number') return argument.value;
    return argument.kind === 'word' ? argument.name : undefined;
  });
}

/** Anything but a condition. */
function checkOperand(node: Expression, checker: Checker): ValueKind {
  switch (node.kind) {
    case 'text':
      return 'text';
    case 'number':
      return 'number';
    case 'attribute':
      return checkAttribute(node.name, node.span, checker);
    case 'word':
      report(checker, 'UnknownWord', `"${node.name}" stands alone here; write a text in quotes.`, node.span);
      return 'any';
    case 'call':
      return checkCall(node, checker);
    default:
      checkCondition(node, checker);
      report(checker, 'MisplacedCondition', 'A condition belongs into IIF or CBool.', node.span);
      return 'boolean';
  }
}

function checkCondition(node: Expression, checker: Checker): ValueKind {
  switch (node.kind) {
    case 'comparison':
      for (const side of [node.left, node.right]) {
        const kind = checkOperand(side, checker);
        if (kind !== 'list' && kind !== 'roles') continue;
        report(checker, 'ArgumentType', 'Several values cannot be compared; take one with Item.', side.span);
      }
      return 'boolean';
    case 'and':
    case 'or':
      for (const operand of node.operands) checkCondition(operand, checker);
      return 'boolean';
    case 'not':
      checkCondition(node.operand, checker);
      return 'boolean';
    default:
      return checkOperand(node, checker);
  }
}

function checkAttribute(name: string, span: Span, checker: Checker): ValueKind {
  if (checker.attributes === undefined) return 'any';
  const kind = checker.attributes.get(name);
  if (kind !== undefined) return kind;
  const nearest = nearestName(name, checker.attributes.keys());
  report(checker, 'UnknownAttribute', `There is no attribute [${name}]${meant(nearest, '[', ']')}`, span, nearest);
  return 'any';
}

function checkCall(call: CallExpression, checker: Checker): ValueKind {
  const definition = functionTable.get(call.name);
  if (definition === undefined) {
    for (const argument of call.arguments) if (argument.kind !== 'omitted') checkCondition(argument, checker);
    reportUnknown(call, checker);
    return 'any';
  }
  const before = checker.problems.length;
  checkCount(call, definition, checker);
  for (const [index, argument] of call.arguments.entries()) {
    const parameter = definition.parameters[index] ?? definition.parameters.at(-1);
    if (parameter !== undefined) checkArgument(argument, parameter, definition, checker);
  }
  if (checker.problems.length === before) checkBuild(call, definition, checker);
  return definition.gives;
}

function reportUnknown(call: CallExpression, checker: Checker): void {
  const refused = refusedFunctions.get(call.name);
  if (refused !== undefined) {
    report(checker, 'RefusedFunction', refused, call.nameSpan);
    return;
  }
  const nearest = nearestName(call.name, functionTable.keys());
  report(checker, 'UnknownFunction', `There is no function ${call.name}${meant(nearest)}`, call.nameSpan, nearest);
}

function checkCount(call: CallExpression, { name, parameters }: FunctionDefinition, checker: Checker): void {
  const least = parameters.findLastIndex((parameter) => parameter.optional !== true) + 1;
  const most = parameters.at(-1)?.repeated === true ? Number.POSITIVE_INFINITY : parameters.length;
  const count = call.arguments.length;
  if (count >= least && count <= most) return;
  const range =
    most === Number.POSITIVE_INFINITY ? `at least ${least}` : least === most ? least : `${least} to ${most}`;
  const list = parameters.map((parameter) => parameter.name).join(', ');
  const plural = most === 1 ? 'argument' : 'arguments';
  const given = most === 0 ? 'no arguments' : `${range} ${plural} (${list})`;
  report(checker, 'ArgumentCount', `${name} takes ${given}, not ${count}.`, call.nameSpan);
}

function checkArgument(
  argument: Argument,
  parameter: Parameter,
  definition: FunctionDefinition,
  checker: Checker,
): void {
  const place = `${parameter.name} of ${definition.name}`;
  if (argument.kind === 'omitted') {
    if (parameter.optional === true) return;
    report(checker, 'ArgumentCount', `The ${place} cannot be left out.`, argument.span);
    return;
  }
  if (parameter.type === 'word') {
    checkWordArgument(argument, parameter, place, checker);
    return;
  }
  const given = (parameter.type === 'condition' ? checkCondition : checkOperand)(argument, checker);
  if (!fits(given, parameter.type)) {
    const wanted = kindNames[parameter.type];
    report(checker, 'ArgumentType', `The ${place} is ${wanted}; this is ${kindNames[given]}.`, argument.span);
    return;
  }
  if (argument.kind !== 'text') return;
  try {
    if (parameter.type === 'number') integerOf(argument.value);
    if (parameter.type === 'date') dateOf(argument.value);
  } catch (error) {
    if (!(error instanceof ArgumentProblem)) throw error;
    report(checker, error.code, error.message, argument.span);
  }
}

function checkWordArgument(argument: Expression, parameter: Parameter, place: string, checker: Checker): void {
  const words = parameter.words ?? [];
  const given = argument.kind === 'word' ? argument.name : argument.kind === 'text' ? argument.value : undefined;
  if (given === undefined) checkOperand(argument, checker);
  if (given === undefined || words.includes(given)) return;
  const nearest = nearestName(given, words);
  report(checker, 'UnknownWord', `The ${place} is ${words.join(' or ')}${meant(nearest)}`, argument.span, nearest);
}

/** Lets the function look at its constants. */
function checkBuild(call: CallExpression, definition: FunctionDefinition, checker: Checker): void {
  const parts = call.arguments.map((argument) => (argument.kind === 'omitted' ? undefined : () => null));
  try {
    definition.build({ arguments: parts, constants: constantsOf(call) });
  } catch (error) {
    if (!(error instanceof ArgumentProblem)) throw error;
    checker.problems.push(locateInCall(error, call, checker.source));
  }
}

const single: readonly ValueKind[] = ['text', 'number', 'boolean', 'date'];

/** What each parameter takes; how the values are then read stands in values.ts. */
const accepted: Readonly<Record<Exclude<Parameter['type'], 'any' | 'word'>, readonly ValueKind[]>> = {
  text: single,
  number: ['number', 'text'],
  boolean: ['boolean'],
  date: ['date', 'text'],
  list: [...single, 'list'],
  roles: ['roles'],
  condition: ['text', 'number', 'boolean'],
};

function fits(kind: ValueKind, wanted: Exclude<Parameter['type'], 'word'>): boolean {
  return kind === 'any' || wanted === 'any' || accepted[wanted].includes(kind);
}

const kindNames: Readonly<Record<Parameter['type'], string>> = {
  text: 'a text',
  number: 'a whole number',
  boolean: 'a Boolean',
  date: 'a date',
  list: 'a multi-valued attribute',
  roles: 'app roles',
  any: 'any value',
  condition: 'a condition',
  word: 'a word',
};

function meant(nearest: string | undefined, open = '', close = ''): string {
  return nearest === undefined ? '.' : `; did you mean ${open}${nearest}${close}?`;
}

function report(checker: Checker, code: ExpressionErrorCode, message: string, span: Span, nearest?: string): void {
  checker.problems.push(new ExpressionError(code, message, checker.source, span, nearest));
}
