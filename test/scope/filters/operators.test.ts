import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { findSourceAttribute } from '../../../src/mapping/source-schema.ts';
import { evaluateFilters } from '../../../src/scope/filters/evaluate-filters.ts';
import { operatorNames } from '../../../src/scope/filters/operators.ts';
import { parseScopingFilters } from '../../../src/scope/filters/parse-filters.ts';

const kinds = ['match', 'mismatch', 'null', 'other case', 'empty'] as const;
const kind = z.preprocess((value) => (value === null ? 'null' : value), z.enum(kinds));
const scalar = z.union([z.string(), z.number()]);

const rows = z
  .array(
    z.strictObject({
      operator: z.enum(operatorNames),
      attribute: z.string().optional(),
      value: z.union([scalar, z.array(z.string())]).optional(),
      multivalued: z.enum(['all', 'any']).optional(),
      cases: z.array(z.tuple([kind, z.unknown(), z.boolean()])),
    }),
  )
  .parse(parse(readFileSync(new URL('operator-cases.yaml', import.meta.url), 'utf8')));

const now = new Date('2026-09-15T12:00:00Z');

function userWith(attribute: string | undefined, held: unknown): Record<string, unknown> {
  const property = attribute === undefined ? undefined : findSourceAttribute(attribute)?.property;
  return property === undefined ? {} : { [property]: held };
}

for (const { cases, ...clause } of rows) {
  const { operator, attribute, value = '', multivalued = '' } = clause;
  describe(`${attribute ?? 'a user'} ${operator} ${value} ${multivalued}`.trimEnd(), () => {
    const filters = parseScopingFilters(stringify({ filters: [{ title: 'F', clauses: [clause] }] }), 'f.yaml');
    test.each(cases)('%s: of %j it says %s', (_kind, held, expected) => {
      const memberOf = new Set(attribute === undefined && Array.isArray(held) ? held.map(String) : []);
      const { inScope, results } = evaluateFilters(filters, userWith(attribute, held), { memberOf, now });
      expect(inScope).toBe(expected);
      expect(Object.values(results)).toEqual([expected]);
    });
  });
}

test('every operator has cases of every kind', () => {
  const seen = Map.groupBy(rows, ({ operator }) => operator);
  const missing = operatorNames.flatMap((name) => {
    const covered = new Set((seen.get(name) ?? []).flatMap(({ cases }) => cases.map(([of]) => of)));
    return kinds.filter((of) => !covered.has(of)).map((of) => `${name}: ${of}`);
  });
  expect(missing).toEqual([]);
});
