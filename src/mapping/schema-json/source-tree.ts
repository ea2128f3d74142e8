/**
 * Expressions as Microsoft's schema holds them: a tree of sources with named parameters beside its text
 * (https://learn.microsoft.com/graph/api/resources/synchronization-attributemappingsource).
 */
import { ExpressionError } from '../expression/expression-error.ts';
import type { Parameter } from '../expression/function-definition.ts';
import { functionTable } from '../expression/functions.ts';
import { parseExpression } from '../expression/parser.ts';
import { printExpression } from '../expression/printer.ts';
import type { Argument, CallExpression, Expression } from '../expression/syntax.ts';
import type { MappingSourceJson } from './synchronization-schema.ts';

const span = { start: 0, end: 0 };

/**
 * The tree of a source: of its text where it has one that can be read, else put together from its parameters.
 * @throws ExpressionError where the text does not parse and there is nothing else; Error where there is neither
 */
export function treeOfSource(source: MappingSourceJson, parameter?: Parameter): Expression {
  const { expression, name, type, parameters } = source;
  if (type === 'Constant') return constantNode(source, parameter);
  if (expression && expression.trim() !== '') {
    try {
      return parseExpression(expression);
    } catch (thrown) {
      if (!(thrown instanceof ExpressionError) || !name || !parameters?.length) throw thrown;
    }
  }
  if (!name) throw new Error('the source has neither an expression nor a name');
  return type === 'Attribute' ? { kind: 'attribute', name, span } : callNode(name, parameters ?? []);
}

/** The value of a constant; its text, in quotes, goes before its name. */
export function constantOf({ expression, name }: MappingSourceJson): string {
  const literal = /^\s*"(?:[^"\\]|\\["\\])*"\s*$/.test(expression ?? '')
    ? parseExpression(expression ?? '')
    : undefined;
  return literal?.kind === 'text' ? literal.value : (name ?? expression ?? '');
}

function constantNode(source: MappingSourceJson, parameter: Parameter | undefined): Expression {
  const value = constantOf(source);
  const quoted = source.expression?.trim().startsWith('"') === true;
  if (!quoted && (parameter?.type === 'number' || parameter?.type === 'any') && /^(?:-?\d+|&H[\dA-Fa-f]+)$/.test(value))
    return parseExpression(value);
  if (parameter?.type === 'word') return { kind: 'word', name: value, span };
  return { kind: 'text', value, span };
}

type Parameters = NonNullable<MappingSourceJson['parameters']>;

/** A parameter that is missing is an argument left out, so each is put where its key says. */
function callNode(name: string, parameters: Parameters): CallExpression {
  const known = functionTable.get(name)?.parameters ?? [];
  const placed: Argument[] = [];
  for (const { key, value } of parameters) {
    const ahead = Array.from({ length: known.length + 1 }, (_, distance) => placed.length + distance);
    const index = ahead.find((at) => keyAt(name, at).toLowerCase() === key?.toLowerCase()) ?? placed.length;
    while (placed.length < index) placed.push({ kind: 'omitted', span });
    placed.push(value ? treeOfSource(value, known[index] ?? known.at(-1)) : { kind: 'omitted', span });
  }
  return { kind: 'call', name, arguments: placed, span, nameSpan: span };
}

/** Repeated parameters are numbered: source1, source2; key1, value1, key2, value2. */
function keyAt(name: string, index: number): string {
  const known = functionTable.get(name)?.parameters ?? [];
  const last = known.length - 1;
  if (name === 'Switch' && index >= 2) return `${index % 2 === 0 ? 'key' : 'value'}${Math.floor(index / 2)}`;
  if (index >= last && known[last]?.repeated === true) return `${known[last].name}${index - last + 1}`;
  return known[index]?.name ?? `argument${index + 1}`;
}

/** A tree as a source: its text, and below it its arguments as parameters. */
export function sourceOfTree(node: Expression): MappingSourceJson {
  const expression = printExpression(node);
  switch (node.kind) {
    case 'attribute':
      return { expression, name: node.name, type: 'Attribute', parameters: [] };
    case 'text':
      return { expression, name: node.value, type: 'Constant', parameters: [] };
    case 'call': {
      const parameters = node.arguments.flatMap((argument, index) =>
        argument.kind === 'omitted' ? [] : [{ key: keyAt(node.name, index), value: sourceOfTree(argument) }],
      );
      return { expression, name: node.name, type: 'Function', parameters };
    }
    default:
      return { expression, name: expression, type: 'Constant', parameters: [] };
  }
}
