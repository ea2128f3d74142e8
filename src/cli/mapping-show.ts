/** `mapping show`: the attribute table and the scoping filters in use. */

import type { AttributeMapping, MappingSource } from '../mapping/attribute-mapping.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
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

/** What a source is, in the words of the table. */
function sourceText(source: MappingSource): string {
  switch (source.from) {
    case 'attribute': {
      const index = source.index === undefined ? '' : `[${source.index}]`;
      return `${source.invert ? 'not ' : ''}${source.attribute.name}${index}`;
    }
    case 'constant':
      return JSON.stringify(source.value);
    case 'expression':
      return source.expression.source.trim();
    case 'none':
      return '(nothing; fills an empty attribute)';
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

function rulesOf({ default: fallback, matching, apply, nulls, required }: AttributeMapping): string[] {
  return [
    ...(matching === undefined ? [] : [`matched by, number ${matching}`]),
    ...(apply === 'create' ? ['at creation only'] : []),
    ...(fallback === undefined ? [] : [`default ${JSON.stringify(fallback)}`]),
    ...(required ? ['required'] : []),
    ...(nulls === 'clear' ? ['cleared when empty'] : nulls === 'keep' ? ['kept when empty'] : []),
  ];
}

function describeFilters({ filters, skipOutOfScopeDeletions }: ScopingFilters): string[] {
  const lines = filters.flatMap(({ title, clauses }, index) => [
    `${index === 0 ? '' : 'or '}${title}`,
    ...clauses.map(({ label }, at) => `  ${at === 0 ? '' : 'and '}${label.slice(title.length + 1)}`),
  ]);
  return [
    ...(lines.length === 0 ? ['None: whoever is assigned is in scope.'] : lines),
    ...(skipOutOfScopeDeletions ? ['', 'Whoever falls out of scope keeps the account as it is.'] : []),
  ];
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
