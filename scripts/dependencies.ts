/** What may be depended on, and whether docs/dependencies.md says so; pure. */
import { z } from 'zod';

export const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

/** package-lock.json, as npm has written it since version 7 (https://docs.npmjs.com/cli/configuring-npm/package-lock-json). */
export const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      dev: z.boolean().optional(),
      integrity: z.string().optional(),
    }),
  ),
});

type Manifest = z.infer<typeof manifestSchema>;
type Lock = z.infer<typeof lockSchema>;

/** SPDX ids of licences that ask for no more than to be named along (https://spdx.org/licenses/). */
const permissive = ['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'];
/** Of tools, which nobody is given. */
const forTools = [...permissive, 'Unlicense', 'MPL-2.0'];

/** One sentence a package whose licence is not among those allowed, or whose contents the lock does not pin. */
export function lockProblems({ packages }: Lock): string[] {
  return Object.entries(packages).flatMap(([path, { version, license, dev, integrity }]) => {
    if (path === '') return [];
    const name = `${path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length)} ${version ?? ''}`;
    const problems = [];
    if (license === undefined) problems.push(`${name}: the lock file names no licence.`);
    else if (!isAllowed(license, dev ? forTools : permissive)) {
      problems.push(`${name}: the licence ${license} is not on the list for ${dev ? 'tools' : 'what is shipped'}.`);
    }
    if (integrity === undefined) problems.push(`${name}: the lock file has no hash of its contents.`);
    return problems;
  });
}

/** An id, or ids with OR or with AND between them; whatever is more than that wants somebody to read it. */
function isAllowed(expression: string, allowed: readonly string[]): boolean {
  const ids = expression.replace(/^\((.*)\)$/, '$1');
  const one = (id: string) => allowed.includes(id);
  return ids.includes(' OR ') ? ids.split(' OR ').some(one) : ids.split(' AND ').every(one);
}

/**
 * One sentence a direct dependency without a row in the tables of docs/dependencies.md, or with another licence than
 * there, and a row whose package is depended on no more. A row begins with the name and the licence; one ending in `*` stands for several.
 */
export function documentProblems(manifest: Manifest, lock: Lock, markdown: string): string[] {
  const rows = new Map(
    [...markdown.matchAll(/^\| `([^`]+)` \| ([^|]+) \|/gm)].map(([, name = '', licence = '']) => [
      name,
      licence.trim(),
    ]),
  );
  const direct = [manifest.dependencies, manifest.optionalDependencies, manifest.devDependencies].flatMap(Object.keys);
  const seen = new Set<string>();
  const missing = direct.flatMap((name) => {
    const row = rows.has(name) ? name : `${name.split('/', 1)[0]}/*`;
    seen.add(row);
    const licence = lock.packages[`node_modules/${name}`]?.license;
    if (!rows.has(row)) return [`${name}: docs/dependencies.md does not say why it is there.`];
    return rows.get(row) === licence ? [] : [`${name}: its licence is ${licence}, and not ${rows.get(row)}.`];
  });
  const left = [...rows.keys()].filter((name) => !seen.has(name));
  return [...missing, ...left.map((name) => `${name}: docs/dependencies.md has it, and package.json has not.`)];
}
