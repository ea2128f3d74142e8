import { expect, test } from 'vitest';
import { checkExpression } from '../../../src/mapping/expression/check.ts';
import { ExpressionError } from '../../../src/mapping/expression/expression-error.ts';
import { maxTextLength } from '../../../src/mapping/expression/limits.ts';
import { lintExpression } from '../../../src/mapping/expression/lint.ts';
import { parseExpression } from '../../../src/mapping/expression/parser.ts';
import { printExpression } from '../../../src/mapping/expression/printer.ts';
import { lengthOf, plainOf } from '../../../src/mapping/expression/values.ts';
import { compile, createRandomInt } from './compile.ts';
import { generateExpression, generateUser } from './generate.ts';

const deep = process.env.DEEP === 'true';
const runs = deep ? 1_000_000 : 4_000;
/** Far above what the bounds allow, so that a busy machine fails nothing. */
const slow = 10_000;
const timeout = deep ? 3_600_000 : 60_000;

test(`${runs} random expressions print to text that parses to the same tree`, { timeout }, () => {
  for (let seed = 1; seed <= runs; seed += 1) {
    const tree = generateExpression(createRandomInt(seed));
    const printed = printExpression(tree);
    if (printed.length > 10_000) continue;
    const parsed = parseExpression(printed);
    if (withoutPlaces(parsed) !== withoutPlaces(tree)) expect.fail(`seed ${seed}: ${printed}`);
    if (printExpression(parsed) !== printed) expect.fail(`seed ${seed}: printed twice differs: ${printed}`);
  }
});

test(`${runs} random expressions on random users give a value within bounds, or an ExpressionError`, {
  timeout,
}, () => {
  const counts = { refused: 0, failed: 0, evaluated: 0 };
  let longest = { took: 0, seed: 0 };
  for (let seed = 1; seed <= runs; seed += 1) {
    const randomInt = createRandomInt(seed);
    const source = printExpression(generateExpression(randomInt));
    const user = generateUser(randomInt);
    const started = performance.now();
    const outcome = attempt(source, user, seed);
    const took = performance.now() - started;
    counts[outcome] += 1;
    if (took > longest.took) longest = { took, seed };
  }
  expect(longest.took, `seed ${longest.seed}`).toBeLessThan(slow);
  // Otherwise the generator would have stopped to test anything.
  expect(counts.evaluated).toBeGreaterThan(runs / 10);
  expect(counts.failed).toBeGreaterThan(runs / 100);
});

test(`${runs} damaged expressions are refused or evaluated, and nothing else happens`, { timeout }, () => {
  for (let seed = 1; seed <= runs; seed += 1) {
    const randomInt = createRandomInt(seed);
    const printed = printExpression(generateExpression(randomInt));
    attempt(damage(printed, randomInt), generateUser(randomInt), seed);
  }
});

function attempt(source: string, user: ReturnType<typeof generateUser>, seed: number) {
  try {
    if (checkExpression(source).problems.length > 0) return 'refused';
    lintExpression(source, { apply: 'always' });
    const value = compile(source, { randomInt: createRandomInt(seed) }).evaluate(user);
    if (lengthOf(plainOf(value)) > maxTextLength) expect.fail(`seed ${seed}: a value that is too long`);
    return 'evaluated';
  } catch (error) {
    if (!(error instanceof ExpressionError)) throw new Error(`seed ${seed}: ${source}`, { cause: error });
    return 'failed';
  }
}

function damage(source: string, randomInt: (below: number) => number): string {
  const pieces = ['(', ')', '"', '\\', '[', ']', ',', '=', '<', ' AND ', ' NOT ', '&H', '-', '\n', '😀', ''];
  let damaged = source;
  for (let count = 1 + randomInt(3); count > 0; count -= 1) {
    const at = randomInt(damaged.length + 1);
    damaged = damaged.slice(0, at) + (pieces[randomInt(pieces.length)] ?? '') + damaged.slice(at + randomInt(3));
  }
  return damaged;
}

function withoutPlaces(tree: unknown): string {
  return JSON.stringify(tree, (key, value) => {
    if (key === 'span' || key === 'nameSpan') return undefined;
    return typeof value === 'bigint' ? `${value}n` : value;
  });
}
