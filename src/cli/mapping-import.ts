/** `mapping import`: Microsoft's synchronization schema as the two files of `config/`. */
import { constants } from 'node:fs';
import { copyFile, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SyncError, toError } from '../errors.ts';
import { type ImportedSchema, importSchema } from '../mapping/schema-json/import-schema.ts';
import { print } from './command.ts';
import { reportFile, shownPath } from './mapping-files.ts';

export async function importMapping(file: string, options: { readonly write?: boolean }): Promise<number> {
  try {
    const imported = importSchema(await readJson(file));
    const folder = join(process.cwd(), 'config');
    const files = [
      { path: join(folder, 'attributes.yaml'), text: imported.attributes },
      { path: join(folder, 'scoping-filters.yaml'), text: imported.filters },
    ];
    if (options.write === true) {
      await mkdir(folder, { recursive: true });
      for (const { path, text } of files) print(await save(path, text));
    } else for (const { path, text } of files) print(`# ---------- ${shownPath(path)} ----------\n${text}`);
    print(describeNotes(imported, options.write === true));
    return 0;
  } catch (thrown) {
    return reportFile(thrown, {});
  }
}

async function readJson(file: string): Promise<unknown> {
  try {
    // Windows' editors put a byte order mark in front.
    return JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, ''));
  } catch (thrown) {
    const cause = toError(thrown);
    // The parser quotes what it read.
    if (cause instanceof SyntaxError)
      throw new SyncError('Misconfigured', `${file} is not JSON: download the schema from Entra once more`);
    throw new SyncError('Misconfigured', `The synchronization schema ${file} cannot be read: ${cause.message}`, {
      cause,
    });
  }
}

/** What was there is kept beside, and a reader sees the old file or the new one, never half of one. */
async function save(path: string, text: string): Promise<string> {
  const old = await readFile(path, 'utf8').catch(() => undefined);
  if (old === text) return `${shownPath(path)} is the same already.`;
  const backup = old === undefined ? undefined : await keepBeside(path);
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
  return `${shownPath(path)} is written${backup === undefined ? '' : `, the old one is ${shownPath(backup)}`}.`;
}

async function keepBeside(path: string): Promise<string> {
  for (let number = 1; ; number += 1) {
    const backup = number === 1 ? `${path}.bak` : `${path}.${number}.bak`;
    try {
      await copyFile(path, backup, constants.COPYFILE_EXCL);
      return backup;
    } catch (thrown) {
      const error = toError(thrown);
      if (!('code' in error) || error.code !== 'EEXIST') throw error;
    }
  }
}

function describeNotes({ notes }: ImportedSchema, written: boolean): string {
  const next = written
    ? 'Look at what it would change with "maptician-sync mapping preview", or with "maptician-sync plan".'
    : 'Nothing is saved; --write saves both files.';
  const list = notes.map((note) => `- ${note.replaceAll('\n', '\n  ')}`);
  return [...(notes.length === 0 ? ['Everything was carried over.'] : ['To look at:', ...list]), '', next].join('\n');
}
