import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseAttributeTable, fingerprint as tableFingerprint } from '../../../src/mapping/attribute-table.ts';
import { attributePaths } from '../../../src/mapping/maptician-user.ts';
import { exportSchema } from '../../../src/mapping/schema-json/export-schema.ts';
import { importSchema } from '../../../src/mapping/schema-json/import-schema.ts';
import { findSourceAttribute, sourceAttributes } from '../../../src/mapping/source-schema.ts';
import { fingerprint as filtersFingerprint } from '../../../src/scope/filters/evaluate-filters.ts';
import { filterOperators, type OperatorName, operatorNames } from '../../../src/scope/filters/operators.ts';
import { parseScopingFilters } from '../../../src/scope/filters/parse-filters.ts';

const shipped = readFileSync(new URL('../../../config/attributes.yaml', import.meta.url), 'utf8');
const standardRows = [
  { target: 'userName', source: 'userPrincipalName', matching: 1 },
  { target: 'active', source: 'not IsSoftDeleted' },
];

function tripped(attributes: string, filters: string) {
  const table = parseAttributeTable(attributes, 'attributes.yaml');
  const scoping = parseScopingFilters(filters, 'scoping-filters.yaml');
  const exported = exportSchema(table, scoping);
  const imported = importSchema(JSON.parse(JSON.stringify(exported.schema)));
  return {
    before: [tableFingerprint(table), filtersFingerprint(scoping)],
    after: [
      tableFingerprint(parseAttributeTable(imported.attributes, 'imported attributes')),
      filtersFingerprint(parseScopingFilters(imported.filters, 'imported filters')),
    ],
    exported,
    imported,
  };
}

const noFilters = 'filters: []';
const word = fc.string({ minLength: 1, maxLength: 12, unit: 'grapheme' }).filter((text) => text.trim() === text);
const texts = sourceAttributes.filter(
  ({ type, multiValued, name }) => type === 'String' && !multiValued && name !== 'telephoneNumber',
);
const several = sourceAttributes.filter(({ multiValued }) => multiValued);
const textName = fc.constantFrom(...texts.map(({ name }) => name));

const expression = fc.oneof(
  fc.tuple(textName, textName).map(([one, other]) => `Join(" ", [${one}], [${other}])`),
  fc.tuple(textName, word).map(([name, text]) => `Switch([${name}], , ${quoted(text)}, "x", "y", ${quoted(text)})`),
  fc
    .tuple(textName, word)
    .map(([name, text]) => `IIF([${name}] = ${quoted(text)} AND NOT IsPresent([city]), "x", Left([mail], 3))`),
  textName.map((name) => `Replace([${name}], , "(?<Name>\\\\w+)", "Name", "z", , )`),
  textName.map((name) => `IgnoreFlowIfNullOrEmpty(ToLower([${name}], "tr-TR"))`),
  fc.constant('FormatDateTime([employeeHireDate], , "yyyy-MM-ddTHH:mm:ssZ", "dd.MM.yyyy")'),
  fc.constant('Redact(CStr(BitAnd(&HF, 10)))'),
);

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
}

const source = fc.oneof(
  textName.map((name) => ({ source: name })),
  fc.constant({ source: 'manager' }),
  fc.constant({ source: `extension_${'0a'.repeat(16)}_costCode` }),
  fc
    .tuple(fc.constantFrom(...several.map(({ name }) => name)), fc.nat(20))
    .map(([name, index]) => ({ source: `${name}[${index}]` })),
  word.map((constant) => ({ constant })),
  expression.map((text) => ({ expression: text })),
);
const behaviour = fc.oneof(
  fc.constant({}),
  fc.constant({ required: true }),
  fc.constant({ apply: 'create' as const }),
  fc.constantFrom('clear' as const, 'keep' as const).map((nulls) => ({ nulls })),
  word.map((text) => ({ default: text })),
);
const row = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(source, behaviour).map(([one, other]) => ({ ...one, ...other })) },
  { weight: 1, arbitrary: word.map((text) => ({ default: text })) },
);
const table = fc
  .record({
    rows: fc.uniqueArray(
      fc.tuple(fc.constantFrom(...attributePaths.slice(1).filter((path) => path !== 'active')), row),
      {
        selector: ([target]) => target,
      },
    ),
    matching: fc.boolean(),
    actions: fc.record({ create: fc.boolean(), update: fc.boolean(), delete: fc.boolean() }),
  })
  .map(({ rows, matching, actions }) => {
    const others = rows.map(([target, members]) => ({ target, ...members }));
    const second = others.find((one) => !('constant' in one) && !('default' in one));
    const matched =
      matching && second !== undefined ? others.map((one) => (one === second ? { ...one, matching: 9 } : one)) : others;
    return stringify({ attributes: [...standardRows, ...matched], actions });
  });

const operands: Readonly<Record<string, fc.Arbitrary<string | string[] | undefined>>> = {
  nothing: fc.constant(undefined),
  text: word,
  texts: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
  integer: fc.nat().map(String),
  pattern: fc.constantFrom('^a.*$', '(?i)x|y', '.*\\@contoso\\.example'),
  moment: fc.constantFrom('now', 'now+14d', '2026-09-01', '2026-09-01T08:00:00Z'),
  groups: fc.uniqueArray(fc.uuid(), { minLength: 1, maxLength: 2 }),
};

