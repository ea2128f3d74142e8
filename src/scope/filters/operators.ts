/**
 * The one table of operators of scoping filters. Those of Microsoft mean what its page says
 * (https://learn.microsoft.com/entra/identity/app-provisioning/define-conditional-rules-for-provisioning-user-accounts);
 * those of our own have names that Microsoft does not use.
 */
import type { AttributeType } from '../../mapping/source-schema.ts';
import {
  asItIs,
  type Compile,
  compares,
  comparesFolded,
  differs,
  endsWith,
  folded,
  includes,
  isAt,
  isBoolean,
  isMember,
  isOneOf,
  matches,
  orders,
  same,
  startsWith,
} from './comparisons.ts';
import type { OperandKind } from './operands.ts';

/** One operator. */
export interface FilterOperator {
  readonly takes: OperandKind;
  /** The types of attribute it fits; none for an operator that looks at no attribute. */
  readonly types: readonly AttributeType[];
  readonly microsoft: boolean;
  /** One sentence for the reference, the editor and messages. */
  readonly meaning: string;
  readonly compile: Compile;
}

const textual = ['String', 'Integer', 'Reference'] as const;
const string = ['String'] as const;
const numeric = ['String', 'Integer'] as const;
const every = ['String', 'Boolean', 'Integer', 'DateTime', 'Reference'] as const;

