/** Where the files of `config/` are. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.ts';

/** A file of `config/`: the one in the current folder, else the one that comes with the package. */
export function configFile(name: string, folder = join(process.cwd(), 'config')): string {
  const local = join(folder, name);
  return existsSync(local) ? local : join(packageRoot, 'config', name);
}
