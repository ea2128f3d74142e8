/** Fails where a package's licence is not allowed, or a direct dependency not accounted for. Part of `npm run check`. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../src/package-root.ts';
import { documentProblems, lockProblems, lockSchema, manifestSchema } from './dependencies.ts';

const read = (file: string) => readFileSync(join(packageRoot, file), 'utf8');
const lock = lockSchema.parse(JSON.parse(read('package-lock.json')));
const manifest = manifestSchema.parse(JSON.parse(read('package.json')));
const problems = [...lockProblems(lock), ...documentProblems(manifest, lock, read('docs/dependencies.md'))];

for (const problem of problems) process.stderr.write(`${problem}\n`);
if (problems.length > 0) {
  process.stderr.write('What is allowed, and why: scripts/dependencies.ts, docs/dependencies.md\n');
  process.exitCode = 1;
}