const table = {
  EQUALS: {
    takes: 'text',
    types: textual,
    microsoft: true,
    meaning: 'The attribute is exactly this text; case counts.',
    compile: compares(same),
  },
  'NOT EQUALS': {
    takes: 'text',
    types: textual,
    microsoft: true,
    meaning: 'The attribute has a value, and it is not exactly this text; case counts.',
    compile: compares(differs),
  },
  Includes: {
    takes: 'text',
    types: string,
    microsoft: true,
    meaning: 'This text stands anywhere in the attribute; case counts.',
    compile: compares(includes),
  },
  '&': {
    takes: 'text',
    types: string,
    microsoft: true,
    meaning: "The attribute's value stands anywhere in this text (Includes asks the reverse); case counts.",
    compile: compares((value, operand) => operand.includes(value)),
  },
  '!&': {
    takes: 'text',
    types: string,
    microsoft: true,
    meaning: 'The attribute has a value, and it does not stand anywhere in this text; case counts.',
    compile: compares((value, operand) => !operand.includes(value)),
  },
  ENDS_WITH: {
    takes: 'text',
    types: string,
    microsoft: true,
    meaning: 'The attribute ends with this text; case counts.',
    compile: compares(endsWith),
  },
  Greater_Than: {
    takes: 'integer',
    types: numeric,
    microsoft: true,
    meaning: 'The attribute is a whole number greater than this one; false where it is no whole number.',
    compile: orders((value, operand) => value > operand),
  },
  Greater_Than_OR_EQUALS: {
    takes: 'integer',
    types: numeric,
    microsoft: true,
    meaning: 'The attribute is a whole number, this one or a greater one; false where it is no whole number.',
    compile: orders((value, operand) => value >= operand),
  },
  'IS TRUE': {
    takes: 'nothing',
    types: ['Boolean'],
    microsoft: true,
    meaning: 'The attribute is true.',
    compile: isBoolean(true),
  },
  'IS FALSE': {
    takes: 'nothing',
    types: ['Boolean'],
    microsoft: true,
    meaning: 'The attribute is false; what was never set is neither true nor false.',
    compile: isBoolean(false),
  },
  'IS NULL': {
    takes: 'nothing',
    types: every,
    microsoft: true,
    meaning: 'The attribute has no value, or an empty one.',
    compile: () => (values) => values.length === 0,
  },
  'IS NOT NULL': {
    takes: 'nothing',
    types: every,
    microsoft: true,
    meaning: 'The attribute has a value that is not empty.',
    compile: () => (values) => values.length > 0,
  },
  'REGEX MATCH': {
    takes: 'pattern',
    types: numeric,
    microsoft: true,
    meaning:
      'The .NET regular expression matches anywhere in the attribute; case counts. Write ^(?:...)$ for the whole value.',
    compile: matches(true),
  },
  'NOT REGEX MATCH': {
    takes: 'pattern',
    types: numeric,
    microsoft: true,
    meaning: 'The attribute has a value, and the .NET regular expression matches nowhere in it; case counts.',
    compile: matches(false),
  },
  STARTS_WITH: {
    takes: 'text',
    types: string,
    microsoft: false,
    meaning: 'The attribute begins with this text; case counts.',
    compile: compares(startsWith),
  },
  Less_Than: {
    takes: 'integer',
    types: numeric,
    microsoft: false,
    meaning: 'The attribute is a whole number less than this one; false where it is no whole number.',
    compile: orders((value, operand) => value < operand),
  },
  Less_Than_OR_EQUALS: {
    takes: 'integer',
    types: numeric,
    microsoft: false,
    meaning: 'The attribute is a whole number, this one or a smaller one; false where it is no whole number.',
    compile: orders((value, operand) => value <= operand),
  },
  IN: {
    takes: 'texts',
    types: textual,
    microsoft: false,
    meaning: 'The attribute is exactly one of these texts; case counts.',
    compile: isOneOf(asItIs, true),
  },
  'NOT IN': {
    takes: 'texts',
    types: textual,
    microsoft: false,
    meaning: 'The attribute has a value, and it is none of these texts; case counts.',
    compile: isOneOf(asItIs, false),
  },
  'EQUALS IGNORING CASE': {
    takes: 'text',
    types: string,
    microsoft: false,
    meaning: 'The attribute is this text, in upper or lower case.',
    compile: comparesFolded(same),
  },
  'NOT EQUALS IGNORING CASE': {
    takes: 'text',
    types: string,
    microsoft: false,
    meaning: 'The attribute has a value, and it is another text than this, whatever the case.',
    compile: comparesFolded(differs),
  },
  'Includes IGNORING CASE': {
    takes: 'text',
    types: string,
    microsoft: false,
    meaning: 'This text stands anywhere in the attribute, in upper or lower case.',
    compile: comparesFolded(includes),
  },
  'STARTS_WITH IGNORING CASE': {
    takes: 'text',
    types: string,
    microsoft: false,
    meaning: 'The attribute begins with this text, in upper or lower case.',
    compile: comparesFolded(startsWith),
  },
  'ENDS_WITH IGNORING CASE': {
    takes: 'text',
    types: string,
    microsoft: false,
    meaning: 'The attribute ends with this text, in upper or lower case.',
    compile: comparesFolded(endsWith),
  },
  'IN IGNORING CASE': {
    takes: 'texts',
    types: string,
    microsoft: false,
    meaning: 'The attribute is one of these texts, in upper or lower case.',
    compile: isOneOf(folded, true),
  },
  'NOT IN IGNORING CASE': {
    takes: 'texts',
    types: string,
    microsoft: false,
    meaning: 'The attribute has a value, and it is none of these texts, whatever the case.',
    compile: isOneOf(folded, false),
  },
  BEFORE: {
    takes: 'moment',
    types: ['DateTime'],
    microsoft: false,
    meaning:
      'The date lies before this one: 2026-09-01 (its beginning, UTC), 2026-09-01T08:00:00Z, now, now+14d, now-30d.',
    compile: isAt((value, moment) => value < moment),
  },
  AFTER: {
    takes: 'moment',
    types: ['DateTime'],
    microsoft: false,
    meaning:
      'The date lies after this one: 2026-09-01 (its beginning, UTC), 2026-09-01T08:00:00Z, now, now+14d, now-30d.',
    compile: isAt((value, moment) => value > moment),
  },
  'MEMBER OF': {
    takes: 'groups',
    types: [],
    microsoft: false,
    meaning: 'The user is a member of this group, or of one of these, by object id.',
    compile: isMember(true),
  },
  'NOT MEMBER OF': {
    takes: 'groups',
    types: [],
    microsoft: false,
    meaning: 'The user is a member of none of these groups, by object id.',
    compile: isMember(false),
  },
} as const satisfies Record<string, FilterOperator>;

/** An operator by its name. */
export type OperatorName = keyof typeof table;

export const filterOperators: Readonly<Record<OperatorName, FilterOperator>> = table;

export const operatorNames = Object.keys(table) as OperatorName[];
