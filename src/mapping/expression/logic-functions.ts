/** Functions that choose and test. IIF, Switch and Coalesce evaluate only what they choose. */
import { ArgumentProblem } from './expression-error.ts';
import { type Call, eager, type FunctionDefinition } from './function-definition.ts';
import { ignored, isNull, isNullOrEmpty, isRedacted, isTrue, plainOf, textOf } from './values.ts';

const expression = { name: 'expression', type: 'any' } as const;

export const logicFunctions: readonly FunctionDefinition[] = [
  {
    name: 'Coalesce',
    parameters: [{ name: 'source', type: 'any', repeated: true }],
    gives: 'any',
    deterministic: true,
    about: 'The first of the sources that is not null; the last one may be a constant as the default.',
    example: {
      expression: 'Coalesce([mail], [userPrincipalName])',
      inputs: { mail: null, userPrincipalName: 'John.Doe@contoso.com' },
      output: 'John.Doe@contoso.com',
    },
    build: (call) => (scope) => {
      for (const argument of call.arguments) {
        const value = argument?.(scope) ?? null;
        if (!isNull(plainOf(value))) return value;
      }
      return null;
    },
  },
  {
    name: 'IgnoreFlowIfNullOrEmpty',
    parameters: [expression],
    gives: 'any',
    deterministic: true,
    about: 'The value; when it is null or empty, the attribute is left as it is in Maptician.',
    example: {
      expression: 'IgnoreFlowIfNullOrEmpty([department])',
      inputs: { department: 'Sales' },
      output: 'Sales',
    },
    build: (call) => (scope) => {
      const value = call.arguments[0]?.(scope) ?? null;
      return isNullOrEmpty(plainOf(value)) ? ignored : value;
    },
  },
  {
    name: 'IIF',
    parameters: [
      { name: 'condition', type: 'condition' },
      { name: 'valueIfTrue', type: 'any' },
      { name: 'valueIfFalse', type: 'any' },
    ],
    gives: 'any',
    deterministic: true,
    about: 'The second argument when the condition holds, else the third.',
    example: {
      expression: 'IIF([country] = "USA", [country], [department])',
      inputs: { country: 'Norway', department: 'Sales' },
      output: 'Sales',
    },
    build: (call) => {
      const [condition, whenTrue, whenFalse] = call.arguments;
      return (scope) => {
        const chosen = isTrue(plainOf(condition?.(scope) ?? null)) ? whenTrue : whenFalse;
        return chosen?.(scope) ?? null;
      };
    },
  },
  {
    name: 'IsNull',
    parameters: [expression],
    gives: 'boolean',
    deterministic: true,
    about: 'True when the attribute has no value.',
    example: { expression: 'IsNull([displayName])', inputs: { displayName: null }, output: 'True' },
    build: eager((values) => isNull(values[0] ?? null)),
  },
  {
    name: 'IsNullOrEmpty',
    parameters: [expression],
    gives: 'boolean',
    deterministic: true,
    about: 'True when the attribute has no value or an empty text.',
    example: { expression: 'IsNullOrEmpty([displayName])', inputs: { displayName: '' }, output: 'True' },
    build: eager((values) => isNullOrEmpty(values[0] ?? null)),
  },
  {
    name: 'IsPresent',
    parameters: [expression],
    gives: 'boolean',
    deterministic: true,
    about: 'True when the attribute has a value that is not empty.',
    example: {
      expression: 'Switch(IsPresent([jobTitle]), "none", "True", [jobTitle])',
      inputs: { jobTitle: 'Engineer' },
      output: 'Engineer',
    },
    build: eager((values) => !isNullOrEmpty(values[0] ?? null)),
  },
  {
    name: 'Not',
    parameters: [{ name: 'source', type: 'any' }],
    gives: 'boolean',
    deterministic: true,
    about: 'False for True, and True for everything else.',
    example: { expression: 'Not([IsSoftDeleted])', inputs: { IsSoftDeleted: 'False' }, output: 'True' },
    build: eager((values) => values[0] !== true && values[0] !== 'True'),
  },
  {
    name: 'Redact',
    parameters: [{ name: 'value', type: 'any' }],
    gives: 'any',
    deterministic: true,
    about: 'The value, which logs show as [Redact].',
    example: { expression: 'Redact([employeeId])', inputs: { employeeId: '4711' }, output: '4711' },
    build: (call) => (scope) => {
      const value = call.arguments[0]?.(scope) ?? null;
      return isRedacted(value) || isNull(plainOf(value)) ? value : { kind: 'redacted', value: plainOf(value) };
    },
  },
  {
    name: 'Switch',
    parameters: [
      { name: 'source', type: 'text' },
      { name: 'defaultValue', type: 'any', optional: true },
      { name: 'key', type: 'text' },
      { name: 'value', type: 'any', repeated: true },
    ],
    gives: 'any',
    deterministic: true,
    about:
      'The value behind the key that equals the source, else the default. Capitals and small letters differ. The key "" fits an empty source and null.',
    example: {
      expression: 'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
      inputs: { IsSoftDeleted: false },
      output: 'True',
    },
    build: buildSwitch,
  },
];

const [firstKey, step] = [2, 2];

function buildSwitch(call: Call) {
  const [source, otherwise] = call.arguments;
  if (call.arguments.length % step !== 0) {
    throw new ArgumentProblem(
      'ArgumentCount',
      'Switch has a source, a default and pairs of key and value, so an even number of arguments; write the comma of a default that is left out.',
    );
  }
  for (let index = firstKey; index < call.arguments.length; index += 1) {
    if (call.arguments[index] !== undefined) continue;
    throw new ArgumentProblem(
      'ArgumentCount',
      'A key and its value cannot be left out; an empty one is written "".',
      index,
    );
  }
  const constantKeys = keysByText(call);
  const evaluate: FunctionDefinition['build'] =
    ({ arguments: parts }) =>
    (scope) => {
      const wanted = textOf(source?.(scope) ?? null, 0) ?? '';
      if (constantKeys !== undefined) {
        const found = parts[constantKeys.get(wanted) ?? 1];
        return found?.(scope) ?? null;
      }
      for (let index = firstKey; index < parts.length; index += step) {
        const key = textOf(parts[index]?.(scope) ?? null, index) ?? '';
        if (key === wanted) return parts[index + 1]?.(scope) ?? null;
      }
      return otherwise?.(scope) ?? null;
    };
  return evaluate(call);
}

/** Where the value of each key stands, when all keys are constants; the first of two equal keys holds. */
function keysByText(call: Call): ReadonlyMap<string, number> | undefined {
  const values = new Map<string, number>();
  for (let index = firstKey; index < call.arguments.length; index += step) {
    const key = call.constants[index];
    if (key === undefined) return undefined;
    if (!values.has(String(key))) values.set(String(key), index + 1);
  }
  return values;
}
