/** Random expressions from the function table, and random users, hostile ones among them. */
import type { Parameter } from '../../../src/mapping/expression/function-definition.ts';
import { functionTable } from '../../../src/mapping/expression/functions.ts';
import type { Argument, ComparisonOperator, Expression } from '../../../src/mapping/expression/syntax.ts';
import type { SourceValue, SourceValues } from '../../../src/mapping/expression/values.ts';

type RandomInt = (below: number) => number;

const span = { start: 0, end: 0 };
const definitions = [...functionTable.values()];
const attributes = [
  'a',
  'b',
  'long',
  'list',
  'appRoleAssignments',
  'date',
  'number',
  'flag',
  'absent',
  'extension_1_x',
];
const operators: readonly ComparisonOperator[] = ['=', '<>', '<', '<=', '>', '>='];

const regexParts = [
  ...[
    '(',
    ')',
    '(?:',
    '(?<n>',
    "(?'m'",
    '(?i)',
    '(?x)',
    '(?n:',
    '(?-i:',
    '(?=',
    '(?<!',
    '(?>',
    '(?(',
    '(?#c)',
    '(?P<q>',
  ],
  ...['[', ']', '[^', 'a-z', '-[', '\\d', '\\D', '\\w', '\\W', '\\s', '\\S', '\\b', '\\B', '\\A', '\\z', '\\Z', '\\G'],
  ...[
    '\\1',
    '\\k<n>',
    '\\p{L}',
    '\\P{Lu}',
    '\\p{IsGreek}',
    '\\x41',
    '\\u00e9',
    '\\cA',
    '\\0',
    '\\q',
    '\\',
    '.',
    '^',
    '$',
  ],
  ...[
    '*',
    '+',
    '?',
    '*?',
    '{2}',
    '{0,9}',
    '{1000}',
    '{1001}',
    '{,3}',
    '{',
    '}',
    '|',
    'a',
    'x+x+y',
    '(x+)+y',
    '(?:x?){50}x{50}',
  ],
  ...['é', '😀', '\ud800', ' ', '#', '"', '-', '&&', '[:alpha:]'],
];
const textParts = [
  ...[
    '',
    ' ',
    'a',
    'B',
    'éß',
    'İı',
    '😀',
    '\ud800',
    '\0',
    '"',
    '\\',
    '\n',
    '$1',
    '\u0024{n}',
    '$&',
    "$'",
    '$_',
    '%',
    '<username>',
  ],
  ...['yyyy', 'yyyy-MM-dd', 'o', 'HH:mm:ss.fffffff', 'tt', 'K', 'zzz', "'", 'd', 'm', 'ww', 'n', 'q'],
  ...['2020-03-16-07:00', '8/25/2021 5:41:18 PM', '9999-12-31', '0001-01-01', 'True', '0', '-1', '9223372036854775807'],
  ...['tr-TR', 'xx-invalid-culture', 'None', 'AllowWhiteSpaces', 'vbTextCompare', '__proto__', 'constructor'],
];

/** An expression, sound more often than not. */
export function generateExpression(randomInt: RandomInt, depth = 4): Expression {
  const kind = randomInt(depth > 0 ? 12 : 4);
  switch (kind) {
    case 0:
      return { kind: 'text', value: generateText(randomInt), span };
    case 1:
      return { kind: 'number', ...generateNumber(randomInt), span };
    case 2:
    case 3:
      return { kind: 'attribute', name: pick(randomInt, attributes), span };
    default:
      return generateCall(randomInt, depth);
  }
}

function generateCall(randomInt: RandomInt, depth: number): Expression {
  const definition = pick(randomInt, definitions);
  const parameters = [...definition.parameters];
  const last = parameters.at(-1);
  while (last?.repeated === true && randomInt(3) > 0) parameters.push(last);
  if (definition.name === 'Switch' && parameters.length % 2 === 1 && randomInt(8) > 0) parameters.pop();
  const list = parameters.map((parameter) => generateArgument(randomInt, parameter, depth - 1));
  if (definition.name === 'Replace') shapeReplace(randomInt, list);
  // f() has no argument; one that was left out cannot be written.
  const written = list.length === 1 && list[0]?.kind === 'omitted' ? [] : list;
  return { kind: 'call', name: definition.name, arguments: written, span, nameSpan: span };
}

