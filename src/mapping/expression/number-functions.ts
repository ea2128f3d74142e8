/** Functions of numbers, and conversions between kinds. */
import { eager, type FunctionDefinition, integerAt, textAt } from './function-definition.ts';
import { isList, isNull, isRoles, isTrue, numberValue } from './values.ts';

const expression = { name: 'expression', type: 'any' } as const;

export const numberFunctions: readonly FunctionDefinition[] = [
  {
    name: 'BitAnd',
    parameters: [
      { name: 'value1', type: 'number' },
      { name: 'value2', type: 'number' },
    ],
    gives: 'number',
    deterministic: true,
    about: 'The bits that both numbers have. &H begins a hexadecimal number.',
    example: { expression: 'BitAnd(&HF, &HF7)', inputs: {}, output: '7' },
    build: eager((values) => {
      const [one, other] = [integerAt(values, 0), integerAt(values, 1)];
      return one === null || other === null ? null : numberValue(one & other);
    }),
  },
  {
    name: 'CBool',
    parameters: [{ name: 'expression', type: 'condition' }],
    gives: 'boolean',
    deterministic: true,
    about: 'True when the comparison holds, or for True and for any number but 0; else False.',
    example: {
      expression: 'CBool([attribute1] = [attribute2])',
      inputs: { attribute1: 'x', attribute2: 'x' },
      output: 'True',
    },
    build: eager((values) => isTrue(values[0] ?? null)),
  },
  {
    name: 'CStr',
    parameters: [{ name: 'value', type: 'any' }],
    gives: 'text',
    deterministic: true,
    about: 'A number, a reference, a Boolean or a date as a text.',
    example: { expression: 'CStr([accountEnabled])', inputs: { accountEnabled: true }, output: 'True' },
    build: eager((values) => textAt(values, 0)),
  },
  {
    name: 'IsString',
    parameters: [expression],
    gives: 'boolean',
    deterministic: true,
    about: 'True when the value can be written as a text: not for null, several values or roles.',
    example: { expression: 'IsString([displayName])', inputs: { displayName: 'John Doe' }, output: 'True' },
    build: eager((values) => {
      const value = values[0] ?? null;
      return !isNull(value) && !isList(value) && !isRoles(value);
    }),
  },
];
