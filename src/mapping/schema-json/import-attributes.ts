/** Microsoft's attribute mappings as rows of the attribute table. */
import { stringify } from 'yaml';
import { SyncError } from '../../errors.ts';
import { type MappingRow, readMapping } from '../attribute-mapping.ts';
import { parseAttributeTable } from '../attribute-table.ts';
import { type AttributePath, readAttributePath } from '../maptician-user.ts';
import { importSource } from './import-source.ts';
import type { AttributeMappingJson } from './synchronization-schema.ts';

/** What the directory definition says of a target attribute. */
export interface TargetDefinition {
  readonly required: boolean;
  readonly flowNullValues: boolean;
}

/** A row, and what is to be said above it. */
export interface ImportedRow {
  readonly row: MappingRow;
  readonly comments: readonly string[];
}

export interface ImportedAttributes {
  readonly rows: readonly ImportedRow[];
  readonly notes: readonly string[];
}

/**
 * The rows of the mappings that have an equal here, and a note for every mapping or part of one that has none.
 * @param definitions by target attribute, spelled as in attributePaths
 */
export function importAttributes(
  mappings: readonly AttributeMappingJson[],
  definitions: ReadonlyMap<AttributePath, TargetDefinition>,
): ImportedAttributes {
  const notes: string[] = [];
  const rows: ImportedRow[] = [];
  const precedence = precedenceOf(mappings);
  const seen = new Set<AttributePath>();
  for (const mapping of mappings) {
    const read = readAttributePath(mapping.targetAttributeName);
    if ('problem' in read) {
      notes.push(`${mapping.targetAttributeName}: left out, Maptician has no such attribute.`);
      continue;
    }
    if (seen.has(read.path)) {
      notes.push(`${read.path}: mapped twice; the first mapping is taken.`);
      continue;
    }
    const imported = importRow(mapping, read.path, precedence.get(mapping), definitions.get(read.path));
    notes.push(...imported.comments.map((comment) => `${read.path}: ${comment}`));
    if (imported.row === undefined) continue;
    seen.add(read.path);
    rows.push({ row: imported.row, comments: imported.comments });
  }
  return withRequired(rows, notes);
}

/** The numbers as they are where they fit, else their ranks. */
function precedenceOf(mappings: readonly AttributeMappingJson[]): ReadonlyMap<AttributeMappingJson, number> {
  const matching = mappings
    .filter(({ matchingPriority }) => (matchingPriority ?? 0) > 0)
    .toSorted((one, other) => (one.matchingPriority ?? 0) - (other.matchingPriority ?? 0));
  const numbers = matching.map(({ matchingPriority }) => matchingPriority ?? 0);
  const fit = numbers.every((number) => Number.isInteger(number) && number <= 15);
  const keep = fit && new Set(numbers).size === numbers.length;
  return new Map(matching.map((mapping, index) => [mapping, keep ? (mapping.matchingPriority ?? 0) : index + 1]));
}

function importRow(
  mapping: AttributeMappingJson,
  target: AttributePath,
  matching: number | undefined,
  definition: TargetDefinition | undefined,
): { readonly row?: MappingRow; readonly comments: readonly string[] } {
  const gives = target === 'active' ? 'boolean' : 'text';
  const source = importSource(mapping, gives);
  if ('problem' in source) return { comments: [`left out, ${source.problem}.`] };
  const comments = source.note === undefined ? [] : [`${source.note}.`];
  const { members } = source;
  const isNone = 'none' in members;
  const row: MappingRow = { target };
  if ('constant' in members) row.constant = valueIn(members.constant, gives);
  else if (!isNone) Object.assign(row, members);
  const isFixed = 'constant' in members && (mapping.source === null || mapping.source === undefined);
  if (mapping.defaultValue && !isFixed) row.default = valueIn(mapping.defaultValue, gives);
  if (matching !== undefined) row.matching = matching;
  if (row.matching !== undefined && row.default !== undefined) {
    delete row.default;
    comments.push('the default value is left out: accounts are matched by this attribute.');
  }
  applyFlow(row, mapping, isNone, comments);
  if (definition?.flowNullValues && target !== 'userName' && !isNone) row.nulls = 'clear';
  if (definition?.required && row.default === undefined) row.required = true;
  return checked(row, comments);
}

