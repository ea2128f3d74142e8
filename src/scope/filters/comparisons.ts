/** What the operators of scoping filters are made of. Nothing here throws, whatever the value. */
import { compileRegex } from '../../mapping/expression/regex.ts';
import { readInstant, readInteger, readMoment } from './operands.ts';

/** What a clause looks at beside the attribute. */
export interface FilterFacts {
  /** The object ids of the groups the user is a member of, in lower case; those of filterGroups are enough. */
  readonly memberOf: ReadonlySet<string>;
  readonly now: Date;
}

/** One value of an attribute. */
export type Scalar = string | number | boolean;

/** Which values of a multi-valued attribute must satisfy the clause. */
export type MultivaluedComparison = 'all' | 'any';

/** A compiled operator. `values` are those of the attribute that are not empty, none for null. Never throws. */
export type Condition = (values: readonly Scalar[], facts: FilterFacts, comparison: MultivaluedComparison) => boolean;

/** Makes a condition of an operand that has passed operandProblem. */
export type Compile = (values: readonly string[]) => Condition;

/** False for null: Microsoft's filters are false where there is no value. */
function each(test: (value: Scalar, facts: FilterFacts) => boolean): Condition {
  return (values, facts, comparison) => {
    if (values.length === 0) return false;
    return comparison === 'any'
      ? values.some((value) => test(value, facts))
      : values.every((value) => test(value, facts));
  };
}

/** The words of a Boolean are those of .NET, as everywhere in Microsoft's provisioning. */
function textOf(value: Scalar): string {
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  return String(value);
}

/** Letters without their case, one by one, as .NET compares ordinally without case. */
export function folded(text: string): string {
  if (/^[\0-\x7f]*$/.test(text)) return text.toUpperCase();
  return Array.from(text, (letter) => {
    const upper = letter.toUpperCase();
    return upper.length === letter.length ? upper : letter;
  }).join('');
}

type TextTest = (value: string, operand: string) => boolean;

export function compares(test: TextTest): Compile {
  return ([operand = '']) => each((value) => test(textOf(value), operand));
}

export function comparesFolded(test: TextTest): Compile {
  return ([operand = '']) => {
    const wanted = folded(operand);
    return each((value) => test(folded(textOf(value)), wanted));
  };
}

export function isOneOf(form: (text: string) => string, expected: boolean): Compile {
  return (values) => {
    const wanted = new Set(values.map(form));
    return each((value) => wanted.has(form(textOf(value))) === expected);
  };
}

export function orders(test: (value: bigint, operand: bigint) => boolean): Compile {
  return ([operand = '']) => {
    const limit = readInteger(operand) ?? 0n;
    return each((value) => {
      const number = typeof value === 'boolean' ? undefined : readInteger(String(value));
      return number !== undefined && test(number, limit);
    });
  };
}

export function matches(expected: boolean): Compile {
  return ([pattern = '']) => {
    const regex = compileRegex(pattern);
    // The first match decides, and one search is linear in the text: nothing needs to be counted.
    return each((value) => !regex.matches(textOf(value), () => undefined).next().done === expected);
  };
}

export function isAt(test: (value: number, moment: number) => boolean): Compile {
  return ([operand = '']) => {
    const moment = readMoment(operand) ?? { at: Number.NaN };
    return each((value, { now }) => {
      const instant = typeof value === 'string' ? readInstant(value) : undefined;
      const limit = 'at' in moment ? moment.at : now.getTime() + moment.fromNow;
      return instant !== undefined && test(instant, limit);
    });
  };
}

export function isMember(expected: boolean): Compile {
  return (groups) => {
    const ids = groups.map((group) => group.toLowerCase());
    return (_values, { memberOf }) => ids.some((id) => memberOf.has(id)) === expected;
  };
}

export const isBoolean =
  (wanted: boolean): Compile =>
  () =>
    each((value) => value === wanted);
export const same: TextTest = (value, operand) => value === operand;
export const differs: TextTest = (value, operand) => value !== operand;
export const includes: TextTest = (value, operand) => value.includes(operand);
export const startsWith: TextTest = (value, operand) => value.startsWith(operand);
export const endsWith: TextTest = (value, operand) => value.endsWith(operand);
export const asItIs = (text: string) => text;
