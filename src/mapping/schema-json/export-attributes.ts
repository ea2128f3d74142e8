/** The attribute table as Microsoft's attribute mappings. */
import type { AttributeMapping, MappingSource } from '../attribute-mapping.ts';
import type { AttributeTable, ObjectActions } from '../attribute-table.ts';
import { lintExpression } from '../expression/lint.ts';
import type { Expression } from '../expression/syntax.ts';
import { invertedTree } from './import-source.ts';
import { renameAttributes, serviceNameOf } from './source-names.ts';
import { sourceOfTree } from './source-tree.ts';
import type { MappingSourceJson } from './synchronization-schema.ts';

const span = { start: 0, end: 0 };

export interface ExportedMapping {
  readonly defaultValue: string | null;
  readonly exportMissingReferences: boolean;
  readonly flowBehavior: 'FlowWhenChanged';
  readonly flowType: 'Always' | 'ObjectAddOnly' | 'AttributeAddOnly' | 'ValueAddOnly';
  readonly matchingPriority: number;
  readonly targetAttributeName: string;
  readonly source: MappingSourceJson | null;
}

/** The mappings in the order of the table; `notes` gets what Microsoft's service has no equal of. */
export function exportAttributes({ mappings }: AttributeTable, notes: string[]): ExportedMapping[] {
  return mappings.map((mapping) => {
    notes.push(...remarks(mapping).map((remark) => `${mapping.target}: ${remark}`));
    return {
      defaultValue: mapping.default === undefined ? null : textOf(mapping.default),
      exportMissingReferences: false,
      flowBehavior: 'FlowWhenChanged',
      flowType: flowTypeOf(mapping),
      matchingPriority: mapping.matching ?? 0,
      targetAttributeName: mapping.target,
      source: sourceOf(mapping.source),
    };
  });
}

/** Boolean attributes are written as Microsoft's Switch writes them. */
function textOf(value: string | boolean): string {
  if (typeof value === 'string') return value;
  return value ? 'True' : 'False';
}

function flowTypeOf({ source, apply, nulls }: AttributeMapping): ExportedMapping['flowType'] {
  if (source.from === 'none') return 'AttributeAddOnly';
  if (apply === 'create') return 'ObjectAddOnly';
  return nulls === 'keep' ? 'ValueAddOnly' : 'Always';
}

function sourceOf(source: MappingSource): MappingSourceJson | null {
  switch (source.from) {
    case 'none':
      return null;
    case 'constant':
      return sourceOfTree({ kind: 'text', value: textOf(source.value), span });
    case 'expression':
      return sourceOfTree(renameAttributes(source.expression.tree, serviceNameOf));
    case 'attribute': {
      const name = serviceNameOf(source.attribute.name);
      if (source.invert) return sourceOfTree(invertedTree(name));
      // Written into a text, a reference is the id of its object.
      if (source.attribute.type === 'Reference')
        return sourceOfTree(callTree('CStr', { kind: 'attribute', name, span }));
      if (source.index === undefined) return sourceOfTree({ kind: 'attribute', name, span });
      if (name === 'businessPhones' && source.index === 0) {
        return sourceOfTree({ kind: 'attribute', name: 'telephoneNumber', span });
      }
      const position = { kind: 'number', value: BigInt(source.index + 1), hex: false, span } as const;
      return sourceOfTree(callTree('Item', { kind: 'attribute', name, span }, position));
    }
  }
}

function callTree(name: string, ...list: readonly Expression[]): Expression {
  return { kind: 'call', name, arguments: list, span, nameSpan: span };
}

function remarks({ source, apply, nulls }: AttributeMapping): string[] {
  const found: string[] = [];
  if (source.from === 'expression') {
    const findings = lintExpression(source.expression.source, { apply });
    found.push(...findings.filter(({ about }) => about === 'microsoft').map(({ message }) => message));
  }
  if (source.from === 'attribute' && source.attribute.name.includes('.')) {
    found.push(`Microsoft's service cannot read ${source.attribute.name}.`);
  }
  if (nulls === 'clear') {
    found.push("Microsoft's service never clears an attribute of an app; it is marked with flowNullValues.");
  }
  if (nulls === 'keep' && apply === 'create') found.push('nulls: keep means nothing at creation and is left out.');
  return found;
}

/** The flowTypes of an object mapping. */
export function flowTypesOf(actions: ObjectActions): string {
  const names = [actions.create && 'Add', actions.update && 'Update', actions.delete && 'Delete'];
  return names.filter((name) => name !== false).join(', ') || 'None';
}
