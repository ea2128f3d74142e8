/** The folder of package.json, from the sources as well as from `dist/`. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

function find(folder: string): string {
  return existsSync(join(folder, 'package.json')) || folder === dirname(folder) ? folder : find(dirname(folder));
}

export const packageRoot = find(import.meta.dirname);
