/** The values of the language, and how one kind is read as another. */
import { type DateTime, printDefault, readDate } from './date-time.ts';
import { ArgumentProblem } from './expression-error.ts';
import { maxTextLength } from './limits.ts';

/** An app role of a user (https://learn.microsoft.com/graph/api/resources/approle). */
export interface RoleAssignment {
  readonly id: string;
  readonly value: string | null;
  readonly displayName: string | null;
}

/** What an attribute of the user may hold; undefined is null. */
export type SourceValue =
  | string
  | boolean
  | number
  | bigint
  | readonly string[]
  | readonly RoleAssignment[]
  | null
  | undefined;

/** The whole user by attribute name. Own properties only are read. */
export type SourceValues = Readonly<Record<string, SourceValue>>;

/** Roles to write; `replace` also takes away the roles that are not in the list. */
export interface Roles {
  readonly kind: 'roles';
  readonly roles: readonly RoleAssignment[];
  readonly mode: 'add' | 'replace';
}

/** Every value but one that is redacted. */
export type PlainValue =
  | null
  | string
  | boolean
  | number
  | bigint
  | readonly string[]
  | DateTime
  | Roles
  /** The attribute takes no part: it is neither written nor cleared. */
  | { readonly kind: 'ignore' };

/**
 * The result of an expression. A whole number is a bigint only beyond 2^53. A redacted value is written to the target
 * like any other, and logs show `[Redact]` for it.
 */
export type ExpressionValue = PlainValue | { readonly kind: 'redacted'; readonly value: PlainValue };

/** The one value that leaves an attribute out of the flow. */
export const ignored = { kind: 'ignore' } as const;

/** A value of the user as the language has it. */
export function fromSource(value: SourceValue): PlainValue {
  if (value === undefined || value === null) return null;
  if (!Array.isArray(value)) return value as string | boolean | number | bigint;
  const items: readonly unknown[] = value;
  if (items.every((item) => typeof item === 'string')) return items;
  return { kind: 'roles', roles: value as readonly RoleAssignment[], mode: 'replace' };
}

export function isList(value: ExpressionValue): value is readonly string[] {
  return Array.isArray(value);
}

export function isDate(value: ExpressionValue): value is DateTime {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'date';
}

export function isRoles(value: ExpressionValue): value is Roles {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'roles';
}

export function isIgnored(value: ExpressionValue): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'ignore';
}

export function isRedacted(value: ExpressionValue): value is { readonly kind: 'redacted'; readonly value: PlainValue } {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'redacted';
}

/** What is inside a redacted value; any other value itself. */
export function plainOf(value: ExpressionValue): PlainValue {
  return isRedacted(value) ? value.value : value;
}

/**
 * The text of a value: `True`, `42`, `8/24/2026 3:05:00 PM`; null for null and for what is left out of the flow.
 * @throws ArgumentProblem NotASingleValue for several values and for roles
 */
export function textOf(value: ExpressionValue, argument?: number): string | null {
  if (typeof value === 'string' || value === null) return value;
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (isDate(value)) return printDefault(value);
  if (isRedacted(value)) return textOf(value.value, argument);
  if (isIgnored(value)) return null;
  const what = isRoles(value)
    ? 'Roles are no text.'
    : 'This has several values; take one with Item or join them with Join.';
  throw new ArgumentProblem('NotASingleValue', what, argument);
}

/** Null, an empty text and an attribute without values. */
export function isNullOrEmpty(value: PlainValue): boolean {
  return value === null || value === '' || isIgnored(value) || (isList(value) && value.length === 0);
}

/** Null, also for what is left out of the flow. */
export function isNull(value: PlainValue): boolean {
  return value === null || isIgnored(value);
}

const wholeNumber = /^\s*[+-]?\d{1,19}\s*$/;

/**
 * A value as a whole number; null for null and for an empty text.
 * @throws ArgumentProblem NotANumber
 */
export function integerOf(value: PlainValue, argument?: number): bigint | null {
  if (typeof value === 'bigint') return value;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (isNullOrEmpty(value)) return null;
  if (typeof value === 'string' && wholeNumber.test(value)) return BigInt(value.trim().replace(/^\+/, ''));
  throw new ArgumentProblem('NotANumber', 'This is no whole number.', argument);
}

/** A whole number as the language has it. */
export function numberValue(value: bigint): number | bigint {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value;
}

/**
 * A value as an instant; a text is read as CDate reads it. Null for null and for an empty text.
 * @throws ArgumentProblem NotADate, DateOutOfRange
 */
export function dateOf(value: PlainValue, argument?: number): DateTime | null {
  if (isDate(value)) return value;
  if (isNullOrEmpty(value)) return null;
  const date = typeof value === 'string' ? readDate(value) : undefined;
  if (date === undefined) throw new ArgumentProblem('NotADate', 'This is no date.', argument);
  return date;
}

/**
 * The values of a multi-valued attribute; a single value is a list of one, null an empty list.
 * @throws ArgumentProblem NotASingleValue for roles
 */
export function itemsOf(value: PlainValue, argument?: number): readonly string[] {
  if (isList(value)) return value;
  const text = textOf(value, argument);
  return text === null ? [] : [text];
}

/** Whether a value counts as true: True, "true" in any case, and every number but 0. */
export function isTrue(value: PlainValue): boolean {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'bigint') return value !== 0n;
  if (typeof value !== 'string') return false;
  const text = value.trim();
  if (text.toLowerCase() === 'true') return true;
  return wholeNumber.test(text) && BigInt(text.replace(/^\+/, '')) !== 0n;
}

/**
 * The value itself, when it is within the length a text may have.
 * @throws ArgumentProblem TextTooLong
 */
export function bounded<T extends PlainValue>(value: T, argument?: number): T {
  if (lengthOf(value) > maxTextLength) {
    const limit = maxTextLength.toLocaleString('en-US');
    throw new ArgumentProblem('TextTooLong', `The value is longer than ${limit} characters.`, argument);
  }
  return value;
}

/** Characters in a value, of all its texts. */
export function lengthOf(value: PlainValue): number {
  if (typeof value === 'string') return value.length;
  return isList(value) ? value.reduce((sum, item) => sum + item.length + 1, 0) : 1;
}
