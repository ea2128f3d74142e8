/** The attribute table (config/attributes.yaml): its shape, its checks, and what follows from it. */
import { createHash } from 'node:crypto';
import { isMap, isNode, isSeq } from 'yaml';
import { z } from 'zod';
import { SyncError } from '../errors.ts';
import { readYaml } from '../read-yaml.ts';
import {
  type AttributeMapping,
  type CheckedRow,
  isRedacting,
  type MappingSource,
  mappingRow,
  readMapping,
  readsRoles,
  rolesName,
} from './attribute-mapping.ts';
import { printExpression } from './expression/printer.ts';
import { isTrue, plainOf, textOf } from './expression/values.ts';
import { type AttributePath, readAttributePath } from './maptician-user.ts';
import { findSourceAttribute, type SourceAttribute } from './source-schema.ts';

/** What may be done to accounts. `delete` is deactivating, too. */
export interface ObjectActions {
  readonly create: boolean;
  readonly update: boolean;
  readonly delete: boolean;
}

/** A checked table: unique targets, types that fit, a userName to match by, and an `active` that ends access. */
export interface AttributeTable {
  readonly mappings: readonly AttributeMapping[];
  readonly actions: ObjectActions;
}

const action = z.boolean({ error: 'must be true or false' }).default(true);

const file = z.strictObject(
  {
    attributes: z.array(z.unknown(), { error: 'must be a list of rows' }).min(1, 'must have at least one row'),
    actions: z
      .strictObject(
        { create: action, update: action, delete: action },
        { error: ({ code }) => (code === 'invalid_type' ? 'must have create, update or delete' : undefined) },
      )
      .prefault({}),
  },
  {
    error: (issue) => (issue.code === 'invalid_type' ? 'must begin with "attributes:" and a list of rows' : undefined),
  },
);

/**
 * Reads and checks a table.
 * @param name what it is called in messages, its path as a rule
 * @throws SyncError Misconfigured, naming every problem with its row
 */
export function parseAttributeTable(yamlText: string, name: string): AttributeTable {
  const { rows, lines, actions } = readRows(yamlText, name);
  const problems: string[] = [];
  const mappings: AttributeMapping[] = [];
  const targets = new Set<string>();
  for (const [index, content] of rows.entries()) {
    const parsed = mappingRow.safeParse(content);
    const result: CheckedRow = parsed.success ? readMapping(parsed.data) : { problems: issuesOf(parsed.error) };
    const text = targetOf(content);
    const meant = text === undefined ? undefined : canonicalTarget(text);
    if (meant !== undefined && targets.has(meant)) {
      result.problems.push('the target stands in an earlier row too; keep one of them');
    }
    if (meant !== undefined) targets.add(meant);
    if (result.mapping !== undefined) mappings.push(result.mapping);
    const place = `row ${index + 1} (line ${lines[index]})${text === undefined ? '' : ` ${text}`}`;
    problems.push(...result.problems.map((problem) => `${place}: ${problem}`));
  }
  // A row that could not be read may be the one that is looked for here, so these only follow when all rows are sound.
  if (problems.length === 0) problems.push(...tableProblems(mappings));
  if (problems.length > 0) throw misconfigured(name, problems);
  return { mappings, actions };
}

/** The attributes of the user that the table reads, each once. */
export function attributesRead(table: AttributeTable): SourceAttribute[] {
  const read = table.mappings.flatMap(({ source }) => {
    if (source.from === 'attribute') return [source.attribute];
    return source.from !== 'expression' ? [] : source.reads.map(({ attribute }) => attribute);
  });
  return [...new Map(read.map((attribute) => [attribute.name, attribute])).values()];
}

/** What a row with Redact reads, by propertyOf: what it holds is shown nowhere, and nobody is found by it. */
export function redactedProperties(table: AttributeTable): ReadonlySet<string> {
  const redacting = table.mappings.filter(({ source }) => isRedacting(source));
  return propertiesRead({ ...table, mappings: redacting });
}

/** What the table reads, by propertyOf. */
export function propertiesRead(table: AttributeTable): ReadonlySet<string> {
  const roles = table.mappings.some(({ source }) => readsRoles(source)) ? [rolesName] : [];
  return new Set([...attributesRead(table).map(({ name }) => propertyOf(name)), ...roles]);
}

/** The property of Graph that holds an attribute, since several may come of one; the name itself where none does. */
export function propertyOf(name: string): string {
  return findSourceAttribute(name)?.property ?? name;
}

