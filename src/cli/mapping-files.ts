/** The files of the `mapping` commands. */
import { relative } from 'node:path';
import { configFile } from '../config-file.ts';
import { errorJson, SyncError } from '../errors.ts';
import type { AttributeTable } from '../mapping/attribute-table.ts';
import { loadAttributeTable } from '../mapping/load-attribute-table.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
import { loadScopingFilters } from '../scope/load-scoping-filters.ts';
import { type CommandOptions, cannotRun, printJson, report } from './command.ts';

/** The table and the filters that are in use, and where they stand. */
export interface MappingInUse {
  readonly table: AttributeTable;
  readonly filters: ScopingFilters;
  readonly tablePath: string;
  readonly filtersPath: string;
}

/** Throws SyncError Misconfigured where one of them does not check. */
export async function mappingInUse(): Promise<MappingInUse> {
  const [tablePath, filtersPath] = [configFile('attributes.yaml'), configFile('scoping-filters.yaml')];
  const table = await loadAttributeTable(tablePath);
  return { table, filters: await loadScopingFilters(filtersPath), tablePath, filtersPath };
}

/** A path as a person types it: from the current folder, unless that leads out of it. */
export function shownPath(path: string): string {
  const near = relative(process.cwd(), path);
  return near === '' || near.startsWith('..') ? path : near;
}

/** Prints what is wrong with a file, which says itself what to do; anything else as every command does. The exit status. */
export function reportFile(thrown: unknown, options: CommandOptions): number {
  if (!(thrown instanceof SyncError) || thrown.code !== 'Misconfigured') {
    report(thrown, options);
    return cannotRun;
  }
  process.stderr.write(`${thrown.message}\n`);
  if (options.json) printJson({ error: errorJson(thrown) });
  return cannotRun;
}
