/** `mapping show`: the attribute table and the scoping filters in use. */

import type { MappingSource } from '../mapping/attribute-mapping.ts';
import { describeFilters, rulesOf, sourceText } from '../mapping/describe-mapping.ts';
import { cell } from '../words.ts';
import { type CommandOptions, print, printJson } from './command.ts';
import { type MappingInUse, mappingInUse, reportFile, shownPath } from './mapping-files.ts';
import { renderTable } from './table.ts';

export async function showMapping(options: CommandOptions): Promise<number> {
  try {
    const found = await mappingInUse();
    if (options.json) printJson(mappingJson(found));
    else print(describeMapping(found));
    return 0;
  } catch (thrown) {
    return reportFile(thrown, options);
  }
}

function describeMapping({ table, filters, tablePath, filtersPath }: MappingInUse): string {
  const rows = table.mappings.map((mapping) => [
    mapping.target,
    cell(sourceText(mapping.source)),
    rulesOf(mapping).join('; '),
  ]);
  const off = Object.entries(table.actions).flatMap(([action, on]) => (on ? [] : [action]));
  return [
    `Attribute table, ${shownPath(tablePath)}`,
    '',
    renderTable(['MAPTICIAN', 'ENTRA', 'RULES'], rows),
    ...(off.length === 0 ? [] : ['', `Switched off: ${off.join(', ')}.`]),
    '',
    `Scoping filters, ${shownPath(filtersPath)}`,
    '',
    ...describeFilters(filters),
  ].join('\n');
}

function mappingJson({ table, filters, tablePath, filtersPath }: MappingInUse) {
  return {
    files: { attributes: tablePath, filters: filtersPath },
    attributes: table.mappings.map(({ source, ...rules }) => ({ ...rules, ...sourceJson(source) })),
    actions: table.actions,
    filters: filters.filters.map(({ title, clauses }) => ({
      title,
      clauses: clauses.map(({ attribute, operator, values, comparison, label }) => ({
        attribute: attribute?.name ?? null,
        operator,
        values,
        multivalued: comparison,
        label,
      })),
    })),
    skipOutOfScopeDeletions: filters.skipOutOfScopeDeletions,
  };
}

function sourceJson(source: MappingSource) {
  if (source.from === 'constant') return { constant: source.value };
  if (source.from === 'expression') return { expression: source.expression.source };
  return source.from === 'none' ? {} : { source: sourceText(source) };
}
