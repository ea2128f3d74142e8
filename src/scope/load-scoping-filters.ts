/** Reads config/scoping-filters.yaml; without the file there are no filters. */
import { readFile } from 'node:fs/promises';
import { SyncError, toError } from '../errors.ts';
import type { ScopingFilters } from './filters/model.ts';
import { parseScopingFilters } from './filters/parse-filters.ts';

/** Everyone who is assigned passes. */
export const noFilters: ScopingFilters = { filters: [], skipOutOfScopeDeletions: false, warnings: [] };

/** With `needed` the file must be there. Throws SyncError Misconfigured where the file is there and cannot be read or does not check. */
export async function loadScopingFilters(path: string, { needed = false } = {}): Promise<ScopingFilters> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    const cause = toError(thrown);
    if ('code' in cause && cause.code === 'ENOENT' && !needed) return noFilters;
    throw new SyncError('Misconfigured', `The scoping filters ${path} cannot be read: ${cause.message}`, { cause });
  }
  return parseScopingFilters(text, path);
}
