/**
 * What Microsoft's service would refuse or treat otherwise, and what would change the user in every cycle
 * (https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data).
 */
import { type Position, positionAt, type Span } from './expression-error.ts';
import { functionTable } from './functions.ts';
import { tokenize } from './lexer.ts';
import { parseExpression } from './parser.ts';
import { hasWordBoundary } from './regex-translate.ts';
import { type Argument, childrenOf, type Expression, walk } from './syntax.ts';

type FindingCode =
  | 'condition-on-null'
  | 'presence-as-switch-source'
  | 'logic-operator'
  | 'parentheses'
  | 'changes-every-cycle'
  | 'word-boundary';

/** One remark. `microsoft` when Microsoft's service differs, `here` when it holds for ours. */
export interface Finding {
  readonly code: FindingCode;
  readonly about: 'microsoft' | 'here';
  readonly message: string;
  readonly position: Position;
}

export interface LintOptions {
  /** When the mapping applies: in every cycle, or only when the user is created. */
  readonly apply: 'always' | 'create';
}

const presenceTests: readonly string[] = ['IsPresent', 'IsNull', 'IsNullOrEmpty'];

/**
 * The remarks on an expression that parses, in the order of the source.
 * @throws ExpressionError where it does not parse
 */
export function lintExpression(source: string, options: LintOptions): readonly Finding[] {
  const tree = parseExpression(source);
  const findings: Finding[] = [];
  const add = (code: FindingCode, about: Finding['about'], message: string, span: Span) => {
    findings.push({ code, about, message, position: positionAt(source, span.start) });
  };
  for (const node of walk(tree)) lintNode(node, options, add);
  for (const span of bareParentheses(source)) {
    add('parentheses', 'microsoft', 'Microsoft has no parentheses around a condition.', span);
  }
  return findings.sort((one, other) => one.position.offset - other.position.offset);
}

type Add = (code: FindingCode, about: Finding['about'], message: string, span: Span) => void;

function lintNode(node: Argument, options: LintOptions, add: Add): void {
  if (node.kind === 'and' || node.kind === 'or' || node.kind === 'not') {
    const word = node.kind.toUpperCase();
    add('logic-operator', 'microsoft', `Microsoft has no ${word}; there, IIF stands within IIF.`, node.span);
  }
  if (node.kind !== 'call') return;
  const [first, , pattern] = node.arguments;
  if (node.name === 'IIF' && first !== undefined) lintCondition(first, add);
  if (node.name === 'Switch' && first?.kind === 'call' && presenceTests.includes(first.name)) {
    const message = `Microsoft's page on functions refuses ${first.name} as the source of Switch, though another page uses it so.`;
    add('presence-as-switch-source', 'microsoft', message, first.span);
  }
  if (node.name === 'Replace' && pattern?.kind === 'text' && hasWordBoundary(pattern.value)) {
    const message = 'Here, \\b and \\B know the letters, digits and _ of ASCII only; in .NET they know all letters.';
    add('word-boundary', 'here', message, pattern.span);
  }
  if (options.apply === 'always' && functionTable.get(node.name)?.deterministic === false) {
    const message = `${node.name} gives another value each time, so the user would be updated in every cycle; apply it only during creation.`;
    add('changes-every-cycle', 'here', message, node.nameSpan);
  }
}

/** A condition fails there when what it looks at is null, so a test for null never gives an answer. */
function lintCondition(condition: Argument, add: Add): void {
  if (condition.kind === 'call') {
    if (presenceTests.includes(condition.name)) {
      const message = `Microsoft does not support ${condition.name} in the condition of IIF; there, Switch with the key "" does it.`;
      add('condition-on-null', 'microsoft', message, condition.span);
    }
    return;
  }
  if (condition.kind === 'comparison' && [condition.left, condition.right].some(isEmptyText)) {
    const message = 'Microsoft does not support a comparison with ""; there, Switch with the key "" does it.';
    add('condition-on-null', 'microsoft', message, condition.span);
  }
  for (const child of childrenOf(condition)) lintCondition(child, add);
}

function isEmptyText(node: Expression): boolean {
  return node.kind === 'text' && node.value === '';
}

/** Parentheses that belong to no call; the tree does not keep them. */
function bareParentheses(source: string): readonly Span[] {
  const tokens = tokenize(source);
  return tokens.flatMap((token, index) => {
    const before = tokens[index - 1];
    const called = before?.kind === 'name' && !['AND', 'OR', 'NOT'].includes(before.value);
    return token.kind === '(' && !called ? [token.span] : [];
  });
}