function clauseOf(operator: OperatorName): fc.Arbitrary<object> {
  const { takes, types } = filterOperators[operator];
  const fitting = sourceAttributes.filter(
    ({ type, name }) =>
      type !== undefined && type !== 'Reference' && types.includes(type as never) && name !== 'IsSoftDeleted',
  );
  const attribute = fitting.length === 0 ? fc.constant(undefined) : fc.constantFrom(...fitting.map(({ name }) => name));
  return fc.tuple(attribute, operands[takes] ?? fc.constant(undefined), fc.boolean()).map(([name, value, any]) => ({
    ...(name === undefined ? {} : { attribute: name }),
    operator,
    ...(value === undefined ? {} : { value }),
    ...(any && name !== undefined && takes !== 'nothing' && findSourceAttribute(name)?.multiValued
      ? { multivalued: 'any' }
      : {}),
  }));
}

const clause = fc.constantFrom(...operatorNames).chain(clauseOf);
const filters = fc
  .array(fc.uniqueArray(clause, { minLength: 1, maxLength: 4, selector: (one) => JSON.stringify(one) }), {
    maxLength: 3,
  })
  .map((groups) => stringify({ filters: groups.map((clauses, index) => ({ title: `Filter "${index}"`, clauses })) }));

describe('import of an export', () => {
  test('of the table that comes with the service is the same mapping, with nothing to note', () => {
    const { before, after, exported, imported } = tripped(shipped, noFilters);
    expect(after).toEqual(before);
    expect([exported.notes, imported.notes]).toEqual([[], []]);
  });

  test('is the same mapping for any table and any filters', () => {
    fc.assert(
      fc.property(table, filters, (attributes, scoping) => {
        const { before, after, imported } = tripped(attributes, scoping);
        expect(after).toEqual(before);
        expect(imported.notes).toEqual([]);
      }),
      { numRuns: 150 },
    );
  });
});

describe('an export', () => {
  test("has Microsoft's names, forms and operators", () => {
    const attributes = stringify({
      attributes: [
        ...standardRows,
        { target: 'title', expression: 'Join(", ", [officeLocation], [mobilePhone])', apply: 'create', default: 'x' },
        { target: 'externalId', source: 'id', matching: 2 },
        { target: 'phoneNumbers[type eq "work"].value', source: 'businessPhones[0]' },
      ],
      actions: { create: false },
    });
    const scoping = stringify({
      filters: [{ title: 'A', clauses: [{ attribute: 'employeeId', operator: 'Greater_Than', value: 7 }] }],
    });
    const { schema, notes } = tripped(attributes, scoping).exported;
    expect(notes).toEqual([]);
    expect(schema).toMatchObject({
      synchronizationRules: [
        {
          sourceDirectoryName: 'Azure Active Directory',
          objectMappings: [
            {
              flowTypes: 'Update, Delete',
              scope: {
                groups: [
                  {
                    name: 'A',
                    clauses: [
                      {
                        sourceOperandName: 'employeeId',
                        operatorName: 'Greater_Than',
                        targetOperand: { values: ['7'] },
                      },
                    ],
                  },
                ],
              },
              attributeMappings: [
                { targetAttributeName: 'userName', matchingPriority: 1, flowType: 'Always', defaultValue: null },
                {
                  source: {
                    type: 'Function',
                    name: 'Switch',
                    expression: 'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
                    parameters: [
                      { key: 'source', value: { type: 'Attribute', name: 'IsSoftDeleted' } },
                      { key: 'key1', value: { type: 'Constant', name: 'False', expression: '"False"' } },
                      { key: 'value1' },
                      { key: 'key2' },
                      { key: 'value2' },
                    ],
                  },
                },
                {
                  flowType: 'ObjectAddOnly',
                  defaultValue: 'x',
                  source: { expression: 'Join(", ", [physicalDeliveryOfficeName], [mobile])' },
                },
                { matchingPriority: 2, source: { type: 'Attribute', name: 'objectId', expression: '[objectId]' } },
                { source: { name: 'telephoneNumber' } },
              ],
            },
          ],
        },
      ],
    });
  });

  test('notes what Microsoft has no equal of', () => {
    const attributes = stringify({
      attributes: [
        ...standardRows,
        { target: 'title', expression: 'IIF([city] = "" OR [state] = "x", [city], [state])' },
        { target: 'externalId', source: 'employeeOrgData.costCenter', nulls: 'clear' },
      ],
    });
    const clauses = [
      { attribute: 'userType', operator: 'EQUALS', value: 'Member' },
      { attribute: 'proxyAddresses', operator: 'STARTS_WITH', value: 'smtp', multivalued: 'any' },
      { attribute: 'employeeHireDate', operator: 'BEFORE', value: 'now' },
      { operator: 'MEMBER OF', value: ['00000000-0000-4000-8000-000000000000'] },
    ];
    const scoping = stringify({ filters: [{ title: 'A', clauses }], skipOutOfScopeDeletions: true });
    const { notes } = exportSchema(parseAttributeTable(attributes, 'a'), parseScopingFilters(scoping, 'f'));
    for (const word of [
      'OR',
      '""',
      'costCenter',
      'clears',
      'userType',
      'STARTS_WITH',
      'several values',
      'any of',
      'employeeHireDate',
      'BEFORE',
      'MEMBER OF',
      'SkipOutOfScopeDeletions',
    ]) {
      expect(notes).toContainEqual(expect.stringContaining(word));
    }
  });
});
