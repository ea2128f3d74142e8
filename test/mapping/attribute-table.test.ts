import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { SyncError } from '../../src/errors.ts';
import { fingerprint, graphProperties, parseAttributeTable } from '../../src/mapping/attribute-table.ts';
import { loadAttributeTable } from '../../src/mapping/load-attribute-table.ts';
import { attributePaths } from '../../src/mapping/maptician-user.ts';

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
      'mail',
      'givenName',
      'surname',
      'jobTitle',
      'userType',
      'city',
      'state',
      'businessPhones',
      'mobilePhone',
      'employeeId',
      'companyName',
      'department',
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
    const selected = ['id', 'userPrincipalName', 'accountEnabled', 'mail', 'department'];
    expect(graphProperties(parseAttributeTable(tableText(rows), 'a'))).toEqual(selected);
    expect(graphProperties(parseAttributeTable(tableText(rows.toReversed()), 'a'))).toEqual(selected);
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
  ])('changes with %s', (_, row) => {
    expect(of([...soundRows, row])).not.toBe(of(base));
  });

  test('changes when a row is removed', () => {
    expect(of(soundRows)).not.toBe(of(base));
  });

  test('changes between a guest name and the raw name, and between items of a collection', () => {
    const rows = ['userPrincipalName', 'originalUserPrincipalName', 'businessPhones[0]', 'businessPhones[1]'];
    expect(new Set(rows.map((source) => of([...soundRows, `- {target: title, source: '${source}'}`]))).size).toBe(4);
  });
});
