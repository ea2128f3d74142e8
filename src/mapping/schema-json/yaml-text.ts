/** The YAML of an imported mapping. */
import { stringify } from 'yaml';
import type { ObjectActions } from '../attribute-table.ts';
import type { ImportedRow } from './import-attributes.ts';
import type { ImportedFilters } from './import-filters.ts';

const writing = { lineWidth: 0 } as const;

/** The text of config/attributes.yaml. */
export function attributesYaml(rows: readonly ImportedRow[], actions: ObjectActions): string {
  const list = rows.map(({ row, comments }) => [...commented(comments), itemOf(row)].join('\n'));
  const switched = Object.values(actions).every(Boolean) ? '' : `${stringify({ actions }, writing)}\n`;
  return `# yaml-language-server: $schema=schemas/attributes.schema.json
#
# The attribute table, carried over from Microsoft Entra. Check it with "maptician-sync mapping check", and look at what
# it would change with "maptician-sync mapping preview" before the next cycle.

${switched}attributes:
${indented(list.join('\n\n'))}
`;
}

/** The text of config/scoping-filters.yaml. */
export function filtersYaml({ filters, refused }: ImportedFilters): string {
  const left = refused.flatMap(({ filter, reasons }) => [
    `Left out: ${reasons.join('; ')}`,
    ...itemOf(filter).split('\n'),
    '',
  ]);
  const list = filters.map(itemOf).join('\n\n');
  return `# yaml-language-server: $schema=schemas/scoping-filters.schema.json
#
# Scoping filters, carried over from Microsoft Entra. Check them with "maptician-sync mapping check", and look at who
# would leave or enter scope with "maptician-sync mapping preview" before the next cycle.

${left.length === 0 ? '' : `${commented(left).join('\n')}\n`}${list === '' ? 'filters: []' : `filters:\n${indented(list)}`}

# True: whoever falls out of scope keeps the account as it is. Entra keeps this setting elsewhere (SkipOutOfScopeDeletions).
skipOutOfScopeDeletions: false
`;
}

function itemOf(item: object): string {
  return stringify([item], writing).trimEnd();
}

function commented(lines: readonly string[]): string[] {
  return lines.flatMap((line) => line.split('\n')).map((line) => `# ${line}`.trimEnd());
}

function indented(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}
