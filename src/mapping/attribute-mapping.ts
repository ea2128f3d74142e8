/** One row of the attribute table: what fills a target, when, and what becomes of nothing. */
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { type CompiledExpression, compileExpression } from './expression/evaluate.ts';
import { describeError, ExpressionError } from './expression/expression-error.ts';
import type { ValueKind } from './expression/function-definition.ts';
import { functionTable } from './expression/functions.ts';
import { lintExpression } from './expression/lint.ts';
import { walk } from './expression/syntax.ts';
import { type AttributePath, readAttributePath } from './maptician-user.ts';
import { parseSourceReference, type SourceReference } from './source-reference.ts';
import {
  directoryExtensionPattern,
  findSourceAttribute,
  type SourceAttribute,
  sourceAttributeNames,
} from './source-schema.ts';

/** Where a value comes from. `none` writes nothing of its own: it only fills an empty target with the default. */
export type MappingSource =
  | SourceReference
  | { readonly from: 'constant'; readonly value: string | boolean }
  | {
      readonly from: 'expression';
      readonly expression: CompiledExpression;
      /** Its attributes by the names it has for them, which may be aliases. */
      readonly reads: readonly { readonly name: string; readonly attribute: SourceAttribute }[];
    }
  | { readonly from: 'none' };

/** One row: a target and what fills it. */
export interface AttributeMapping {
  readonly target: AttributePath;
  readonly source: MappingSource;
  /** Used where the source is null, and only when the user is created. */
  readonly default?: string | boolean;
  /** Existing accounts are found by this attribute; the lowest number is tried first. */
  readonly matching?: number;
  /** `create`: written when the account is created and never changed afterwards. */
  readonly apply: 'always' | 'create';
  /** What becomes of the target when the source is empty; undefined is as FLOW_NULL_VALUES says. */
  readonly nulls?: 'clear' | 'keep';
  /** Without a value the user is not provisioned. */
  readonly required: boolean;
}

const value = z.union([z.string().min(1, 'must not be empty'), z.boolean()], {
  error: 'must be text or true/false (put a number in quotes)',
});

