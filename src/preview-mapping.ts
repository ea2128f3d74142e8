/** What another attribute table or other scoping filters would do, before they are in use. */
import { type Preview, previewMirror } from './cycle/preview.ts';
import { type AttributeTable, attributesRead } from './mapping/attribute-table.ts';
import { selectionOf } from './mapping/source-schema.ts';
import { sourceAttributes } from './scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from './scope/filters/model.ts';
import type { Service } from './service.ts';

/** What is tried; what is not given is as it is in use. */
export interface Trial {
  readonly table?: AttributeTable | undefined;
  readonly filters?: ScopingFilters | undefined;
}

/** Goes through the whole mirror; Graph and Maptician are not asked. Rejects with the reason of the signal once that is aborted. */
export async function previewMapping(
  service: Service,
  { table, filters }: Trial,
  signal?: AbortSignal,
): Promise<Preview> {
  const { database, rules, guard } = service;
  const tried = filters ?? service.filters;
  const isTrial = table !== undefined || filters !== undefined;
  // Files in use may have been changed since the last cycle, and then say nothing about what it has read.
  const inUse = isTrial ? [...attributesRead(service.table), ...sourceAttributes(service.filters)] : [];
  const { properties, manager } = selectionOf(inUse);
  const input = {
    rules: { ...rules, table: table ?? service.table, skipOutOfScope: tried.skipOutOfScopeDeletions },
    filters: tried,
    guard,
    mirrored: isTrial ? [...properties, ...(manager ? ['manager'] : [])] : [],
  };
  return previewMirror(database.pool, input, signal);
}
