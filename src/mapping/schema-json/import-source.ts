/** Where a value comes from, out of Microsoft's form: a direct attribute, a constant, an expression, or a default alone. */
import { describeError, ExpressionError } from '../expression/expression-error.ts';
import { printExpression } from '../expression/printer.ts';
import type { Argument, CallExpression, Expression } from '../expression/syntax.ts';
import { findSourceAttribute, unknownAttribute } from '../source-schema.ts';
import { graphNameOf, renameAttributes } from './source-names.ts';
import { constantOf, treeOfSource } from './source-tree.ts';
import type { AttributeMappingJson, MappingSourceJson } from './synchronization-schema.ts';

/** The members of a row that say where its value comes from. */
type SourceMembers =
  | { readonly source: string }
  | { readonly constant: string }
  | { readonly expression: string }
  /** The default of the row is all it has. */
  | { readonly none: true };

export type ImportedSource = { readonly members: SourceMembers; readonly note?: string } | { readonly problem: string };

/**
 * Reads the source of an attribute mapping.
 * @param gives what the target holds
 */
export function importSource(mapping: AttributeMappingJson, gives: 'text' | 'boolean'): ImportedSource {
  const { source, defaultValue, flowType } = mapping;
  if (!source || isBlank(source)) {
    if (!defaultValue) return { problem: 'has neither a source nor a default value' };
    // What only fills an empty target is a default and nothing else; otherwise Entra writes fixed values in this way.
    if (flowType === 'AttributeAddOnly') return { members: { none: true } };
    return { members: { constant: defaultValue } };
  }
  if (source.type === 'Constant') return { members: { constant: constantOf(source) } };
  try {
    return importTree(renameAttributes(treeOfSource(source), graphNameOf), gives);
  } catch (thrown) {
    if (thrown instanceof ExpressionError)
      return { problem: `its expression cannot be read: ${describeError(thrown)}` };
    return { problem: `its source cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}` };
  }
}

function isBlank({ name, expression, parameters }: MappingSourceJson): boolean {
  const text = expression?.trim() ?? '';
  return !name && (text === '' || text === '""') && (parameters ?? []).length === 0;
}

function importTree(tree: Expression, gives: 'text' | 'boolean'): ImportedSource {
  if (tree.kind === 'attribute') return importAttribute(tree.name, gives);
  if (tree.kind === 'text') return { members: { constant: tree.value } };
  const reference = invertedBoolean(tree) ?? itemOfSeveral(tree) ?? idOfReference(tree);
  return { members: reference === undefined ? { expression: printExpression(tree) } : { source: reference } };
}

function importAttribute(name: string, gives: 'text' | 'boolean'): ImportedSource {
  const attribute = findSourceAttribute(name);
  if (attribute === undefined) return { problem: unknownAttribute(name) };
  if (attribute.type === 'Reference') {
    return { problem: `${name} refers to another object, and Maptician has no such attribute` };
  }
  // The same value, in the words of Graph and of the table that comes with this service.
  if (name === 'telephoneNumber') return { members: { source: 'businessPhones[0]' } };
  if (attribute.multiValued === true) {
    return { members: { source: `${name}[0]` }, note: `${name} has several values; the first of them is taken` };
  }
  if (attribute.type === 'Boolean' && gives === 'text') return { members: { expression: `CStr([${name}])` } };
  return { members: { source: name } };
}

/** `Switch([flag], , "False", "True", "True", "False")` is how Microsoft writes `not flag`. */
function invertedBoolean(tree: Expression): string | undefined {
  if (tree.kind !== 'call' || tree.name !== 'Switch') return undefined;
  const [flag, otherwise, ...cases] = tree.arguments;
  if (flag?.kind !== 'attribute' || otherwise?.kind !== 'omitted') return undefined;
  if (findSourceAttribute(flag.name)?.type !== 'Boolean') return undefined;
  const texts = cases.map(textOf).join();
  return ['False,True,True,False', 'True,False,False,True'].includes(texts) ? `not ${flag.name}` : undefined;
}

/** `Item([proxyAddresses], 1)`. */
function itemOfSeveral(tree: Expression): string | undefined {
  if (tree.kind !== 'call' || tree.name !== 'Item') return undefined;
  const [attribute, index] = tree.arguments;
  if (attribute?.kind !== 'attribute' || index?.kind !== 'number') return undefined;
  if (findSourceAttribute(attribute.name)?.multiValued !== true) return undefined;
  return index.value >= 1n && index.value <= 1000n ? `${attribute.name}[${index.value - 1n}]` : undefined;
}

/** `CStr([manager])`. */
function idOfReference(tree: Expression): string | undefined {
  if (tree.kind !== 'call' || tree.name !== 'CStr') return undefined;
  const [attribute] = tree.arguments;
  if (attribute?.kind !== 'attribute') return undefined;
  return findSourceAttribute(attribute.name)?.type === 'Reference' ? attribute.name : undefined;
}

function textOf(argument: Argument): string | undefined {
  return argument.kind === 'text' ? argument.value : undefined;
}

/** What `not flag` is in Microsoft's language. */
export function invertedTree(flag: string): CallExpression {
  const span = { start: 0, end: 0 };
  const texts = ['False', 'True', 'True', 'False'].map((value): Expression => ({ kind: 'text', value, span }));
  const list: readonly Argument[] = [{ kind: 'attribute', name: flag, span }, { kind: 'omitted', span }, ...texts];
  return { kind: 'call', name: 'Switch', arguments: list, span, nameSpan: span };
}
