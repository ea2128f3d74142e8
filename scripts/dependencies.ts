/** What may be depended on, and whether docs/dependencies.md says so; pure. */
import { z } from 'zod';

export const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()),
  optionalDependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

const names = z.record(z.string(), z.string()).default({});

/** package-lock.json, as npm has written it since version 7 (https://docs.npmjs.com/cli/configuring-npm/package-lock-json). */
export const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      dependencies: names,
      optionalDependencies: names,
      peerDependencies: names,
      peerDependenciesMeta: z.record(z.string(), z.looseObject({ optional: z.boolean().optional() })).default({}),
      integrity: z.string().optional(),
    }),
  ),
});

type Manifest = z.infer<typeof manifestSchema>;
type Lock = z.infer<typeof lockSchema>;

/** Where a package stands in the lock file, or node_modules: `node_modules/a/node_modules/b`. */
type Place = string;

const folder = 'node_modules/';
const nameAt = (place: Place) => place.slice(place.lastIndexOf(folder) + folder.length);

/**
 * The packages that come with a release: whatever is reached from the dependencies, for any platform. npm's own marks do not
 * tell: a tool that something shipped names as an optional peer is not marked as one of development.
 */
function shippedPlaces({ packages }: Lock): ReadonlySet<Place> {
  const shipped = new Set<Place>();
  const waiting: Place[] = [''];
  for (let place = waiting.pop(); place !== undefined; place = waiting.pop()) {
    const entry = packages[place];
    if (entry === undefined) continue;
    const { dependencies, optionalDependencies, peerDependencies, peerDependenciesMeta } = entry;
    const peers = Object.keys(peerDependencies).filter((name) => peerDependenciesMeta[name]?.optional !== true);
    for (const name of [...Object.keys(dependencies), ...Object.keys(optionalDependencies), ...peers]) {
      const found = lookUp(packages, place, name);
      if (found === undefined || shipped.has(found)) continue;
      shipped.add(found);
      waiting.push(found);
    }
  }
  return shipped;
}

/** As Node looks a package up: beside whoever asks for it, and then further and further up. */
function lookUp(packages: Lock['packages'], from: Place, name: string): Place | undefined {
  const place = `${from === '' ? '' : `${from}/`}${folder}${name}`;
  if (packages[place] !== undefined || from === '') return packages[place] === undefined ? undefined : place;
  return lookUp(packages, from.slice(0, Math.max(from.lastIndexOf(`/${folder}`), 0)), name);
}

/** `name@version` of each, as a bill of materials refers to them. */
export function shippedRefs(lock: Lock): ReadonlySet<string> {
  return new Set([...shippedPlaces(lock)].map((place) => `${nameAt(place)}@${lock.packages[place]?.version}`));
}

/** SPDX ids of licences that ask for no more than to be named along (https://spdx.org/licenses/). */
const permissive = ['MIT', 'MIT-0', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0'];
/** Of tools, which nobody is given. */
const forTools = [...permissive, 'Unlicense', 'MPL-2.0'];

/** One sentence a package whose licence is not among those allowed, or whose contents the lock does not pin. */
export function lockProblems(lock: Lock): string[] {
  const shipped = shippedPlaces(lock);
  return Object.entries(lock.packages).flatMap(([place, { version, license, integrity }]) => {
    if (place === '') return [];
    const name = `${nameAt(place)} ${version ?? ''}`;
    const goesOut = shipped.has(place);
    const problems = [];
    if (license === undefined) problems.push(`${name}: the lock file names no licence.`);
    else if (!isAllowed(license, goesOut ? permissive : forTools)) {
      problems.push(`${name}: the licence ${license} is not on the list for ${goesOut ? 'what is shipped' : 'tools'}.`);
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
