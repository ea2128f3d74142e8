/** Comparisons in conditions. */
import { ArgumentProblem } from './expression-error.ts';
import type { ComparisonOperator } from './syntax.ts';
import { dateOf, integerOf, isDate, isNull, type PlainValue, textOf } from './values.ts';

/**
 * Null equals null and the empty text, and is neither smaller nor greater than anything. With a number on one side both
 * are compared as numbers, with a date as dates, where the other side reads as one; else as texts, by code unit.
 * @throws ArgumentProblem NotASingleValue
 */
export function compareValues(operator: ComparisonOperator, left: PlainValue, right: PlainValue): boolean {
  const order = orderOf(left, right);
  switch (operator) {
    case '=':
      return order === 0;
    case '<>':
      return order !== 0;
    case '<':
      return order === -1;
    case '<=':
      return order === -1 || order === 0;
    case '>':
      return order === 1;
    case '>=':
      return order === 1 || order === 0;
  }
}

/** Undefined where they have no order. */
function orderOf(left: PlainValue, right: PlainValue): -1 | 0 | 1 | undefined {
  if (isNull(left) || isNull(right)) {
    return (textOf(left) ?? '') === '' && (textOf(right) ?? '') === '' ? 0 : undefined;
  }
  if (isNumber(left) || isNumber(right)) {
    const [one, other] = [tried(() => integerOf(left)), tried(() => integerOf(right))];
    if (one !== null && other !== null) return sign(one, other);
  }
  if (isDate(left) || isDate(right)) {
    const [one, other] = [tried(() => dateOf(left)), tried(() => dateOf(right))];
    if (one !== null && other !== null)
      return sign(one.milliseconds, other.milliseconds) || sign(one.ticks, other.ticks);
  }
  return sign(textOf(left) ?? '', textOf(right) ?? '');
}

function isNumber(value: PlainValue): boolean {
  return typeof value === 'number' || typeof value === 'bigint';
}

function sign<T extends string | number | bigint>(one: T, other: T): -1 | 0 | 1 {
  return one === other ? 0 : one < other ? -1 : 1;
}

function tried<T>(read: () => T | null): T | null {
  try {
    return read();
  } catch (error) {
    if (error instanceof ArgumentProblem) return null;
    throw error;
  }
}
