import { expect, it } from 'vitest';
import { documentProblems, lockProblems, lockSchema, shippedRefs } from '../scripts/dependencies.ts';

const integrity = 'sha512-AA==';
const of = (version: string, more: Record<string, unknown> = {}) => ({ version, license: 'MIT', integrity, ...more });

/** Ships a, with its own b and an optional c; the tool t uses b as well, and is an optional peer of a. */
const lock = (changed: Record<string, unknown> = {}) =>
  lockSchema.parse({
    packages: {
      '': { dependencies: { a: '^1.0.0' }, devDependencies: { t: '^1.0.0' } },
      'node_modules/a': of('1.0.0', {
        dependencies: { b: '^1.0.0' },
        optionalDependencies: { c: '^1.0.0', elsewhere: '^1.0.0' },
        peerDependencies: { t: '*', p: '*' },
        peerDependenciesMeta: { t: { optional: true } },
      }),
      'node_modules/a/node_modules/b': of('1.0.0', { dependencies: { d: '^1.0.0' } }),
      'node_modules/b': of('2.0.0'),
      'node_modules/c': of('1.0.0'),
      'node_modules/d': of('1.0.0'),
      'node_modules/p': of('1.0.0'),
      'node_modules/t': of('1.0.0', { dependencies: { b: '^2.0.0' } }),
      ...changed,
    },
  });

it('what is shipped is what is reached from the dependencies, looked up as Node does, and no tool', () => {
  expect([...shippedRefs(lock())].sort()).toEqual(['a@1.0.0', 'b@1.0.0', 'c@1.0.0', 'd@1.0.0', 'p@1.0.0']);
});

it('a licence that is not on the list is found, however deep it is; tools may have two more', () => {
  expect(lockProblems(lock())).toEqual([]);
  expect(lockProblems(lock({ 'node_modules/d': of('1.0.0', { license: 'GPL-3.0-only' }) }))).toEqual([
    'd 1.0.0: the licence GPL-3.0-only is not on the list for what is shipped.',
  ]);
  const mozilla = { license: 'MPL-2.0' };
  expect(lockProblems(lock({ 'node_modules/t': of('1.0.0', mozilla) }))).toEqual([]);
  expect(lockProblems(lock({ 'node_modules/c': of('1.0.0', mozilla) }))).toHaveLength(1);
  expect(lockProblems(lock({ 'node_modules/c': { version: '1.0.0' } }))).toEqual([
    'c 1.0.0: the lock file names no licence.',
    'c 1.0.0: the lock file has no hash of its contents.',
  ]);
});

it.each([
  ['(MIT OR GPL-2.0-only)', true],
  ['MIT AND Apache-2.0', true],
  ['MIT AND GPL-2.0-only', false],
  ['MIT OR (ISC AND GPL-2.0-only)', true],
  ['Apache-2.0 WITH LLVM-exception', false],
  ['SEE LICENSE IN LICENSE', false],
])('of a licence with a choice one that is allowed is enough, of one with parts all must be: %s', (license, fits) => {
  expect(lockProblems(lock({ 'node_modules/c': of('1.0.0', { license }) })).length === 0).toBe(fits);
});

it('each direct dependency has its row in the document, and no other has', () => {
  const manifest = {
    dependencies: { a: '^1.0.0' },
    optionalDependencies: { '@many/x': '1', '@many/y': '1' },
    devDependencies: { t: '^1.0.0' },
  };
  const whole = lock({ 'node_modules/@many/x': of('1.0.0'), 'node_modules/@many/y': of('1.0.0') });
  const rows = '| `a` | MIT | why |\n| `@many/*` | MIT | why |\n';
  expect(documentProblems(manifest, whole, `${rows}| \`t\` | MIT | why |\n`)).toEqual([]);
  expect(documentProblems(manifest, whole, `${rows}| \`u\` | MIT | why |\n`)).toEqual([
    't: docs/dependencies.md does not say why it is there.',
    'u: docs/dependencies.md has it, and package.json has not.',
  ]);
  expect(documentProblems(manifest, whole, `${rows}| \`t\` | ISC | why |\n`)).toEqual([
    't: its licence is MIT, and not ISC.',
  ]);
});
