/** Attributes of an Entra user by the names of Microsoft's provisioning service, where Graph calls them otherwise. */
import type { Argument } from '../expression/syntax.ts';
import { findSourceAttribute, sourceAttributeNames } from '../source-schema.ts';

const serviceNames: ReadonlyMap<string, string> = new Map(
  sourceAttributeNames.flatMap((name): [string, string][] => {
    const own = findSourceAttribute(name)?.name;
    return own === undefined || own === name ? [] : [[own, name]];
  }),
);

/** `mobile` for mobilePhone; any other name as it is. */
export function serviceNameOf(name: string): string {
  return serviceNames.get(name) ?? name;
}

/** `mobilePhone` for mobile; any other name as it is. */
export function graphNameOf(name: string): string {
  return findSourceAttribute(name)?.name ?? name;
}

/** The tree with every attribute renamed. */
export function renameAttributes<Node extends Argument>(node: Node, rename: (name: string) => string): Node {
  const inner = <Child extends Argument>(child: Child): Child => renameAttributes(child, rename);
  // Each case keeps the kind of the node, which the type parameter cannot follow.
  const renamed = (): Argument => {
    switch (node.kind) {
      case 'attribute':
        return { ...node, name: rename(node.name) };
      case 'call':
        return { ...node, arguments: node.arguments.map(inner) };
      case 'comparison':
        return { ...node, left: inner(node.left), right: inner(node.right) };
      case 'and':
      case 'or':
        return { ...node, operands: node.operands.map(inner) };
      case 'not':
        return { ...node, operand: inner(node.operand) };
      default:
        return node;
    }
  };
  return renamed() as Node;
}
