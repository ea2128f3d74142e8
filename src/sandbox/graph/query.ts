/** OData query options as far as the sandbox supports them. */
import {
  defaultUserProperties,
  isListProperty,
  isUserProperty,
  outsideProperties,
  plainPropertyNames,
  type UserProperties,
} from '../user-properties.ts';
import { badRequest, GraphFault, unsupportedQuery } from './graph-error.ts';

/** The names of a `$select`, each once; undefined when there is none. */
export function selectedNames(select: string | undefined | null): string[] | undefined {
  if (!select) return undefined;
  return [...new Set(select.split(',').map((name) => name.trim()))].filter((name) => name !== '');
}

const unknownProperty = (name: string, type: string): GraphFault =>
  badRequest(
    `Parsing OData Select and Expand failed: Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`,
  );

/**
 * The user properties a `$select` asks for, `id`, `createdDateTime` and `deletedDateTime` among them.
 * @param options.collection true where several users are read: what is kept outside the directory is refused there
 */
export function selectedUserProperties(select: string | undefined | null, { collection = true } = {}): string[] {
  const names = selectedNames(select) ?? ['id', ...defaultUserProperties];
  if (names.includes('*')) return ['id', ...plainPropertyNames];
  for (const name of names) {
    if (outsideProperties.has(name)) {
      if (!collection) continue;
      throw new GraphFault(501, 'NotImplemented', 'This operation target is not yet supported.');
    }
    const known = isUserProperty(name) || name === 'id' || name === 'createdDateTime' || name === 'deletedDateTime';
    if (!known) throw unknownProperty(name, 'user');
  }
  return names;
}

/** The names a `$select` asks for out of those a type has. */
export function selectedFrom(select: string | undefined, known: readonly string[], type: string): readonly string[] {
  const names = selectedNames(select);
  if (!names || names.includes('*')) return known;
  for (const name of names) if (!known.includes(name)) throw unknownProperty(name, type);
  return names;
}

/** A user's value as a plain read gives it: null or an empty list where there is none. */
export function plainValue(properties: Readonly<UserProperties>, name: string): unknown {
  if (!isUserProperty(name) || name === 'manager') return null;
  return properties[name] ?? (isListProperty(name) ? [] : null);
}

/** The object ids of a delta `$filter`: `id eq '…'` joined by `or`, at most fifty. */
export function filteredIds(filter: string | undefined): string[] | null {
  if (filter === undefined) return null;
  const ids = filter.split(/\s+or\s+/i).map((clause) => /^\(?\s*id\s+eq\s+'([^']+)'\s*\)?$/i.exec(clause.trim())?.[1]);
  if (!ids.every((id) => id !== undefined)) throw unsupportedQuery('Unsupported or invalid query filter clause.');
  if (ids.length > 50) throw unsupportedQuery('The filter has too many clauses: at most 50 objects can be tracked.');
  return [...new Set(ids)];
}

type Clause = (read: (name: string) => unknown) => boolean;

const literal = (text: string): unknown => {
  if (text === 'true') return true;
  if (text === 'false') return false;
  if (text === 'null') return null;
  return text.replace(/^'(.*)'$/s, '$1').replaceAll("''", "'");
};
const same = (value: unknown, wanted: unknown): boolean =>
  typeof value === 'string' && typeof wanted === 'string'
    ? value.toLowerCase() === wanted.toLowerCase()
    : (value ?? null) === wanted;

function parseClause(text: string, names: readonly string[]): Clause {
  const [, name, value] = /^([\w]+)\s+eq\s+('(?:[^']|'')*'|[\w-]+)$/i.exec(text) ?? [];
  if (name && value !== undefined && names.includes(name)) return (read) => same(read(name), literal(value));
  const [, prefixed, prefix] = /^startswith\(\s*(\w+)\s*,\s*('(?:[^']|'')*')\s*\)$/i.exec(text) ?? [];
  if (prefixed && prefix !== undefined && names.includes(prefixed)) {
    const wanted = String(literal(prefix)).toLowerCase();
    return (read) =>
      String(read(prefixed) ?? '')
        .toLowerCase()
        .startsWith(wanted);
  }
  throw unsupportedQuery('Unsupported or invalid query filter clause specified.');
}

/**
 * A predicate for a `$filter` of `eq` and `startswith` clauses joined by `or` or by `and`.
 * @param names the properties that can be filtered by
 */
export function parseFilter(filter: string | undefined, names: readonly string[]): Clause {
  if (filter === undefined) return () => true;
  const any = /\s+or\s+(?=(?:[^']*'[^']*')*[^']*$)/i;
  const all = /\s+and\s+(?=(?:[^']*'[^']*')*[^']*$)/i;
  const clauses = filter.split(any).map((part) =>
    part
      .trim()
      .split(all)
      .map((text) => parseClause(text.trim(), names)),
  );
  return (read) => clauses.some((conjunction) => conjunction.every((clause) => clause(read)));
}
