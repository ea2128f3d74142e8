import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { SyncError } from '../../src/errors.ts';
import {
  type AttributeTable,
  attributesRead,
  fingerprint,
  matchingAttributes,
  parseAttributeTable,
} from '../../src/mapping/attribute-table.ts';
import { loadAttributeTable } from '../../src/mapping/load-attribute-table.ts';
import { attributePaths } from '../../src/mapping/maptician-user.ts';
import { selectionOf } from '../../src/mapping/source-schema.ts';

const graphProperties = (table: AttributeTable) => selectionOf(attributesRead(table)).properties;

const shippedPath = fileURLToPath(new URL('../../config/attributes.yaml', import.meta.url));
const soundRows = [
  '- target: userName\n  source: userPrincipalName\n  matching: 1',
  '- target: active\n  source: not IsSoftDeleted',
];

const refusedTables = z
  .array(
    z.strictObject({
      name: z.string(),
      rows: z.union([z.string(), z.number()]),
      alone: z.boolean().default(false),
      problems: z.array(z.string()),
    }),
  )
  .parse(parse(readFileSync(new URL('refused-tables.yaml', import.meta.url), 'utf8')));

function tableText(rows: readonly string[]): string {
  const indented = rows.join('\n').replaceAll(/^/gm, '  ');
  return `attributes:\n${indented}\n`;
}

