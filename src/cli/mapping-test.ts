/** `mapping test`: what an expression gives, for values given by hand or for a user. */
import { describeError, ExpressionError } from '../mapping/expression/expression-error.ts';
import type { SourceValue, SourceValues } from '../mapping/expression/values.ts';
import { redactedText } from '../mapping/redaction.ts';
import { attributesOf, literal, type Tried, tryExpression } from '../mapping/try-expression.ts';
import { readUserValues } from '../source-values-of-user.ts';
import { cannotRun, print, printJson, report, withService } from './command.ts';
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
    const { values } = await readUserValues(service, signal, user, names);
    return evaluate(text, options, values);
  });
}

function evaluate(text: string, options: TestOptions, values: SourceValues): number {
  try {
    const { read, ...result } = tryExpression(text, options.set, values);
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

function describe(
  { result, type, redacted }: Omit<Tried, 'read'>,
  read: Readonly<Record<string, SourceValue>>,
): string {
  const remark = redacted ? `; logs show ${redactedText}` : '';
  const rows = Object.entries(read).map(([name, value]) => [`[${name}]`, literal(value)]);
  return [
    `Result  ${literal(result)}`,
    `Type    ${type}${remark}`,
    ...(rows.length === 0 ? [] : ['', renderTable(['READ', 'VALUE'], rows)]),
  ].join('\n');
}
