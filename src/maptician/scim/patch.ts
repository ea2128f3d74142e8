/**
 * What changed, as SCIM PATCH operations (RFC 7644 section 3.5.2), in the dialects of Microsoft's service
 * (https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem-scim-compatibility).
 * Pure.
 *
 * By section 3.5.2.3 a `replace` of what is not there is an `add`, but strict servers take that for a path with a filter
 * as a target that does not exist. So what is not there is added, and a new entry is added to its list.
 */
import {
  type AttributePath,
  type AttributeValue,
  attributePaths,
  scimPathOf,
  type UserAttributes,
} from '../../mapping/maptician-user.ts';
import {
  entriesOf,
  formatScimPath,
  type JsonObject,
  readPath,
  type ScimPath,
  writePath,
} from '../../mapping/scim-path.ts';
import { attributeValue, readAttributes } from './user-resource.ts';

/**
 * In the order in which they are tried. `compliant`: as RFC 7644 has it. `classic`: `Add`, `Replace`, `Remove`, and Booleans
 * as text. `capitals` and `text` have one of the two: in Microsoft's own sample a user is disabled with `Replace` and `false`
 * (https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups#disable-user).
 */
export const dialects = ['compliant', 'capitals', 'text', 'classic'] as const;

export type Dialect = (typeof dialects)[number];

export const hasCapitals = (dialect: Dialect) => dialect === 'capitals' || dialect === 'classic';
export const hasBooleansAsText = (dialect: Dialect) => dialect === 'text' || dialect === 'classic';

type Verb = 'add' | 'replace' | 'remove';

/** One member of `Operations`; a removal has no value. */
export interface PatchOperation {
  readonly op: Verb | Capitalize<Verb>;
  readonly path: string;
  readonly value?: unknown;
}

interface Change {
  readonly path: AttributePath;
  readonly scimPath: ScimPath;
  readonly value: AttributeValue;
  readonly before: AttributeValue;
}

/** The body of a PATCH. */
export function patchBody(operations: readonly PatchOperation[]): JsonObject {
  return { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: operations };
}

/**
 * The operations that turn `before`, what the server is believed to hold, into what is wanted; none for what already is
 * so. Only what `changes` names is touched. An attribute that `before` does not have may hold anything.
 */
export function patchOperations(changes: UserAttributes, before: UserAttributes, dialect: Dialect): PatchOperation[] {
  const operation = operationsOf(dialect);
  const writes: PatchOperation[] = [];
  // A removal last: some servers drop an entry that holds nothing for a moment.
  const removals = new Map<string, PatchOperation>();
  const added = new Set<string>();
  const due = changesOf(changes, before);
  for (const change of due) {
    const { scimPath, value } = change;
    const fullPath = formatScimPath(scimPath);
    if (value === null) {
      const gone = entryIsLeftEmpty(change, changes, before) ? formatScimPath(entryPath(scimPath)) : fullPath;
      removals.set(gone, operation('remove', gone));
    } else if (dialect === 'classic' || scimPath.filter === undefined || entryIsThere(change, before)) {
      writes.push(operation(change.before === null ? 'add' : 'replace', fullPath, value));
    } else if (!added.has(scimPath.attribute)) {
      added.add(scimPath.attribute);
      const toAdd = due.filter((other) => isAddedWith(change, other) && !entryIsThere(other, before));
      writes.push(operation('add', scimPath.attribute, newEntries(toAdd)));
    }
  }
  return [...writes, ...removals.values()];
}

/**
 * The same for a resource that was just read, without a filter in any path: lists of typed values are written whole, with
 * the other entries as they are and one of each type of ours.
 */
export function patchFromResource(changes: UserAttributes, resource: unknown, dialect: Dialect): PatchOperation[] {
  const operation = operationsOf(dialect);
  const due = changesOf(changes, readAttributes(resource));
  const single = due.filter(({ scimPath }) => scimPath.filter === undefined);
  const typed = due.filter(({ scimPath }) => scimPath.filter !== undefined);
  const after = typed.reduce<unknown>((result, { scimPath, value }) => writePath(result, scimPath, value), resource);
  const lists = [...new Set(typed.map(({ scimPath }) => scimPath.attribute))].map((attribute) => {
    const entries = listOf(after, attribute);
    if (entries.length === 0) return operation('remove', attribute);
    return operation(listOf(resource, attribute).length === 0 ? 'add' : 'replace', attribute, entries);
  });
  return [
    ...single.map(({ scimPath, value, before }) => {
      const path = formatScimPath(scimPath);
      if (value === null) return operation('remove', path);
      return operation(before === null ? 'add' : 'replace', path, value);
    }),
    ...lists,
  ];
}

function changesOf(changes: UserAttributes, before: UserAttributes): Change[] {
  return attributePaths
    .filter((path) => changes[path] !== undefined && attributeValue(changes, path) !== attributeValue(before, path))
    .map((path) => ({
      path,
      scimPath: scimPathOf(path),
      value: attributeValue(changes, path),
      before: attributeValue(before, path),
    }));
}

function operationsOf(dialect: Dialect) {
  return (verb: Verb, path: string, value?: unknown): PatchOperation => {
    const op = hasCapitals(dialect) ? capitalized[verb] : verb;
    if (value === undefined) return { op, path };
    const asText = hasBooleansAsText(dialect) && typeof value === 'boolean';
    return { op, path, value: asText ? (value ? 'True' : 'False') : value };
  };
}

const capitalized = { add: 'Add', replace: 'Replace', remove: 'Remove' } as const;

function entryPath({ attribute, filter }: ScimPath): ScimPath {
  return filter === undefined ? { attribute } : { attribute, filter };
}

/** The attributes that stand in one entry: locality and region of the work address. */
function inTheSameEntry(scimPath: ScimPath): AttributePath[] {
  const entry = formatScimPath(entryPath(scimPath));
  return attributePaths.filter((path) => formatScimPath(entryPath(scimPathOf(path))) === entry);
}

function entryIsThere({ scimPath }: Change, before: UserAttributes): boolean {
  return inTheSameEntry(scimPath).some((path) => attributeValue(before, path) !== null);
}

/** Not so where another attribute of the entry is not known: it may be somebody else's. */
function entryIsLeftEmpty({ scimPath }: Change, changes: UserAttributes, before: UserAttributes): boolean {
  if (scimPath.filter === undefined) return false;
  const after = { ...before, ...changes };
  return inTheSameEntry(scimPath).every((path) => after[path] !== undefined && attributeValue(after, path) === null);
}

function isAddedWith(change: Change, other: Change): boolean {
  return other.value !== null && other.scimPath.attribute === change.scimPath.attribute;
}

function newEntries(changes: readonly Change[]): readonly unknown[] {
  const resource = changes.reduce<JsonObject>((result, { scimPath, value }) => writePath(result, scimPath, value), {});
  return Object.values(resource).flatMap(entriesOf);
}

/** The entries of a list as they can be sent: no nulls, no empty lists or objects. */
function listOf(resource: unknown, attribute: string): unknown[] {
  return entriesOf(readPath(resource, { attribute }))
    .map(withoutNothing)
    .filter((entry) => entry !== undefined);
}

function withoutNothing(value: unknown): unknown {
  if (value === null) return undefined;
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    const items = value.map(withoutNothing).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  const members = Object.entries(value)
    .map(([name, member]) => [name, withoutNothing(member)] as const)
    .filter(([, member]) => member !== undefined);
  return members.length === 0 ? undefined : Object.fromEntries(members);
}
