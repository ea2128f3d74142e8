import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { SyncError } from '../../../src/errors.ts';
import { sourceAttributeNames } from '../../../src/mapping/source-schema.ts';
import type { FilterFacts } from '../../../src/scope/filters/comparisons.ts';
import {
  dependsOnTime,
  evaluateFilters,
  filterGroups,
  fingerprint,
  sourceAttributes,
} from '../../../src/scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from '../../../src/scope/filters/model.ts';
import { filterOperators, operatorNames } from '../../../src/scope/filters/operators.ts';
import { parseScopingFilters } from '../../../src/scope/filters/parse-filters.ts';

type Clause = Readonly<Record<string, unknown>>;

const of = (groups: readonly (readonly Clause[])[], more: object = {}): ScopingFilters =>
  parseScopingFilters(
    stringify({ filters: groups.map((clauses, index) => ({ title: `F${index + 1}`, clauses })), ...more }),
    'filters.yaml',
  );

const facts: FilterFacts = { memberOf: new Set(), now: new Date('2026-09-15T12:00:00Z') };
const group = (digit: number) => `00000000-0000-4000-8000-00000000000${digit}`;
const inNewYork = { attribute: 'state', operator: 'EQUALS', value: 'New York' };
const engineer = { attribute: 'department', operator: 'EQUALS', value: 'Engineering' };
const numbered = { attribute: 'employeeId', operator: 'Greater_Than', value: 1000000 };
const titled = { attribute: 'jobTitle', operator: 'IS NOT NULL' };

describe('the filters', () => {
  const documented = of([
    [inNewYork, engineer, numbered, titled],
    [{ attribute: 'objectId', operator: 'EQUALS', value: 'x' }],
  ]);
  const ann = { state: 'New York', department: 'Engineering', employeeId: '1500000', jobTitle: 'Engineer' };

  test('let in whoever satisfies all clauses of one of them, and name each clause as Microsoft does', () => {
    expect(evaluateFilters(documented, ann, facts)).toEqual({
      inScope: true,
      results: {
        'F1 state EQUALS New York': true,
        'F1 department EQUALS Engineering': true,
        'F1 employeeId Greater_Than 1000000': true,
        'F1 jobTitle IS NOT NULL': true,
        'F2 objectId EQUALS x': false,
      },
    });
  });

  test('tell lists apart that look alike', () => {
    const list = (...value: string[]) => ({ attribute: 'city', operator: 'IN', value });
    expect(evaluateFilters(of([[list('a', 'b'), list('a, b')]]), { city: 'a' }, facts).results).toEqual({
      'F1 city IN a, b': true,
      'F1 city IN "a, b"': false,
    });
  });

  test('keep out whoever fails one clause of each', () => {
    const { inScope, results } = evaluateFilters(documented, { ...ann, jobTitle: '' }, facts);
    expect(inScope).toBe(false);
    expect(results['F1 jobTitle IS NOT NULL']).toBe(false);
  });

  test('let everyone in when there are none', () => {
    expect(evaluateFilters(of([]), {}, facts)).toEqual({ inScope: true, results: {} });
  });

  test('say which attributes and groups they read', () => {
    const filters = of([
      [inNewYork, { operator: 'MEMBER OF', value: [group(2), group(1)] }],
      [
        { ...inNewYork, value: 'Texas' },
        { attribute: 'mobile', operator: 'IS NULL' },
      ],
      [{ operator: 'NOT MEMBER OF', value: group(1) }],
    ]);
    expect(sourceAttributes(filters).map(({ name }) => name)).toEqual(['state', 'mobilePhone']);
    expect(filterGroups(filters)).toEqual([group(1), group(2)]);
  });

  test('say whether time alone can move somebody across the line', () => {
    const hired = (value: string) => of([[{ attribute: 'employeeHireDate', operator: 'BEFORE', value }]]);
    expect(dependsOnTime(hired('now+14d'))).toBe(true);
    expect(dependsOnTime(hired('2026-09-01'))).toBe(false);
    expect(dependsOnTime(of([[{ attribute: 'city', operator: 'EQUALS', value: 'now' }]]))).toBe(false);
  });

  test('see a guest by the name that is written to the target, as the attribute table does', () => {
    const filters = of([[{ attribute: 'userPrincipalName', operator: 'EQUALS', value: 'ann@partner.example' }]]);
    const guest = { userPrincipalName: 'ann_partner.example#EXT#@contoso.example' };
    expect(evaluateFilters(filters, guest, facts).inScope).toBe(true);
  });
});

describe('the fingerprint', () => {
  const base = fingerprint(of([[inNewYork, engineer], [titled]]));

  test('does not change with titles and order, or with an alias for the same attribute', () => {
    expect(fingerprint(of([[titled], [engineer, inNewYork]]))).toBe(base);
    const by = (attribute: string) => fingerprint(of([[{ attribute, operator: 'IS NULL' }]]));
    expect(by('mobile')).toBe(by('mobilePhone'));
  });

  test.each([
    ['another value', [[{ ...inNewYork, value: 'Texas' }, engineer], [titled]], {}],
    ['another operator', [[{ ...inNewYork, operator: 'NOT EQUALS' }, engineer], [titled]], {}],
    ['another grouping', [[inNewYork], [engineer, titled]], {}],
    [
      'a clause more',
      [
        [inNewYork, engineer],
        [titled, numbered],
      ],
      {},
    ],
    ['SkipOutOfScopeDeletions', [[inNewYork, engineer], [titled]], { skipOutOfScopeDeletions: true }],
  ])('changes with %s', (_, groups, more) => {
    expect(fingerprint(of(groups, more))).not.toBe(base);
  });
});

