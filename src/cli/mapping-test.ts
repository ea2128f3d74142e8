/** `mapping test`: what an expression gives, for values given by hand or for a user. */
import { randomInt } from 'node:crypto';
import { SyncError } from '../errors.ts';
import { attributeKinds } from '../mapping/attribute-mapping.ts';
import { compileExpression } from '../mapping/expression/evaluate.ts';
import { describeError, ExpressionError } from '../mapping/expression/expression-error.ts';
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
} from '../mapping/expression/values.ts';
import { redactedText } from '../mapping/redaction.ts';
import { unknownAttribute } from '../mapping/source-schema.ts';
import { cannotRun, print, printJson, report, withService } from './command.ts';
import { readUserValues } from './mapping-test-user.ts';
import { renderTable } from './table.ts';

export interface TestOptions {
  readonly user?: string;
  readonly set: readonly string[];
  readonly json?: boolean;
}

/** Exit status 0 with a result, 2 where the expression is wrong or has no value. */
export async function testExpression(text: string, options: TestOptions): Promise<number> {
  const { user } = options;
  if (user === undefined) return evaluate(text, options, {});
  return withService(options, async (service, signal) => {
    const names = attributesOf(text);
    return evaluate(text, options, await readUserValues(service, signal, user, names));
  });
}

function evaluate(text: string, options: TestOptions, values: SourceValues): number {
  try {
    const expression = compileExpression(text, { attributes: attributeKinds(text), now: Date.now, randomInt });
    const given = { ...values, ...valuesSet(text, options.set) };
    const read = Object.fromEntries(expression.attributes.map((name) => [name, given[name] ?? null]));
    const result = describeResult(expression.evaluate(given));
    if (options.json) printJson({ ...result, read });
    else print(describe(result, read));
    return 0;
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) {
      report(thrown, options);
      return cannotRun;
    }
    process.stderr.write(`${describeError(thrown)}\n`);
    if (options.json) {
      const { code, message, position } = thrown;
      printJson({ error: { code, message, line: position.line, column: position.column } });
    }
    return cannotRun;
  }
}

function attributesOf(text: string): readonly string[] {
  try {
    return compileExpression(text, { attributes: attributeKinds(text), now: Date.now, randomInt }).attributes;
  } catch (thrown) {
    // It is told of where the expression is evaluated.
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
    if (texts.some((assignment) => !assignment.includes('='))) throw wrongSet(`--set ${name}: write name=value`);
    const kind = kinds.get(name);
    if (kind === undefined) throw wrongSet(`--set ${name}: ${unknownAttribute(name)}`);
    const given = texts.map((assignment) => assignment.slice(name.length + 1));
    if (kind === 'boolean' && !given.every((one) => /^(?:true|false)$/i.test(one)))
      throw wrongSet(`--set ${name}: it holds true or false`);
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

interface Result {
  readonly result: string | readonly string[] | boolean | null;
  readonly type: string;
  /** It is written to Maptician, and shown nowhere else. */
  readonly redacted: boolean;
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

function describe({ result, type, redacted }: Result, read: Readonly<Record<string, SourceValue>>): string {
  const remark = redacted ? `; logs show ${redactedText}` : '';
  const rows = Object.entries(read).map(([name, value]) => [`[${name}]`, shown(value)]);
  return [
    `Result  ${shown(result)}`,
    `Type    ${type}${remark}`,
    ...(rows.length === 0 ? [] : ['', renderTable(['READ', 'VALUE'], rows)]),
  ].join('\n');
}

/** Texts in quotes, so that spaces at their ends are seen. */
function shown(value: SourceValue): string {
  if (value === null || value === undefined) return 'null';
  return typeof value === 'bigint' ? String(value) : JSON.stringify(value);
}