function problemsOf(text: string): string[] {
  try {
    parseAttributeTable(text, 'table.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(SyncError);
    expect(error).toHaveProperty('code', 'Misconfigured');
    const [first, ...problems] = (error as SyncError).message.split('\n');
    expect(first).toMatch(/^The attribute table table\.yaml has (one problem|\d+ problems):$/);
    return problems.map((problem) => problem.trim());
  }
  return [];
}

describe('the shipped attribute table', () => {
  test('maps all fifteen attributes of Maptician', async () => {
    const table = await loadAttributeTable(shippedPath);
    expect(table.mappings.map((mapping) => mapping.target).sort()).toEqual([...attributePaths].sort());
  });

  test('selects each Graph property once, and those the service needs first', async () => {
    expect(graphProperties(await loadAttributeTable(shippedPath))).toEqual([
      'id',
      'userPrincipalName',
      'accountEnabled',
      'businessPhones',
      'city',
      'companyName',
      'department',
      'employeeId',
      'givenName',
      'jobTitle',
      'mail',
      'mobilePhone',
      'state',
      'surname',
      'userType',
    ]);
  });
});

describe('an attribute table is refused, with every problem and its row, for', () => {
  test.each(refusedTables)('$name', ({ rows, alone, problems }) => {
    expect(problemsOf(tableText([String(rows).trimEnd(), ...(alone ? [] : soundRows)]))).toEqual(problems);
  });

  test('text that is no YAML', () => {
    expect(problemsOf('attributes: [')).not.toEqual([]);
  });

  test('an empty file', () => {
    expect(problemsOf('# nothing\n')).toEqual(['must begin with "attributes:" and a list of rows']);
  });

  test('an unknown key beside the rows', () => {
    expect(problemsOf(`${tableText(soundRows)}filters: []\n`)).toEqual(['Unrecognized key: "filters"']);
  });

  test('a path where no file is', async () => {
    await expect(loadAttributeTable('/nowhere/attributes.yaml')).rejects.toMatchObject({
      code: 'Misconfigured',
      message: expect.stringContaining('The attribute table /nowhere/attributes.yaml cannot be read'),
    });
  });
});

describe('a small table', () => {
  test('selects what is needed whatever it maps, and no computed property', () => {
    const table = parseAttributeTable(tableText(soundRows), 'table.yaml');
    expect(graphProperties(table)).toEqual(['id', 'userPrincipalName', 'accountEnabled']);
  });

  test('selects a property that two rows read once, in an order that does not depend on the rows', () => {
    const rows = [
      '- {target: title, source: department}',
      '- {target: userType, source: originalUserPrincipalName}',
      '- {target: externalId, source: mail}',
      '- {target: name.givenName, source: department}',
      ...soundRows,
    ];
    const selected = ['id', 'userPrincipalName', 'accountEnabled', 'department', 'mail'];
    expect(graphProperties(parseAttributeTable(tableText(rows), 'a'))).toEqual(selected);
    expect(graphProperties(parseAttributeTable(tableText(rows.toReversed()), 'a'))).toEqual(selected);
  });
});

describe('a table with richer rows', () => {
  const read = (...rows: string[]) => parseAttributeTable(tableText([...rows, ...soundRows]), 'table.yaml');

  test('selects what its expressions read, by Graph’s names', () => {
    const table = read(
      `- {target: title, expression: 'Join(" ", [extensionAttribute3], [mobile], [telephoneNumber])'}`,
      '- {target: userType, source: extension_0123456789abcdef0123456789abcdef_badge}',
    );
    expect(graphProperties(table).slice(3)).toEqual([
      'businessPhones',
      'onPremisesExtensionAttributes',
      'mobilePhone',
      'extension_0123456789abcdef0123456789abcdef_badge',
    ]);
  });

  test('tries its matching attributes in the order of their numbers', () => {
    const table = parseAttributeTable(
      tableText([
        '- {target: userName, source: userPrincipalName, matching: 7}',
        '- {target: title, source: jobTitle, matching: 9}',
        '- {target: externalId, source: id, matching: 2}',
        soundRows[1] ?? '',
      ]),
      'table.yaml',
    );
    expect(matchingAttributes(table)).toEqual(['externalId', 'userName', 'title']);
  });

  test('may say what is done to accounts, and says everything by default', () => {
    expect(read().actions).toEqual({ create: true, update: true, delete: true });
    const text = `${tableText(soundRows)}actions: { delete: false }\n`;
    expect(parseAttributeTable(text, 'a').actions).toEqual({ create: true, update: true, delete: false });
    expect(problemsOf(`${tableText(soundRows)}actions: { remove: false, create: "no" }\n`)).toEqual([
      'actions.create must be true or false',
      'actions Unrecognized key: "remove"',
    ]);
  });

  test('may have an active that is worked out, as long as leavers lose their access', () => {
    const rows = [
      soundRows[0] ?? '',
      `- target: active\n  expression: 'IIF([IsSoftDeleted] = "True" OR [employeeType] = "Contractor", "False", "True")'`,
    ];
    expect(parseAttributeTable(tableText(rows), 'a').mappings).toHaveLength(2);
  });
});

describe('the fingerprint', () => {
  const base = [...soundRows, '- {target: title, source: jobTitle}'];
  const of = (rows: readonly string[]) => fingerprint(parseAttributeTable(tableText(rows), 'a'));

  test('does not change with the order of rows or with comments', () => {
    expect(of(base.toReversed())).toBe(of(base));
    expect(of(['# a comment', ...base])).toBe(of(base));
  });

  test.each([
    ['another source', '- {target: title, source: department}'],
    ['a default', '- {target: title, source: jobTitle, default: none}'],
    ['a constant of the same text', '- {target: title, constant: jobTitle}'],
    ['another target', '- {target: userType, source: jobTitle}'],
    ['an expression', '- {target: title, expression: "ToUpper([jobTitle])"}'],
    ['apply', '- {target: title, source: jobTitle, apply: create}'],
    ['nulls', '- {target: title, source: jobTitle, nulls: keep}'],
    ['required', '- {target: title, source: jobTitle, required: true}'],
    ['matching', '- {target: title, source: jobTitle, matching: 2}'],
  ])('changes with %s', (_, row) => {
    expect(of([...soundRows, row])).not.toBe(of(base));
  });

  test('does not change with the spelling of an expression or with numbers that keep their order', () => {
    const titled = (row: string) => of([...soundRows, `- {target: title, ${row}}`]);
    expect(titled(`expression: 'ToUpper( [jobTitle] ,  )'`)).toBe(titled(`expression: 'ToUpper([jobTitle], )'`));
    expect(titled('source: jobTitle, matching: 2')).toBe(titled('source: jobTitle, matching: 9'));
  });

  test('changes with the actions, and not with those that are the default', () => {
    const acting = (actions: string) =>
      fingerprint(parseAttributeTable(`${tableText(base)}actions: ${actions}\n`, 'a'));
    expect(acting('{ create: true }')).toBe(of(base));
    expect(new Set(['{}', '{create: false}', '{update: false}', '{delete: false}'].map(acting)).size).toBe(4);
  });

  test('changes when a row is removed', () => {
    expect(of(soundRows)).not.toBe(of(base));
  });

  test('changes between a guest name and the raw name, and between items of a collection', () => {
    const rows = ['userPrincipalName', 'originalUserPrincipalName', 'businessPhones[0]', 'businessPhones[1]'];
    expect(new Set(rows.map((source) => of([...soundRows, `- {target: title, source: '${source}'}`]))).size).toBe(4);
  });
});
