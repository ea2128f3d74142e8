/** The folder of package.json, from the sources as well as from `dist/`. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';

function find(folder: string): string {
  return existsSync(join(folder, 'package.json')) || folder === dirname(folder) ? folder : find(dirname(folder));
}

export const packageRoot = find(import.meta.dirname);

const manifest = z.object({ version: z.string() });

/** The version of this package. */
export function packageVersion(): string {
  return manifest.parse(JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8'))).version;
}
