import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { ExpressionError } from '../../../src/mapping/expression/expression-error.ts';
import { functionTable } from '../../../src/mapping/expression/functions.ts';
import { evaluate, shown } from './compile.ts';

const row = z
  .strictObject({
    case: z.string(),
    expression: z.string(),
    inputs: z.record(z.string(), z.union([z.string(), z.boolean(), z.array(z.string())]).nullable()).default({}),
    output: z.union([z.string(), z.array(z.string())]).nullable(),
    ignored: z.literal(true),
    matches: z.string(),
    refused: z.string(),
  })
  .partial({ output: true, ignored: true, matches: true, refused: true });

const rows = z.array(row).parse(parse(readFileSync(`${import.meta.dirname}/cases.yaml`, 'utf8')));

describe('documented examples', () => {
  test.each(rows)('$case: $expression', ({ expression, inputs, output, ignored, matches, refused }) => {
    if (refused !== undefined) {
      expect(codeOf(() => evaluate(expression, inputs))).toBe(refused);
      return;
    }
    const value = shown(evaluate(expression, inputs));
    if (matches !== undefined) expect(value).toMatch(new RegExp(matches));
    else expect(value).toEqual(ignored === true ? { ignored: true } : output);
  });

  test('every documented case from F1 to F67 and every erratum has a row', () => {
    const covered = new Set(rows.map((each) => each.case.split(' ')[0]));
    const wanted = [...Array.from({ length: 67 }, (_, index) => `F${index + 1}`), ...['E1', 'E2', 'E3', 'E4', 'E5']];
    expect(wanted.filter((name) => !covered.has(name))).toEqual([]);
  });
});

describe("the function table's examples", () => {
  test.each([...functionTable.values()])('$name', ({ name, example }) => {
    expect(example.expression).toContain(`${name}(`);
    const value = shown(evaluate(example.expression, example.inputs));
    expect(value).toEqual(name === 'Redact' ? { redacted: example.output } : example.output);
  });
});

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    if (error instanceof ExpressionError) return error.code;
    throw error;
  }
}
