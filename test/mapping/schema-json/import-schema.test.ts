import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseAttributeTable } from '../../../src/mapping/attribute-table.ts';
import { importSchema } from '../../../src/mapping/schema-json/import-schema.ts';
import { parseScopingFilters } from '../../../src/scope/filters/parse-filters.ts';

const downloaded: unknown = JSON.parse(readFileSync(new URL('entra-schema.json', import.meta.url), 'utf8'));

/** A schema with a mapping of users that has what is given, and otherwise what Entra has by default. */
function schemaOf(
  users: object,
  more: { rule?: object; others?: readonly object[]; directories?: readonly object[] } = {},
) {
  const mapping = {
    enabled: true,
    flowTypes: 'Add, Update, Delete',
    sourceObjectName: 'User',
    targetObjectName: 'User',
    attributeMappings: standard,
    ...users,
  };
  const rule = { sourceDirectoryName: 'Azure Active Directory', targetDirectoryName: 'Maptician', ...more.rule };
  return {
    synchronizationRules: [{ ...rule, objectMappings: [...(more.others ?? []), mapping] }],
    directories: more.directories ?? [],
  };
}

const attribute = (name: string) => ({ type: 'Attribute', name, expression: `[${name}]`, parameters: [] });
const constant = (name: string) => ({ type: 'Constant', name, expression: JSON.stringify(name), parameters: [] });
const standard = [
  { targetAttributeName: 'userName', source: attribute('userPrincipalName'), matchingPriority: 1 },
  {
    targetAttributeName: 'active',
    source: {
      type: 'Function',
      name: 'Switch',
      expression: 'Switch([IsSoftDeleted], , "False", "True", "True", "False")',
    },
  },
];

/** The row that a mapping of `title` becomes, and the notes. */
function importTitle(mapping: object, directories: readonly object[] = []) {
  const attributeMappings = [...standard, { targetAttributeName: 'title', ...mapping }];
  const { attributes, notes } = importSchema(schemaOf({ attributeMappings }, { directories }));
  parseAttributeTable(attributes, 'attributes.yaml');
  const { attributes: rows } = parse(attributes);
  return { row: rows.find(({ target }: { target: string }) => target === 'title'), notes };
}

describe('a schema as Entra downloads it', () => {
  const imported = importSchema(downloaded);

  test('becomes an attribute table and scoping filters, with a note for everything that has no equal', async () => {
    await expect(imported.attributes).toMatchFileSnapshot('imported-attributes.yaml');
    await expect(imported.filters).toMatchFileSnapshot('imported-scoping-filters.yaml');
    await expect(`${imported.notes.join('\n')}\n`).toMatchFileSnapshot('imported-notes.txt');
  });

  test('gives files that check', () => {
    const table = parseAttributeTable(imported.attributes, 'attributes.yaml');
    expect(table.mappings).toHaveLength(14);
    expect(table.actions).toEqual({ create: true, update: true, delete: false });
    expect(parseScopingFilters(imported.filters, 'scoping-filters.yaml').filters).toHaveLength(2);
  });
});