function valueIn(text: string, gives: 'text' | 'boolean'): string | boolean {
  if (gives === 'boolean' && /^(?:true|false)$/i.test(text)) return text.toLowerCase() === 'true';
  return text;
}

function applyFlow(row: MappingRow, mapping: AttributeMappingJson, isNone: boolean, comments: string[]): void {
  const always = row.target === 'userName' || row.target === 'active';
  switch (mapping.flowType ?? 'Always') {
    case 'Always':
      break;
    case 'ObjectAddOnly':
      if (always) comments.push('ObjectAddOnly is not possible here; it is written whenever it changes.');
      else row.apply = 'create';
      break;
    case 'AttributeAddOnly':
      if (isNone || always) break;
      row.apply = 'create';
      comments.push(
        'AttributeAddOnly (written while the target is empty) has no equal; it is written at creation only.',
      );
      break;
    case 'ValueAddOnly':
      if (row.target !== 'userName' && !isNone) row.nulls = 'keep';
      break;
    case 'MultiValueAddOnly':
      comments.push(
        'MultiValueAddOnly has no equal, for Maptician has single values; it is written whenever it changes.',
      );
      break;
    default:
      comments.push(`the flow type ${mapping.flowType} is unknown; it is written whenever it changes.`);
  }
  if (mapping.flowBehavior === 'FlowAlways') {
    comments.push('FlowAlways has no equal; it is written when it changes, and "resync" compares it with Maptician.');
  }
}

/** A row that the table would refuse is left out, unless applying it only at creation makes it sound. */
function checked(row: MappingRow, comments: readonly string[]): ReturnType<typeof importRow> {
  const { problems } = readMapping(row);
  if (problems.length === 0) return { row, comments };
  const once: MappingRow = { ...row, apply: 'create' };
  if (row.apply === undefined && row.expression !== undefined && readMapping(once).problems.length === 0) {
    const reason = 'it gives another value each time, so it is written at creation only.';
    return { row: once, comments: [...comments, reason] };
  }
  return { comments: [...comments, `left out, ${problems.join('; ')}`] };
}

const standard = {
  userName: { target: 'userName', source: 'userPrincipalName', matching: 1 },
  active: { target: 'active', source: 'not IsSoftDeleted' },
} as const satisfies Record<string, MappingRow>;

/** A table needs a userName to match by, and an active that ends access. */
function withRequired(imported: readonly ImportedRow[], notes: readonly string[]): ImportedAttributes {
  const rows = [...imported];
  const added: string[] = [];
  const put = (at: number, kept: number, row: MappingRow, comment: string): void => {
    rows.splice(at, kept, {
      row,
      comments: [...rows.slice(at, at + kept).flatMap(({ comments }) => comments), comment],
    });
    added.push(`${row.target}: ${comment}`);
  };
  const at = (target: AttributePath) => rows.findIndex(({ row }) => row.target === target);
  const userName = rows[at('userName')]?.row;
  if (userName === undefined) put(0, 0, standard.userName, 'added, because no account can do without it.');
  else if (userName.matching === undefined) {
    const others = rows.map(({ row }) => row.matching ?? 0);
    const matching = Array.from({ length: 15 }, (_, index) => index + 1).find((number) => number > Math.max(...others));
    put(at('userName'), 1, { ...userName, matching: matching ?? 15 }, 'accounts are matched by it, too.');
  }
  const named = rows[at('userName')]?.row ?? standard.userName;
  if (!isSound([{ ...named, matching: 1 }, standard.active])) {
    put(at('userName'), 1, standard.userName, 'replaced by userPrincipalName, because the table would refuse it.');
  }
  const active = rows[at('active')]?.row;
  if (active === undefined) {
    put(at('userName') + 1, 0, standard.active, 'added, so that leavers lose their access.');
  } else if (!isSound([standard.userName, active])) {
    put(at('active'), 1, standard.active, 'replaced by "not IsSoftDeleted", so that leavers lose their access.');
  }
  return { rows, notes: [...notes, ...added] };
}

function isSound(attributes: readonly MappingRow[]): boolean {
  try {
    parseAttributeTable(stringify({ attributes }), 'table');
    return true;
  } catch (thrown) {
    if (thrown instanceof SyncError) return false;
    throw thrown;
  }
}
