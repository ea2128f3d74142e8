import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { renderExpressionDocs } from '../../../src/mapping/expression/docs.ts';

test('docs/expressions.md is what the function table gives', () => {
  expect(readFileSync('docs/expressions.md', 'utf8'), 'run "npm run docs:expressions"').toBe(renderExpressionDocs());
});
