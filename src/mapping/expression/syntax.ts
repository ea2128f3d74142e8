/** The tree of an expression. */
import type { Span } from './expression-error.ts';

export type ComparisonOperator = '=' | '<>' | '>' | '>=' | '<' | '<=';

/** A node of the tree; `span` is where it stands in the source. */
export type Expression =
  | { readonly kind: 'text'; readonly value: string; readonly span: Span }
  | { readonly kind: 'number'; readonly value: bigint; readonly hex: boolean; readonly span: Span }
  | { readonly kind: 'attribute'; readonly name: string; readonly span: Span }
  /** A bare word, such as vbTextCompare. */
  | { readonly kind: 'word'; readonly name: string; readonly span: Span }
  | CallExpression
  | {
      readonly kind: 'comparison';
      readonly operator: ComparisonOperator;
      readonly left: Expression;
      readonly right: Expression;
      readonly span: Span;
    }
  | { readonly kind: 'and' | 'or'; readonly operands: readonly Expression[]; readonly span: Span }
  | { readonly kind: 'not'; readonly operand: Expression; readonly span: Span };

export interface CallExpression {
  readonly kind: 'call';
  readonly name: string;
  readonly arguments: readonly Argument[];
  readonly span: Span;
  readonly nameSpan: Span;
}

/** An argument may be left out between its commas: `f(a, , b)`. */
export type Argument = Expression | { readonly kind: 'omitted'; readonly span: Span };

/** The parts of a node, in the order of the source. */
export function childrenOf(node: Argument): readonly Argument[] {
  switch (node.kind) {
    case 'call':
      return node.arguments;
    case 'comparison':
      return [node.left, node.right];
    case 'and':
    case 'or':
      return node.operands;
    case 'not':
      return [node.operand];
    default:
      return [];
  }
}

/** A node and everything below it. */
export function* walk(node: Argument): Generator<Argument> {
  yield node;
  for (const child of childrenOf(node)) yield* walk(child);
}
