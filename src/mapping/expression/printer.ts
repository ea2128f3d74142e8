/** A tree to its canonical text: parsing what is printed gives the same tree. */
import type { Argument } from './syntax.ts';

/** The expression on one line, one space after each comma and around each operator. */
export function printExpression(node: Argument): string {
  switch (node.kind) {
    case 'text':
      return `"${node.value.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`;
    case 'number':
      return node.hex ? `&H${node.value.toString(16).toUpperCase()}` : String(node.value);
    case 'attribute':
      return `[${node.name}]`;
    case 'word':
      return node.name;
    case 'omitted':
      return '';
    case 'call':
      return `${node.name}(${node.arguments.map(printExpression).join(', ')})`;
    case 'comparison':
      return `${within(node.left, bare)} ${node.operator} ${within(node.right, bare)}`;
    case 'not':
      return `NOT ${within(node.operand, ['comparison', 'not'])}`;
    case 'and':
      return node.operands.map((operand) => within(operand, ['comparison', 'not'])).join(' AND ');
    case 'or':
      return node.operands.map((operand) => within(operand, ['comparison', 'not', 'and'])).join(' OR ');
  }
}

const bare: readonly string[] = [];

/** In parentheses, unless it binds tighter than what is around it. */
function within(node: Argument, tighter: readonly string[]): string {
  const loose = ['comparison', 'not', 'and', 'or'].includes(node.kind) && !tighter.includes(node.kind);
  return loose ? `(${printExpression(node)})` : printExpression(node);
}
