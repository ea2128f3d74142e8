/** The attribute table (config/attributes.yaml): its shape, its checks, and what follows from it. */
import { createHash } from 'node:crypto';
import { type Document, isMap, isNode, isSeq, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { SyncError, toError } from '../errors.ts';
import { type AttributePath, readAttributePath } from './maptician-user.ts';
import { parseSourceReference, type SourceReference } from './source-reference.ts';
import { type GraphProperty, graphPropertyNames } from './source-user.ts';

/** One row: a target and what fills it. */
export interface AttributeMapping {
  readonly target: AttributePath;
  readonly source: SourceReference | { readonly from: 'constant'; readonly value: string | boolean };
  /** Used where the source is null, and only when the user is created. */
  readonly default?: string | boolean;
  /** Existing accounts are found by this attribute. */
  readonly matching: boolean;
}

/** A checked table: unique targets, types that fit, one matching attribute (userName), and an `active` that ends access. */
export interface AttributeTable {
  readonly mappings: readonly AttributeMapping[];
}

const value = z.union([z.string().min(1, 'must not be empty'), z.boolean()], {
  error: 'must be text or true/false (put a number in quotes)',
});

const target = z.string({ error: 'must be the path of a Maptician attribute' }).transform((text, context) => {
  const read = readAttributePath(text);
  if ('path' in read) return read.path;
  context.addIssue(read.problem);
  return z.NEVER;
});

const row = z.strictObject(
  {
    target,
    source: z.string().optional(),
    constant: value.optional(),
    default: value.optional(),
    matching: z.literal(1, { error: 'must be 1, or left out' }).optional(),
  },
  { error: (issue) => (issue.code === 'invalid_type' ? 'must have a target and a source' : undefined) },
);

const file = z.strictObject(
  {
    attributes: z.array(z.unknown(), { error: 'must be a list of rows' }).min(1, 'must have at least one row'),
  },
  {
    error: (issue) => (issue.code === 'invalid_type' ? 'must begin with "attributes:" and a list of rows' : undefined),
  },
);

type Row = z.infer<typeof row>;

interface CheckedRow {
  readonly mapping?: AttributeMapping;
  readonly problems: string[];
}

/**
 * Reads and checks a table.
 * @param name what it is called in messages, its path as a rule
 * @throws SyncError Misconfigured, naming every problem with its row
 */
export function parseAttributeTable(yamlText: string, name: string): AttributeTable {
  const { rows, lines } = readRows(yamlText, name);
  const problems: string[] = [];
  const mappings: AttributeMapping[] = [];
  const targets = new Set<string>();
  for (const [index, content] of rows.entries()) {
    const parsed = row.safeParse(content);
    const result: CheckedRow = parsed.success ? toMapping(parsed.data) : { problems: issuesOf(parsed.error) };
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
  return { mappings };
}

/** The Graph properties to `$select`, each once and always in the same order, whatever the order of the rows. */
export function graphProperties(table: AttributeTable): GraphProperty[] {
  const needed = new Set<GraphProperty>(['id', 'userPrincipalName', 'accountEnabled']);
  for (const { source } of table.mappings) if (source.from === 'property') needed.add(source.property);
  return graphPropertyNames.filter((property) => needed.has(property));
}

/** A hash that changes exactly when the table's meaning does; the order of rows and the comments do not count. */
export function fingerprint(table: AttributeTable): string {
  const rows = table.mappings.map(({ target, source, default: fallback = null, matching }) =>
    JSON.stringify([target, Object.entries(source).sort(), fallback, matching]),
  );
  return createHash('sha256').update(rows.sort().join('\n')).digest('hex');
}

function readRows(yamlText: string, name: string): { rows: unknown[]; lines: number[] } {
  const lineCounter = new LineCounter();
  const document = parseDocument(yamlText, { lineCounter });
  if (document.errors.length > 0)
    throw misconfigured(
      name,
      document.errors.map((error) => error.message.trimEnd()),
    );
  const parsed = file.safeParse(contentOf(document, name));
  if (!parsed.success) throw misconfigured(name, issuesOf(parsed.error));
  const sequence = isMap(document.contents) ? document.contents.get('attributes', true) : undefined;
  const nodes: unknown[] = isSeq(sequence) ? sequence.items : [];
  return { rows: parsed.data.attributes, lines: nodes.map((node) => lineCounter.linePos(startOf(node)).line) };
}

/** An alias without an anchor, or one that grows without bounds, is only found while the document is put together. */
function contentOf(document: Document, name: string): unknown {
  try {
    return document.toJS();
  } catch (thrown) {
    throw misconfigured(name, [toError(thrown).message]);
  }
}

function startOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

function toMapping(content: Row): CheckedRow {
  const problems: string[] = [];
  const { target } = content;
  const wants = target === 'active' ? 'boolean' : 'string';
  const wanted = wants === 'boolean' ? 'true/false' : 'text';
  if (content.default !== undefined && typeof content.default !== wants) problems.push(`default must be ${wanted}`);
  const source = sourceOf(content, wants, problems);
  if (content.matching === 1) problems.push(...matchingProblems(content));
  if (source === undefined || problems.length > 0) return { problems };
  const matching = content.matching === 1;
  const mapping = { target, source, matching };
  return { mapping: content.default === undefined ? mapping : { ...mapping, default: content.default }, problems };
}

function sourceOf(
  content: Row,
  wants: 'string' | 'boolean',
  problems: string[],
): AttributeMapping['source'] | undefined {
  const wanted = wants === 'boolean' ? 'true/false' : 'text';
  if ((content.source === undefined) === (content.constant === undefined)) {
    problems.push('needs either source or constant, and not both');
    return undefined;
  }
  if (content.constant !== undefined) {
    if (typeof content.constant !== wants) problems.push(`constant must be ${wanted}`);
    return { from: 'constant', value: content.constant };
  }
  const parsed = parseSourceReference(content.source ?? '');
  if ('problem' in parsed) {
    problems.push(parsed.problem);
    return undefined;
  }
  if (parsed.gives !== wants) {
    problems.push(`the target holds ${wanted}, the source "${content.source}" does not`);
  }
  return parsed.reference;
}

/** Only userName can be searched for in Maptician, and one value for everybody would match everybody. */
function matchingProblems(content: Row): string[] {
  const problems: string[] = [];
  if (content.target !== 'userName') problems.push('only userName can be the matching attribute');
  if (content.constant !== undefined) problems.push('the matching attribute cannot be a constant');
  if (content.default !== undefined) problems.push('the matching attribute cannot have a default');
  return problems;
}

function tableProblems(mappings: readonly AttributeMapping[]): string[] {
  const problems: string[] = [];
  if (!mappings.some((mapping) => mapping.matching)) {
    problems.push('no row is the matching attribute; add "matching: 1" to the row of userName');
  }
  const active = mappings.find((mapping) => mapping.target === 'active');
  if (active?.source.from !== 'isSoftDeleted' || !active.source.invert || active.default !== undefined) {
    problems.push('leavers would keep their access; add a row with "target: active" and "source: not IsSoftDeleted"');
  }
  return problems;
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
