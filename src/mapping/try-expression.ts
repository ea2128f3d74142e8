/** An expression tried with values that somebody gave. Pure but for the clock and chance, where the expression asks for them. */
import { randomInt } from 'node:crypto';
import { SyncError } from '../errors.ts';
import { attributeKinds, isRedacting } from './attribute-mapping.ts';
import { compileExpression } from './expression/evaluate.ts';
import { ExpressionError } from './expression/expression-error.ts';
import {
  type ExpressionValue,
  isDate,
  isIgnored,
  isList,
  isRedacted,
  isRoles,
  plainOf,
  type SourceValue,
  type SourceValues,
  textOf,
} from './expression/values.ts';
import { redactedText } from './redaction.ts';
import { unknownAttribute } from './source-schema.ts';

/** What an expression gave, and of what. */
export interface Tried extends Result {
  /** The attributes that it read, with the values they had. */
  readonly read: Readonly<Record<string, SourceValue>>;
}

interface Result {
  readonly result: string | readonly string[] | boolean | null;
  readonly type: string;
  /** It is written to Maptician, and shown nowhere else. */
  readonly redacted: boolean;
}

/**
 * Evaluates an expression.
 * @param assignments `name=value`, over the values given
 * @throws ExpressionError where the expression is wrong or has no value
 * @throws SyncError Misconfigured where an assignment is wrong
 */
export function tryExpression(text: string, assignments: readonly string[], values: SourceValues): Tried {
  const { expression, given, read } = prepare(text, assignments, values);
  return { ...describeResult(expression.evaluate(given)), read };
}

/**
 * The same for somebody who may not see everything of the user whose `values` these are: with a mark in place of what Redact hides,
 * in the expression, and of the attributes that `isHidden` names. An expression that reads one of those is not evaluated at all,
 * since even whether it has a value would tell of theirs. What is given by hand is no secret.
 */
export function tryExpressionHiding(
  text: string,
  assignments: readonly string[],
  values: SourceValues,
  isHidden: (attribute: string) => boolean,
): Tried {
  const { expression, given, byHand, read } = prepare(text, assignments, values);
  const redacts = isRedacting({ from: 'expression', expression, reads: [] });
  const secret = expression.attributes.filter((name) => !Object.hasOwn(byHand, name) && isHidden(name));
  const shown = Object.entries(read).map(([name, value]): [string, SourceValue] => {
    const hides = secret.includes(name) || (redacts && !Object.hasOwn(byHand, name));
    return [name, hides && value !== null ? redactedText : value];
  });
  const masked = { read: Object.fromEntries(shown), redacted: true, result: redactedText };
  if (secret.length > 0) return { ...masked, type: 'hidden' };
  const found = describeResult(expression.evaluate(given));
  return found.redacted && found.result !== null ? { ...found, ...masked } : { ...found, read: masked.read };
}

function prepare(text: string, assignments: readonly string[], values: SourceValues) {
  const expression = compileExpression(text, { attributes: attributeKinds(text), now: Date.now, randomInt });
  const byHand = valuesSet(text, assignments);
  const given: SourceValues = { ...values, ...byHand };
  const read = Object.fromEntries(expression.attributes.map((name) => [name, given[name] ?? null]));
  return { expression, given, byHand, read };
}

/** The attributes an expression reads; none where it is wrong, which is told of where it is evaluated. */
export function attributesOf(text: string): readonly string[] {
  try {
    return compileExpression(text, { attributes: attributeKinds(text), now: Date.now, randomInt }).attributes;
  } catch (thrown) {
    if (thrown instanceof ExpressionError) return [];
    throw thrown;
  }
}

/** `name=value`, as the kind of value that the attribute has; one name several times is several values. */
function valuesSet(text: string, assignments: readonly string[]): Record<string, SourceValue> {
  const kinds = attributeKinds(
    `${text} ${assignments.map((assignment) => `[${assignment.split('=', 1)[0]}]`).join(' ')}`,
  );
  const values: Record<string, SourceValue> = {};
  for (const [name, texts] of Map.groupBy(assignments, (assignment) => assignment.split('=', 1)[0] ?? '')) {
    if (texts.some((assignment) => !assignment.includes('=')))
      throw wrongSet(`The value of ${name}: write ${name}=VALUE`);
    const kind = kinds.get(name);
    if (kind === undefined) throw wrongSet(`The value of ${name}: ${unknownAttribute(name)}`);
    const given = texts.map((assignment) => assignment.slice(name.length + 1));
    if (kind === 'boolean' && !given.every((one) => /^(?:true|false)$/i.test(one)))
      throw wrongSet(`The value of ${name}: it holds true or false`);
    values[name] = valueFrom(kind, given);
  }
  return values;
}

function wrongSet(message: string): SyncError {
  return new SyncError('Misconfigured', message);
}

function valueFrom(kind: string | undefined, given: readonly string[]): SourceValue {
  const [first = ''] = given;
  if (kind === 'roles') return given.map((role) => ({ id: role, value: role, displayName: role }));
  if (kind === 'list' || given.length > 1) return given;
  if (kind === 'boolean' && /^(?:true|false)$/i.test(first)) return first.toLowerCase() === 'true';
  return kind === 'number' && /^-?\d+$/.test(first) ? BigInt(first) : first;
}

function describeResult(value: ExpressionValue): Result {
  const plain = plainOf(value);
  const redacted = isRedacted(value);
  if (plain === null) return { result: null, type: 'null', redacted };
  if (isIgnored(plain)) return { result: null, type: 'left out of the flow', redacted };
  if (isList(plain)) return { result: plain, type: 'list', redacted };
  if (isRoles(plain)) return { result: plain.roles.map(({ value: role, id }) => role ?? id), type: 'roles', redacted };
  if (typeof plain === 'boolean') return { result: plain, type: 'boolean', redacted };
  const type = isDate(plain) ? 'date' : typeof plain === 'string' ? 'text' : 'number';
  return { result: textOf(plain), type, redacted };
}

/** Texts in quotes, so that spaces at their ends are seen. */
export function literal(value: SourceValue): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