/** A row as it is written. */
export const mappingRow = z.strictObject(
  {
    target: z.string({ error: 'must name a Maptician attribute' }),
    source: z.string().optional(),
    constant: value.optional(),
    expression: z.string().optional(),
    default: value.optional(),
    matching: z
      .int({ error: 'must be a whole number from 1 to 15, or left out' })
      .min(1, 'must be 1 at least')
      .max(15, 'must be 15 at most')
      .optional(),
    apply: z.enum(['always', 'create'], { error: 'must be always or create' }).optional(),
    nulls: z.enum(['clear', 'keep'], { error: 'must be clear or keep' }).optional(),
    required: z.boolean({ error: 'must be true or false' }).optional(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must have a target and a source' : undefined) },
);

export type MappingRow = z.infer<typeof mappingRow>;

export interface CheckedRow {
  readonly mapping?: AttributeMapping;
  readonly problems: string[];
}

/** Checks a row by itself. */
export function readMapping(content: MappingRow): CheckedRow {
  const problems: string[] = [];
  const read = readAttributePath(content.target);
  if ('problem' in read) return { problems: [`target ${read.problem}`] };
  const { path: target } = read;
  const wants = target === 'active' ? 'boolean' : 'string';
  const wanted = wants === 'boolean' ? 'true/false' : 'text';
  if (content.default !== undefined && typeof content.default !== wants) problems.push(`default must be ${wanted}`);
  const source = sourceOf(content, wants, problems);
  problems.push(...contradictions(content, target));
  if (source === undefined || problems.length > 0) return { problems };
  const { default: fallback, matching, nulls, apply = 'always', required = false } = content;
  return {
    problems,
    mapping: {
      target,
      source,
      apply,
      required,
      ...(fallback === undefined ? {} : { default: fallback }),
      ...(matching === undefined ? {} : { matching }),
      ...(nulls === undefined ? {} : { nulls }),
    },
  };
}

function sourceOf(
  content: MappingRow,
  wants: 'string' | 'boolean',
  problems: string[],
): AttributeMapping['source'] | undefined {
  const wanted = wants === 'boolean' ? 'true/false' : 'text';
  const given = [content.source, content.constant, content.expression].filter((one) => one !== undefined);
  if (given.length === 0 && content.default !== undefined) return { from: 'none' };
  if (given.length !== 1) {
    problems.push('needs exactly one of source, constant and expression');
    return undefined;
  }
  if (content.constant !== undefined) {
    if (typeof content.constant !== wants) problems.push(`constant must be ${wanted}`);
    return { from: 'constant', value: content.constant };
  }
  if (content.expression !== undefined) return expressionOf(content.expression, content.apply ?? 'always', problems);
  const parsed = parseSourceReference(content.source ?? '');
  if ('problem' in parsed) {
    problems.push(parsed.problem);
    return undefined;
  }
  if (parsed.gives !== 'unknown' && parsed.gives !== wants) {
    problems.push(`the target holds ${wanted}, the source "${content.source}" does not`);
  }
  return parsed.reference;
}

/** Compiled once, here, for all users. */
function expressionOf(
  text: string,
  apply: 'always' | 'create',
  problems: string[],
): AttributeMapping['source'] | undefined {
  try {
    const expression = compileExpression(text, { attributes: attributeKinds(text), now: Date.now, randomInt });
    const unstable = lintExpression(text, { apply }).find(({ code }) => code === 'changes-every-cycle');
    if (unstable !== undefined) problems.push(`expression: ${unstable.message} Add "apply: create".`);
    const { tree } = expression;
    if (tree.kind === 'call' && functionTable.get(tree.name)?.gives === 'roles') {
      problems.push(
        `expression: ${tree.name} gives roles, which no Maptician attribute takes; use SingleAppRoleAssignment`,
      );
    }
    const reads = expression.attributes.flatMap((name) => {
      const attribute = findSourceAttribute(name);
      return attribute === undefined ? [] : [{ name, attribute }];
    });
    return { from: 'expression', expression, reads };
  } catch (thrown) {
    if (!(thrown instanceof ExpressionError)) throw thrown;
    problems.push(`expression: ${describeError(thrown)}`);
    return undefined;
  }
}

/** Whether a value of this source is written to the target but shown nowhere. */
export function isRedacting(source: MappingSource): boolean {
  if (source.from !== 'expression') return false;
  return [...walk(source.expression.tree)].some((node) => node.kind === 'call' && node.name === 'Redact');
}

/** Whether it gives another value each time it is evaluated, as Guid() does. */
export function changesEachTime({ source }: AttributeMapping): boolean {
  if (source.from !== 'expression') return false;
  return [...walk(source.expression.tree)].some(
    (node) => node.kind === 'call' && functionTable.get(node.name)?.deterministic === false,
  );
}

/** The attributes an expression can read, and what they hold: all that are known, and the directory extensions it names. */
export function attributeKinds(expression: string): ReadonlyMap<string, ValueKind> {
  const extensions = [...expression.matchAll(/\[(\w+)\]/g)].flatMap(([, name = '']) =>
    directoryExtensionPattern.test(name) ? [name] : [],
  );
  const kinds = new Map([...sourceAttributeNames, ...extensions].map((name) => [name, kindOf(name)]));
  return kinds.set(rolesName, 'roles');
}

/** What only an expression can read, by the functions for it: it is no property of the user. */
export const rolesName = 'appRoleAssignments';

/** Whether a source depends on the app roles of the user. */
export function readsRoles(source: MappingSource): boolean {
  return source.from === 'expression' && source.expression.attributes.includes(rolesName);
}

function kindOf(name: string): ValueKind {
  const attribute = findSourceAttribute(name);
  if (attribute?.type === undefined) return 'any';
  if (attribute.multiValued) return 'list';
  if (attribute.type === 'Boolean') return 'boolean';
  return attribute.type === 'Integer' ? 'number' : 'text';
}

function contradictions(content: MappingRow, target: AttributePath): string[] {
  const problems: string[] = [];
  const matching = content.matching !== undefined;
  const none = [content.source, content.constant, content.expression].every((one) => one === undefined);
  if (none && content.default !== undefined && (content.apply ?? content.nulls ?? content.required) !== undefined) {
    problems.push('a row with a default alone fills an empty target; remove apply, nulls and required');
  }
  if (matching && target === 'active') problems.push('active cannot be a matching attribute');
  if (matching && content.constant !== undefined) problems.push('a matching attribute cannot be a constant');
  if (matching && content.default !== undefined) problems.push('a matching attribute cannot have a default');
  if (target === 'active' && content.apply === 'create') problems.push('active must apply always: it ends access');
  if (target === 'userName' && content.apply === 'create')
    problems.push('userName must apply always: it names the account');
  if (target === 'userName' && content.nulls !== undefined) problems.push('userName is never cleared; remove nulls');
  if (content.required && content.default !== undefined) {
    problems.push('a value that is required needs no default; keep one of them');
  }
  return problems;
}