const operand: Record<string, fc.Arbitrary<unknown>> = {
  nothing: fc.constant(undefined),
  text: fc.string({ minLength: 1, maxLength: 4 }),
  texts: fc.array(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
  integer: fc.nat(),
  pattern: fc.constantFrom('^a+$', 'b', '(?i)^[a-c]*$', '(a|aa)+$', '\\d'),
  moment: fc.constantFrom('now', 'now+14d', 'now-99999d', '2026-09-01'),
  groups: fc.array(fc.constantFrom(group(1), group(2)), { minLength: 1, maxLength: 2 }),
};
const names = sourceAttributeNames.filter((name) => name !== 'IsSoftDeleted');
const anyClause: fc.Arbitrary<Clause> = fc
  .tuple(fc.constantFrom(...operatorNames), fc.constantFrom(...names, `extension_${'0'.repeat(32)}_level`))
  .chain(([operator, attribute]) => {
    const { takes, types } = filterOperators[operator];
    return (operand[takes] ?? fc.constant(undefined)).map((value) => ({
      operator,
      ...(types.length === 0 ? {} : { attribute }),
      ...(value === undefined ? {} : { value }),
    }));
  })
  .filter((clause) => {
    try {
      return of([[clause]]).filters.length === 1;
    } catch {
      return false;
    }
  });
const anyGroups = fc.array(
  fc.uniqueArray(anyClause, { minLength: 1, maxLength: 3, selector: (clause) => JSON.stringify(clause) }),
  { maxLength: 3 },
);
const anyValue = fc.oneof(
  fc.string({ maxLength: 4 }),
  fc.constantFrom('', 'a', 'A', 'abc', '12', '2026-09-10T00:00:00Z', null, true, false),
  fc.anything(),
);
const anyUser = fc.dictionary(
  fc.constantFrom(...names, `extension_${'0'.repeat(32)}_level`, 'onPremisesExtensionAttributes'),
  anyValue,
);
const anyFacts = fc
  .subarray([group(1), group(2)])
  .map((ids): FilterFacts => ({ memberOf: new Set(ids), now: facts.now }));
const runs = { numRuns: 300 };

describe('for any filters and any user', () => {
  test('the outcome is OR over filters of AND over clauses, and nothing is thrown', () => {
    fc.assert(
      fc.property(anyGroups, anyUser, anyFacts, (groups, user, given) => {
        const { inScope, results } = evaluateFilters(of(groups), user, given);
        const alone = (clause: Clause) => evaluateFilters(of([[clause]]), user, given).inScope;
        expect(inScope).toBe(groups.length === 0 || groups.some((clauses) => clauses.every(alone)));
        expect(Object.values(results).every((result) => typeof result === 'boolean')).toBe(true);
      }),
      runs,
    );
  });

  test('their order changes neither the outcome nor the fingerprint', () => {
    fc.assert(
      fc.property(anyGroups, anyUser, anyFacts, (groups, user, given) => {
        const turned = of(groups.map((clauses) => clauses.toReversed()).toReversed());
        expect(evaluateFilters(turned, user, given).inScope).toBe(evaluateFilters(of(groups), user, given).inScope);
        expect(fingerprint(turned)).toBe(fingerprint(of(groups)));
      }),
      runs,
    );
  });

  test('a clause more keeps nobody new in, and a filter more keeps nobody new out', () => {
    fc.assert(
      fc.property(anyGroups, anyClause, anyUser, anyFacts, (groups, clause, user, given) => {
        fc.pre(groups.length > 0 && !groups.flat().some((other) => JSON.stringify(other) === JSON.stringify(clause)));
        const now = evaluateFilters(of(groups), user, given).inScope;
        const narrower = of(groups.map((clauses) => [...clauses, clause]));
        if (!now) expect(evaluateFilters(narrower, user, given).inScope).toBe(false);
        if (now) expect(evaluateFilters(of([...groups, [clause]]), user, given).inScope).toBe(true);
      }),
      runs,
    );
  });
});

test('any text is either filters or refused with Misconfigured', () => {
  const text = fc.oneof(
    fc.string(),
    fc.anything().map((value) => stringify({ filters: [value] }) ?? ''),
  );
  fc.assert(
    fc.property(text, (yaml) => {
      try {
        parseScopingFilters(yaml, 'f.yaml');
      } catch (error) {
        expect(error).toBeInstanceOf(SyncError);
      }
    }),
    runs,
  );
});

test.each(['(a+)+$', '(a|aa)+$', '(a|a)*b', '(.*a){20}b', '^(([a-z])+.)+[A-Z]([a-z])+$', '(x+x+)+y'])(
  'the hostile pattern %s is done with in linear time',
  (value) => {
    const filters = of([[{ attribute: 'department', operator: 'REGEX MATCH', value }]]);
    const department = `${'a'.repeat(20_000)}!${'x'.repeat(20_000)}`;
    const start = performance.now();
    evaluateFilters(filters, { department }, facts);
    expect(performance.now() - start).toBeLessThan(5_000);
  },
);