/** Most of them in one of the five modes. */
function shapeReplace(randomInt: RandomInt, list: Argument[]): void {
  const modes = [
    [1, 4],
    [1, 6],
    [2, 4],
    [2, 3, 4],
    [2, 3, 5],
    [1, 2, 3],
  ];
  const mode = pick(randomInt, modes);
  for (let index = 1; index < 7; index += 1) {
    if (!mode.includes(index)) list[index] = { kind: 'omitted', span };
    else if (index === 2 && randomInt(4) > 0) list[index] = { kind: 'text', value: generatePattern(randomInt), span };
    else if (index === 3) list[index] = { kind: 'text', value: pick(randomInt, ['n', '1', '0', 'm']), span };
    else if (list[index]?.kind === 'omitted') list[index] = { kind: 'text', value: generateText(randomInt), span };
  }
}

function generateArgument(randomInt: RandomInt, parameter: Parameter, depth: number): Argument {
  if (parameter.optional === true && randomInt(2) === 0) return { kind: 'omitted', span };
  if (randomInt(60) === 0) return { kind: 'omitted', span };
  if (parameter.type === 'word' && randomInt(8) > 0) {
    return { kind: 'word', name: pick(randomInt, parameter.words ?? ['x']), span };
  }
  if (parameter.type === 'condition' && randomInt(8) > 0) return generateCondition(randomInt, depth);
  if (parameter.type === 'number' && randomInt(3) > 0) {
    return { kind: 'number', ...generateNumber(randomInt), span };
  }
  if (parameter.type === 'roles' && randomInt(8) > 0) return { kind: 'attribute', name: 'appRoleAssignments', span };
  if (parameter.name === 'interval') {
    return { kind: 'text', value: pick(randomInt, ['yyyy', 'm', 'd', 'ww', 'h', 'n', 's']), span };
  }
  return generateExpression(randomInt, depth);
}

function generateCondition(randomInt: RandomInt, depth: number): Expression {
  if (depth <= 0 || randomInt(3) === 0) {
    const [left, right] = [generateExpression(randomInt, depth - 1), generateExpression(randomInt, depth - 1)];
    return { kind: 'comparison', operator: pick(randomInt, operators), left, right, span };
  }
  if (randomInt(3) === 0) return { kind: 'not', operand: generateCondition(randomInt, depth - 1), span };
  const operands = Array.from({ length: 2 + randomInt(2) }, () => generateCondition(randomInt, depth - 1));
  return { kind: randomInt(2) === 0 ? 'and' : 'or', operands, span };
}

/** A user with texts, lists, roles and dates of all lengths. */
export function generateUser(randomInt: RandomInt): SourceValues {
  const values: Record<string, SourceValue> = {};
  for (const name of attributes) if (randomInt(5) > 0) values[name] = generateValue(randomInt, name);
  return values;
}

function generateValue(randomInt: RandomInt, name: string): SourceValue {
  if (randomInt(12) === 0)
    return pick<SourceValue>(randomInt, [null, '', [], true, 0, 12345678901234567890n, undefined]);
  switch (name) {
    case 'long':
      return pick(randomInt, ['x', 'xy', 'é ', 'a,']).repeat(1 + randomInt(randomInt(20) === 0 ? 40_000 : 200));
    case 'list':
      return Array.from({ length: randomInt(5) }, () => generateText(randomInt));
    case 'appRoleAssignments':
      return [{ id: '1', value: randomInt(2) === 0 ? null : 'Admin', displayName: generateText(randomInt) }];
    case 'date':
      return pick(randomInt, ['2020-03-16-07:00', '8/25/2021 5:41:18 PM', '20150123105347.1Z', 'yesterday']);
    case 'number':
      return pick(randomInt, ['3', '-7', '129699324000000000', '9223372036854775807', '1.5']);
    case 'flag':
      return randomInt(2) === 0;
    case 'b':
      return generatePattern(randomInt);
    default:
      return generateText(randomInt);
  }
}

function generatePattern(randomInt: RandomInt): string {
  return Array.from({ length: randomInt(8) }, () => pick(randomInt, regexParts)).join('');
}

function generateText(randomInt: RandomInt): string {
  return Array.from({ length: randomInt(4) }, () => pick(randomInt, textParts)).join('');
}

function generateNumber(randomInt: RandomInt): { readonly value: bigint; readonly hex: boolean } {
  const edges = [0n, -1n, 256n, 257n, 2n ** 63n - 1n, -(2n ** 63n)];
  const value = randomInt(4) === 0 ? pick(randomInt, edges) : BigInt(randomInt(12));
  return { value, hex: value >= 0n && randomInt(3) === 0 };
}

function pick<T>(randomInt: RandomInt, list: readonly T[]): T {
  const item = list[randomInt(list.length)];
  if (list.length === 0) throw new Error('nothing to pick from');
  return item as T;
}