/** The attributes by which accounts are found, the first to be tried first. */
export function matchingAttributes(table: AttributeTable): AttributePath[] {
  return table.mappings
    .flatMap(({ target, matching }) => (matching === undefined ? [] : [{ target, matching }]))
    .sort((one, other) => one.matching - other.matching)
    .map(({ target }) => target);
}

/** A hash that changes exactly when the table's meaning does; the order of rows and the comments do not count. */
export function fingerprint(table: AttributeTable): string {
  const order = matchingAttributes(table);
  const rows = table.mappings.map(({ target, source, default: fallback = null, apply, nulls = null, required }) =>
    JSON.stringify([target, meaningOf(source), fallback, order.indexOf(target), apply, nulls, required]),
  );
  const { create, update, delete: remove } = table.actions;
  return createHash('sha256')
    .update([JSON.stringify([create, update, remove]), ...rows.sort()].join('\n'))
    .digest('hex');
}

function meaningOf(source: MappingSource): readonly unknown[] {
  switch (source.from) {
    case 'attribute':
      return ['attribute', source.attribute.name, source.index ?? null, source.invert];
    case 'constant':
      return ['constant', source.value];
    case 'expression':
      return ['expression', printExpression(source.expression.tree)];
    case 'none':
      return ['none'];
  }
}

function readRows(yamlText: string, name: string): { rows: unknown[]; lines: number[]; actions: ObjectActions } {
  const read = readYaml(yamlText);
  if ('problems' in read) throw misconfigured(name, read.problems);
  const { content, document, lines: counter } = read;
  const parsed = file.safeParse(content);
  if (!parsed.success) throw misconfigured(name, issuesOf(parsed.error));
  const sequence = isMap(document.contents) ? document.contents.get('attributes', true) : undefined;
  const nodes: unknown[] = isSeq(sequence) ? sequence.items : [];
  const lines = nodes.map((node) => counter.linePos(startOf(node)).line);
  return { rows: parsed.data.attributes, lines, actions: parsed.data.actions };
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function tableProblems(mappings: readonly AttributeMapping[]): string[] {
  const problems: string[] = [];
  const userName = mappings.find(({ target }) => target === 'userName');
  if (userName?.matching === undefined) {
    problems.push('userName is not a matching attribute; add "matching: 1" to its row');
  }
  if (userName !== undefined && isRedacting(userName.source)) {
    problems.push('userName names the account in every log and mail; remove Redact from its expression');
  }
  if (userName !== undefined && readsRoles(userName.source)) {
    problems.push('userName cannot depend on the roles of a user; read another attribute');
  }
  const numbers = mappings.flatMap(({ matching }) => matching ?? []);
  if (new Set(numbers).size < numbers.length) {
    problems.push('two rows have the same number in "matching"; give each its own, 1 is tried first');
  }
  const active = mappings.find(({ target }) => target === 'active');
  if (active === undefined || !endsAccess(active)) {
    problems.push(
      'leavers would keep their access; add a row with "target: active" and "source: not IsSoftDeleted", or an expression that reads [IsSoftDeleted] and is False where that is True',
    );
  }
  return problems;
}

/** Tried out on somebody of whom nothing else is known. */
function endsAccess({ source, default: fallback }: AttributeMapping): boolean {
  if (fallback !== undefined) return false;
  if (source.from === 'attribute') return source.attribute.name === 'IsSoftDeleted' && source.invert;
  if (source.from !== 'expression' || !source.expression.attributes.includes('IsSoftDeleted')) return false;
  try {
    const value = plainOf(source.expression.evaluate({ IsSoftDeleted: true }));
    return (textOf(value) ?? '').toLowerCase() === 'false' && !isTrue(value);
  } catch {
    return false;
  }
}

function targetOf(content: unknown): string | undefined {
  return z.object({ target: z.string() }).safeParse(content).data?.target;
}

function canonicalTarget(text: string): string {
  const read = readAttributePath(text);
  return 'path' in read ? read.path : text;
}

function issuesOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => `${issue.path.length > 0 ? `${issue.path.join('.')} ` : ''}${issue.message}`);
}

function misconfigured(name: string, problems: readonly string[]): SyncError {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  return new SyncError('Misconfigured', `The attribute table ${name} has ${count}:\n  ${problems.join('\n  ')}`);
}
