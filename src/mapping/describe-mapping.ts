/** An attribute table and scoping filters in words. Pure. */
import type { ScopingFilters } from '../scope/filters/model.ts';
import type { AttributeMapping, MappingSource } from './attribute-mapping.ts';
import type { AttributeTable } from './attribute-table.ts';

/** What a source is, in the words of the table. */
export function sourceText(source: MappingSource): string {
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

/** What holds for a row beside its source, each in a few words. */
export function rulesOf({ default: fallback, matching, apply, nulls, required }: AttributeMapping): string[] {
  return [
    ...(matching === undefined ? [] : [`matched by, number ${matching}`]),
    ...(apply === 'create' ? ['at creation only'] : []),
    ...(fallback === undefined ? [] : [`default ${JSON.stringify(fallback)}`]),
    ...(required ? ['required'] : []),
    ...(nulls === 'clear' ? ['cleared when empty'] : nulls === 'keep' ? ['kept when empty'] : []),
  ];
}

/** The filters, a line each; what is within a filter is indented. */
export function describeFilters({ filters, skipOutOfScopeDeletions }: ScopingFilters): string[] {
  const lines = filters.flatMap(({ title, clauses }, index) => [
    `${index === 0 ? '' : 'or '}${title}`,
    ...clauses.map(({ label }, at) => `  ${at === 0 ? '' : 'and '}${label.slice(title.length + 1)}`),
  ]);
  return [
    ...(lines.length === 0 ? ['None: whoever is assigned is in scope.'] : lines),
    ...(skipOutOfScopeDeletions ? ['', 'Whoever falls out of scope keeps the account as it is.'] : []),
  ];
}

/** Both as JSON, row by row and clause by clause. */
export function mappingJson(mapping: { readonly table: AttributeTable; readonly filters: ScopingFilters }) {
  const { table, filters } = mapping;
  return {
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
