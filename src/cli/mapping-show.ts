/** `mapping show`: the attribute table and the scoping filters in use. */

import { describeFilters, mappingJson, rulesOf, sourceText } from '../mapping/describe-mapping.ts';
import { cell } from '../words.ts';
import { type CommandOptions, print, printJson } from './command.ts';
import { type MappingInUse, mappingInUse, reportFile, shownPath } from './mapping-files.ts';
import { renderTable } from './table.ts';

export async function showMapping(options: CommandOptions): Promise<number> {
  try {
    const found = await mappingInUse();
    if (options.json) {
      const { tablePath, filtersPath, ...mapping } = found;
      printJson({ files: { attributes: tablePath, filters: filtersPath }, ...mappingJson(mapping) });
    } else print(describeMapping(found));
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