describe('the source of a mapping', () => {
  const text = { type: 'Constant', parameters: [] };
  test.each<[string, object, object]>([
    ['an attribute', { source: attribute('jobTitle') }, { source: 'jobTitle' }],
    [
      'an attribute without its expression',
      { source: { type: 'Attribute', name: 'jobTitle' } },
      { source: 'jobTitle' },
    ],
    ['an attribute without its type', { source: { expression: '[jobTitle]' } }, { source: 'jobTitle' }],
    [
      "Microsoft's own name for an attribute",
      { source: attribute('facsimileTelephoneNumber') },
      { source: 'faxNumber' },
    ],
    ['the telephone number', { source: attribute('telephoneNumber') }, { source: 'businessPhones[0]' }],
    ['a Boolean for a text', { source: attribute('accountEnabled') }, { expression: 'CStr([accountEnabled])' }],
    [
      'one of several values',
      { source: { type: 'Function', expression: 'Item([otherMails], 2)' } },
      { source: 'otherMails[1]' },
    ],
    [
      'an app role',
      { source: { type: 'Function', expression: 'SingleAppRoleAssignment([appRoleAssignments])' } },
      { expression: 'SingleAppRoleAssignment([appRoleAssignments])' },
    ],
    ['a constant', { source: constant('Guest "VIP"') }, { constant: 'Guest "VIP"' }],
    ['a constant by its name alone', { source: { ...text, name: 'Guest' } }, { constant: 'Guest' }],
    ['a default without a source', { source: null, defaultValue: 'Guest' }, { constant: 'Guest' }],
    [
      'a default for what is empty',
      { source: null, defaultValue: 'Guest', flowType: 'AttributeAddOnly' },
      { default: 'Guest' },
    ],
    [
      'a tree without its text',
      {
        source: {
          type: 'Function',
          name: 'Left',
          parameters: [
            {
              key: 'String',
              value: {
                type: 'Function',
                name: 'StripSpaces',
                parameters: [{ key: 'source', value: attribute('jobTitle') }],
              },
            },
            { key: 'NumChars', value: { type: 'Constant', name: '3' } },
          ],
        },
      },
      { expression: 'Left(StripSpaces([jobTitle]), 3)' },
    ],
    [
      'a tree beside a text that cannot be read',
      {
        source: {
          type: 'Function',
          name: 'Append',
          expression: 'Append([jobTitle], ")',
          parameters: [
            { key: 'source', value: attribute('jobTitle') },
            { key: 'suffix', value: { type: 'Constant', name: '"' } },
          ],
        },
      },
      { expression: 'Append([jobTitle], "\\"")' },
    ],
    [
      'a tree with parameters that are left out',
      {
        source: {
          type: 'Function',
          name: 'Switch',
          parameters: [
            { key: 'source', value: attribute('mobile') },
            { key: 'key1', value: constant('1') },
            { key: 'value1', value: constant('one') },
          ],
        },
      },
      { expression: 'Switch([mobilePhone], , "1", "one")' },
    ],
    [
      'a random value',
      { source: { type: 'Function', expression: 'Guid()' } },
      { expression: 'Guid()', apply: 'create' },
    ],
  ])('may be %s', (_, mapping, row) => {
    expect(importTitle(mapping).row).toEqual({ target: 'title', ...row });
  });

  test.each<[string, object, string]>([
    ['nothing at all', { source: null }, 'neither a source nor a default'],
    ['an unknown attribute', { source: attribute('jobTitel') }, 'did you mean jobTitle?'],
    ['a reference', { source: attribute('manager') }, 'refers to another object'],
    [
      'an unknown function',
      { source: { type: 'Function', expression: 'Lef([mail], 3)' } },
      'There is no function Lef; did you mean Left?',
    ],
    [
      'a function for Active Directory',
      { source: { type: 'Function', expression: 'SelectUniqueValue([mail], [city])' } },
      'SelectUniqueValue',
    ],
    [
      'an expression that ends too early',
      { source: { type: 'Function', expression: 'Left([mail], 3' } },
      'closing parenthesis of Left',
    ],
    [
      'a pattern that looks ahead',
      { source: { type: 'Function', expression: 'Replace([mail], , "(?=x)", , "", , )' } },
      'column 20',
    ],
    [
      'a list of roles',
      { source: { type: 'Function', expression: 'AppRoleAssignmentsComplex([appRoleAssignments])' } },
      'gives roles',
    ],
    ['a function without name or text', { source: { type: 'Function', parameters: [] } }, 'neither'],
  ])('that is %s is left out, with the reason', (_, mapping, reason) => {
    const { row, notes } = importTitle(mapping);
    expect(row).toBeUndefined();
    expect(notes).toEqual([expect.stringContaining(reason)]);
    expect(notes[0]).toMatch(/^title: left out, /);
  });
});

describe('how a mapping applies', () => {
  const source = attribute('jobTitle');
  const definitions = (definition: object) => [
    { name: 'Maptician', objects: [{ name: 'User', attributes: [{ name: 'title', ...definition }] }] },
  ];

  test.each<[string, object, object]>([
    ['Always', {}, {}],
    ['ObjectAddOnly', { apply: 'create' }, {}],
    ['ValueAddOnly', { nulls: 'keep' }, {}],
    ['Always', { required: true }, { required: true }],
    ['Always', { nulls: 'clear' }, { flowNullValues: true }],
  ])('follows from %s to %o, with the definition %o', (flowType, members, definition) => {
    const { row, notes } = importTitle({ source, flowType }, definitions(definition));
    expect(row).toEqual({ target: 'title', source: 'jobTitle', ...members });
    expect(notes).toEqual([]);
  });

  test.each(['AttributeAddOnly', 'MultiValueAddOnly', 'Sometimes'])(
    'is told of where it has no equal: %s',
    (flowType) => {
      expect(importTitle({ source, flowType }).notes).toEqual([expect.stringContaining(flowType)]);
    },
  );

  test('ranks matching attributes where their numbers do not fit', () => {
    const named = (targetAttributeName: string, matchingPriority: number) => ({
      targetAttributeName,
      source: attribute('mail'),
      matchingPriority,
    });
    const [userName, active] = standard;
    const attributeMappings = [
      { ...userName, matchingPriority: 40 },
      active,
      named('title', 7),
      named('externalId', 7),
    ];
    const { attributes: rows } = parse(importSchema(schemaOf({ attributeMappings })).attributes);
    const numbers = rows.map(({ target, matching }: { target: string; matching?: number }) => [target, matching]);
    expect(numbers).toEqual([
      ['userName', 3],
      ['active', undefined],
      ['title', 1],
      ['externalId', 2],
    ]);
  });

  test('is mended where leavers would keep their access, or nobody could be found', () => {
    const attributeMappings = [
      { targetAttributeName: 'active', source: attribute('accountEnabled') },
      { targetAttributeName: 'userName', source: attribute('mail') },
    ];
    const { attributes, notes } = importSchema(schemaOf({ attributeMappings }));
    expect(parse(attributes).attributes).toEqual([
      { target: 'active', source: 'not IsSoftDeleted' },
      { target: 'userName', source: 'mail', matching: 1 },
    ]);
    expect(notes).toHaveLength(2);
    expect(parse(importSchema(schemaOf({ attributeMappings: [] })).attributes).attributes).toEqual([
      { target: 'userName', source: 'userPrincipalName', matching: 1 },
      { target: 'active', source: 'not IsSoftDeleted' },
    ]);
  });
});

