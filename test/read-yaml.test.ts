/** YAML: what is wrong with it is told with its line, and what is long is read in a time that grows with its length. */
import { describe, expect, it } from 'vitest';
import { parseAttributeTable } from '../src/mapping/attribute-table.ts';
import { readYaml } from '../src/read-yaml.ts';
import { parseScopingFilters } from '../src/scope/filters/parse-filters.ts';

describe('what is wrong', () => {
  const problems = (text: string) => {
    const read = readYaml(text);
    return 'problems' in read ? read.problems : [];
  };

  it.each([
    ['a: 1\nb: 2\na: 3\n', ['Map keys must be unique at line 3, column 1:\n\nb: 2\na: 3\n^']],
    [
      'x: [{ a, b: 1, "a": 2 }]',
      ['Map keys must be unique at line 1, column 16:\n\nx: [{ a, b: 1, "a": 2 }]\n               ^'],
    ],
    ['? [a]\n: 1\n? [a]\n: 2\n', []],
    ['a: *b\n', ['Unresolved alias (the anchor must be set before the alias): b']],
  ])('of %j', (text, expected) => {
    expect(problems(text)).toEqual(expected);
  });

  it('is told from the top to the end, and not without end', () => {
    expect(problems('a: 1\na: 2\nb: "\\q"\nc: 1\nc: 2\n').map((problem) => /line \d+/.exec(problem)?.[0])).toEqual([
      'line 2',
      'line 3',
      'line 5',
    ]);
    const many = problems(`{${'a,'.repeat(1000)}}`);
    expect(many).toHaveLength(21);
    expect(many.at(-1)).toBe('and 979 problems more');
  });
});

describe('a text that is meant to hold up the service', () => {
  const length = 100_000;
  const list = (item: string) => Array(Math.floor(length / (item.length + 1))).fill(item);
  const keys = Array.from({ length: 60_000 }, (_, index) => `k${index}`);
  // Each took from half a minute to several, twice, where keys were compared with each other, or excerpts cut for each error.
  it.each([
    ['keys', `{${keys.join(',')}}`],
    ['the same key', `{${list('a').join(',')}}`],
    ['brackets', '}'.repeat(length)],
    ['commas', `[${','.repeat(length)}]`],
    ['filters', `filters: [${list('a').join(',')}]`],
  ])('of many %s is read at once', (_, text) => {
    const start = performance.now();
    expect(() => parseAttributeTable(text, 'attributes.yaml')).toThrow('problem');
    expect(() => parseScopingFilters(text, 'scoping-filters.yaml')).toThrow('problem');
    expect(performance.now() - start).toBeLessThan(20_000);
  });
});
