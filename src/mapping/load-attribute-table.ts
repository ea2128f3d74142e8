/** The one file of `mapping/` that does I/O. */
import { readFile } from 'node:fs/promises';
import { SyncError, toError } from '../errors.ts';
import { type AttributeTable, parseAttributeTable } from './attribute-table.ts';

/** Reads the attribute table at a path. Throws SyncError Misconfigured where it cannot be read or does not check. */
export async function loadAttributeTable(path: string): Promise<AttributeTable> {
  const text = await readFile(path, 'utf8').catch((thrown: unknown) => {
    const cause = toError(thrown);
    throw new SyncError('Misconfigured', `The attribute table ${path} cannot be read: ${cause.message}`, { cause });
  });
  return parseAttributeTable(text, path);
}