describe('the mapping that is carried over', () => {
  const wrong = { sourceObjectName: 'User', targetObjectName: 'User', name: 'Other', attributeMappings: [] };

  test('is the one from Entra users to users of the app, whatever the app calls them', () => {
    const scim = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
    const { attributes } = importSchema(
      schemaOf({ targetObjectName: scim }, { rule: { targetDirectoryName: 'customappsso' } }),
    );
    expect(parse(attributes).attributes).toHaveLength(2);
  });

  test('is one that is switched on; the other is told of', () => {
    const { attributes, notes } = importSchema(schemaOf({}, { others: [{ ...wrong, enabled: false }] }));
    expect(parse(attributes).attributes).toHaveLength(2);
    expect(notes).toEqual([expect.stringContaining('"Other" (User → User), switched off, is left out')]);
  });

  test('cannot be one into Entra, or of groups', () => {
    const inbound = schemaOf(
      {},
      { rule: { sourceDirectoryName: 'Workday', targetDirectoryName: 'Azure Active Directory' } },
    );
    expect(() => importSchema(inbound)).toThrow('maps no users from Entra to an app (object mappings: User → User)');
    expect(() => importSchema(schemaOf({ sourceObjectName: 'Group' }))).toThrow('Group → User');
  });
});

test('whatever is no schema is refused, with every problem and its place', () => {
  expect(() => importSchema([])).toThrow('the file: ');
  expect(() => importSchema({ value: [] })).toThrow('synchronizationRules: ');
  const broken = schemaOf({
    attributeMappings: [{ source: 7 }, { targetAttributeName: 'title', source: { parameters: 'x' } }],
  });
  const places = ['[0].targetAttributeName', '[0].source', '[1].source.parameters'];
  for (const place of places)
    expect(() => importSchema(broken)).toThrow(`objectMappings[0].attributeMappings${place}: `);
});

describe('scoping filters', () => {
  const clause = (sourceOperandName: string, operatorName: string, ...values: string[]) => ({
    sourceOperandName,
    operatorName,
    targetOperand: { values },
  });
  const importGroups = (...groups: object[]) => {
    const { filters, notes } = importSchema(schemaOf({ scope: { groups } }));
    parseScopingFilters(filters, 'scoping-filters.yaml');
    return { filters: parse(filters).filters, text: filters, notes };
  };

  test.each([
    ['GREATER_THAN', 'Greater_Than'],
    ['greater than or equals', 'Greater_Than_OR_EQUALS'],
    ['Not Equals', 'NOT EQUALS'],
  ])('know %s as %s', (spelling, operator) => {
    const { filters, notes } = importGroups({ name: 'A', clauses: [clause('employeeId', spelling, '7')] });
    expect(filters).toEqual([{ title: 'A', clauses: [{ attribute: 'employeeId', operator, value: '7' }] }]);
    expect(notes).toEqual([]);
  });

  test('have titles of their own, and no clause twice', () => {
    const same = clause('city', 'EQUALS', 'Oslo');
    const { filters } = importGroups(
      { name: 'A', clauses: [same, same] },
      { name: 'A', clauses: [same] },
      { clauses: [same] },
    );
    expect(filters.map(({ title }: { title: string }) => title)).toEqual(['A', 'A (2)', 'Filter 3']);
    expect(filters[0].clauses).toHaveLength(1);
  });

  test('are left out whole where a clause has no equal, and stand in the file as a comment', () => {
    const { filters, text, notes } = importGroups(
      { name: 'A', clauses: [clause('city', 'EQUALS', 'Oslo'), clause('cty', 'EQUALS', 'Oslo')] },
      { name: 'B', clauses: [clause('city', 'EQUALS', 'Bergen')] },
    );
    expect(filters.map(({ title }: { title: string }) => title)).toEqual(['B']);
    expect(text).toContain('# - title: A\n#   clauses:\n#     - attribute: city');
    expect(notes).toEqual([expect.stringContaining('"cty" is no attribute of an Entra user; did you mean city?')]);
  });

  test('let nobody in when none of them could be carried over, rather than everybody', () => {
    const { filters, notes } = importGroups({ name: 'A', clauses: [clause('city', 'REGEX MATCH', '(?<!x)y')] });
    expect(filters).toEqual([
      { title: expect.stringMatching(/^Nobody/), clauses: [{ attribute: 'id', operator: 'IS NULL' }] },
    ]);
    expect(notes).toEqual([
      expect.stringContaining('cannot look ahead or behind'),
      expect.stringContaining('nobody in'),
    ]);
  });
});
