import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { z } from 'zod';
import { SyncError } from '../../../src/errors.ts';
import { renderFilterSchema } from '../../../src/scope/filters/filter-file.ts';
import { parseScopingFilters } from '../../../src/scope/filters/parse-filters.ts';

const config = new URL('../../../config/', import.meta.url);
const shipped = readFileSync(new URL('scoping-filters.yaml', config), 'utf8');

const refused = z
  .array(z.strictObject({ name: z.string(), clause: z.unknown(), problems: z.array(z.string()) }))
  .parse(parse(readFileSync(new URL('refused-filters.yaml', import.meta.url), 'utf8')));

function problemsOf(text: string): string[] {
  try {
    parseScopingFilters(text, 'filters.yaml');
  } catch (error) {
    expect(error).toBeInstanceOf(SyncError);
    expect(error).toHaveProperty('code', 'Misconfigured');
    const [first, ...problems] = (error as SyncError).message.split('\n');
    expect(first).toMatch(/^The scoping filters filters\.yaml have (one problem|\d+ problems):$/);
    return problems.map((problem) => problem.trim());
  }
  return [];
}

const warningsOf = (...clauses: unknown[]) =>
  parseScopingFilters(stringify({ filters: [{ title: 'F', clauses }] }), 'filters.yaml').warnings;

describe('the shipped file', () => {
  test('lets everyone in and deactivates whoever leaves the scope', () => {
    expect(parseScopingFilters(shipped, 'filters.yaml')).toEqual({
      filters: [],
      skipOutOfScopeDeletions: false,
      warnings: [],
    });
  });

  test('has an example in its comments that can be used as it is', () => {
    const [, example = ''] = shipped.split('# Example:\n#\n');
    const text = example.slice(0, example.indexOf('\nfilters: []')).replaceAll(/^# ?/gm, '');
    const { filters, warnings } = parseScopingFilters(text, 'filters.yaml');
    expect(filters.map(({ title, clauses }) => [title, clauses.length])).toEqual([
      ['Engineers in New York', 4],
      ['Starting within two weeks', 2],
    ]);
    expect(warnings).toEqual([]);
  });

  test('points to a JSON schema that is up to date', async () => {
    expect(shipped).toContain('$schema=schemas/scoping-filters.schema.json');
    await expect(renderFilterSchema()).toMatchFileSnapshot('../../../config/schemas/scoping-filters.schema.json');
  });
});

describe('a clause is refused, with its line and what to do, for', () => {
  test.each(refused)('$name', ({ clause, problems }) => {
    const text = `filters:\n  - title: F\n    clauses:\n      - ${JSON.stringify(clause)}\n`;
    expect(problemsOf(text)).toEqual(problems.map((problem) => `line 4, "F" clause 1: ${problem}`));
  });
});

describe('filters are refused', () => {
  test('with every problem at once, from the top to the end', () => {
    const text = [
      'filters:',
      '  - title: Sales',
      '    clauses:',
      '      - {attribute: departement, operator: EQUALS, value: Sales}',
      '      - attribute: employeeId',
      '        operator: Greater_Then',
      '        value: 5',
      '      - {attribute: city, operator: IS TRUE}',
      '  - clauses: []',
      '  - title: Sales',
      '    clauses:',
      '      - {attribute: city, operator: EQUALS, value: Bern}',
      '      - {attribute: city, operator: EQUALS, value: Bern}',
      'skipOutOfScopeDeletions: maybe',
    ].join('\n');
    expect(problemsOf(text)).toEqual([
      'line 4, "Sales" clause 1: attribute "departement" is no attribute of an Entra user; did you mean department?',
      'line 6, "Sales" clause 2: operator "Greater_Then" is unknown; did you mean Greater_Than?',
      'line 8, "Sales" clause 3: IS TRUE does not fit city, which is a String; use EQUALS, NOT EQUALS, Includes or another for text',
      'line 9, filter 2: a filter needs a title',
      'line 9, filter 2: a filter without clauses would let everyone in; add one, or remove the filter',
      'line 10, "Sales": another filter has this title; give each its own',
      'line 13, "Sales" clause 2: the clause stands twice in this filter; remove one of them',
      'line 14: skipOutOfScopeDeletions must be true or false',
    ]);
  });

  test.each([
    ['an empty file, which could be an accident', '# nothing\n'],
    ['no list', 'filters:\n'],
    ['another file', '- target: userName\n'],
  ])('for %s', (_, text) => {
    expect(problemsOf(text)).toEqual(['line 1: must have "filters:" and a list; for none, write "filters: []"']);
  });

  test('for text that is no YAML, and for an alias without an anchor', () => {
    expect(problemsOf('filters: [')).not.toEqual([]);
    expect(problemsOf('filters: *none')).not.toEqual([]);
  });
});

describe('a warning is given for', () => {
  const pattern = (operator: string, value: string) => warningsOf({ attribute: 'mail', operator, value });

  test.each([
    ['REGEX MATCH', '.*\\@domain.com'],
    ['NOT REGEX MATCH', 'test'],
    ['REGEX MATCH', 'costs \\$'],
  ])('%s of the unanchored pattern %s', (operator, value) => {
    expect(pattern(operator, value)).toEqual([
      `line 4, "F" clause 1: the pattern matches anywhere in the value; for the whole value write ^(?:${value})$`,
    ]);
  });

  test('anchors of which each belongs to one alternative', () => {
    expect(pattern('REGEX MATCH', '^a|b$')).toEqual([
      'line 4, "F" clause 1: "|" divides the whole pattern, so ^ and $ belong to one side of it each; for the whole value write ^(?:a|b)$',
    ]);
  });

  test.each(['^a', 'a$', '^(?:a|b)$', '\\Aa\\z', '(?i)^a$', '^[|]\\|$'])('no pattern such as %s', (value) => {
    expect(pattern('REGEX MATCH', value)).toEqual([]);
  });

  test('a multi-valued attribute of which silently all values must match', () => {
    const clause = { attribute: 'otherMails', operator: 'ENDS_WITH', value: '@contoso.example' };
    expect(warningsOf(clause)).toEqual([
      'line 4, "F" clause 1: all values of otherMails must satisfy this; if one is enough, add "multivalued: any"',
    ]);
    expect(warningsOf({ ...clause, multivalued: 'all' })).toEqual([]);
  });

  test('an operator that is easily read the wrong way round', () => {
    expect(warningsOf({ attribute: 'city', operator: '&', value: 'Bern' })).toEqual([
      `line 4, "F" clause 1: & asks whether the attribute's value is a part of the text; to ask the reverse, use Includes`,
    ]);
  });
});
