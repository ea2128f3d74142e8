/**
 * SCIM attribute paths (RFC 7644 sections 3.10 and 3.5.2): read, written, and followed into a resource. The attribute
 * table and the SCIM adapter mean the same by a path because both use this.
 */

/** The schema whose attributes stand at the top of a user (RFC 7643 section 4.1). */
export const userSchema = 'urn:ietf:params:scim:schemas:core:2.0:User';

/** The extension whose attributes stand under this URN (RFC 7643 section 4.3). */
export const enterpriseUserSchema = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** `schema:attribute[filter.attribute eq "filter.value"].subAttribute`; what is not in the text is not in the path. */
export interface ScimPath {
  readonly schema?: string;
  readonly attribute: string;
  readonly filter?: { readonly attribute: string; readonly value: string };
  readonly subAttribute?: string;
}

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

const attributeName = /^\$?[a-z][\w-]*/i;
const quotedText = /^"(?:[^"\\]|\\.)*"/;

/**
 * Reads a path. Of filters it takes what tells one entry from another: `attribute eq "text"`.
 * @throws Error that names the character (the first is 1) and what was expected there
 */
export function parseScimPath(text: string): ScimPath {
  let position = 0;
  const take = (pattern: RegExp): string | undefined => {
    const found = pattern.exec(text.slice(position))?.[0];
    position += found?.length ?? 0;
    return found;
  };
  const refuse = (expected: string): never => {
    const rest = text.slice(position);
    const instead = rest === '' ? 'where the path ends' : `before ${rest}`;
    throw new Error(`expected ${expected} at character ${position + 1}, ${instead}`);
  };
  const expect = (pattern: RegExp, expected: string): string => take(pattern) ?? refuse(expected);

  take(/^\s+/);
  // A URN holds dots and colons of its own; its last colon is the one before the attribute.
  const schema = take(/^urn:[^\s["]*:/i)?.slice(0, -1);
  const attribute = expect(attributeName, 'an attribute name');
  let filter: ScimPath['filter'];
  if (take(/^\[\s*/) !== undefined) {
    const name = expect(attributeName, 'an attribute name');
    expect(/^\s+eq\s+/i, '" eq "');
    const [quoted = ''] = quotedText.exec(text.slice(position)) ?? [];
    const value = textIn(quoted) ?? refuse('text in double quotes');
    position += quoted.length;
    expect(/^\s*\]/, '"]"');
    filter = { attribute: name, value };
  }
  const subAttribute = take(/^\./) === undefined ? undefined : expect(attributeName, 'the name of a sub-attribute');
  expect(/^\s*$/, 'the end of the path');
  return {
    ...(schema === undefined ? {} : { schema }),
    attribute,
    ...(filter === undefined ? {} : { filter }),
    ...(subAttribute === undefined ? {} : { subAttribute }),
  };
}

/** The text of a path, as `parseScimPath` reads it. */
export function formatScimPath({ schema, attribute, filter, subAttribute }: ScimPath): string {
  const prefix = schema === undefined ? '' : `${schema}:`;
  const entry = filter === undefined ? '' : `[${filter.attribute} eq ${JSON.stringify(filter.value)}]`;
  return `${prefix}${attribute}${entry}${subAttribute === undefined ? '' : `.${subAttribute}`}`;
}

/**
 * What a resource holds at a path, undefined where it holds nothing. Names and the filter's value are compared without
 * case (RFC 7643 section 2.1). Where several entries fit the filter, the primary one goes first, then the order of the
 * list; the first that has the sub-attribute is read.
 */
export function readPath(resource: unknown, path: ScimPath): unknown {
  const value = member(holderOf(resource, path), path.attribute);
  const { filter, subAttribute } = path;
  if (filter === undefined) return subAttribute === undefined ? value : member(value, subAttribute);
  const fitting = fittingEntries(entriesOf(value), filter);
  if (subAttribute === undefined) return fitting[0];
  return fitting.map((entry) => member(entry, subAttribute)).find((found) => found !== undefined && found !== null);
}

/**
 * A new resource with this value at a path; null takes it away, and with it whatever holds nothing else. Everything
 * beside it stays. Several entries that fit the filter become one, with what any of them had; an entry without its
 * `value`, or with nothing but its type, is no entry.
 */
export function writePath(resource: unknown, path: ScimPath, value: unknown): JsonObject {
  const object = isObject(resource) ? resource : {};
  if (inExtension(path)) {
    const { schema, ...rest } = path;
    return withMember(object, schema, orNothing(writePath(member(object, schema), rest, value)));
  }
  const { attribute, filter, subAttribute } = path;
  const held = member(object, attribute);
  if (filter !== undefined) return withMember(object, attribute, orNothing(writeEntry(entriesOf(held), path, value)));
  if (subAttribute === undefined) return withMember(object, attribute, value);
  return withMember(object, attribute, orNothing(withMember(isObject(held) ? held : {}, subAttribute, value)));
}

/** The entries of a multi-valued attribute; some servers give a single one without its list. */
export function entriesOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value.filter((entry) => entry !== null);
  return isObject(value) ? [value] : [];
}

function writeEntry(entries: readonly unknown[], path: ScimPath, value: unknown): readonly unknown[] {
  const { filter, subAttribute } = path;
  if (filter === undefined) return entries;
  const fitting = fittingEntries(entries, filter);
  const start: JsonObject = fitting.length > 0 ? joined(fitting) : { [filter.attribute]: filter.value };
  const entry = subAttribute === undefined ? value : withMember(start, subAttribute, value);
  const kept = isObject(entry) && holdsSomething(entry, path, value) ? [entry] : [];
  const at = entries.indexOf(fitting[0]);
  if (at < 0) return [...entries, ...kept];
  const others = (list: readonly unknown[]) => list.filter((other) => !fitting.includes(other as JsonObject));
  return [...others(entries.slice(0, at)), ...kept, ...others(entries.slice(at))];
}

function holdsSomething(entry: JsonObject, { filter, subAttribute }: ScimPath, value: unknown): boolean {
  if (subAttribute?.toLowerCase() === 'value' && (value === null || value === undefined)) return false;
  const labels = ['primary', filter?.attribute.toLowerCase()];
  return Object.entries(entry).some(
    ([name, held]) => held !== null && held !== undefined && !labels.includes(name.toLowerCase()),
  );
}

function fittingEntries(entries: readonly unknown[], filter: NonNullable<ScimPath['filter']>): readonly JsonObject[] {
  const fitting = entries.filter(isObject).filter((entry) => {
    const value = member(entry, filter.attribute);
    return typeof value === 'string' && value.toLowerCase() === filter.value.toLowerCase();
  });
  const isPrimary = (entry: JsonObject) => Number(member(entry, 'primary') === true);
  return fitting.sort((one, other) => isPrimary(other) - isPrimary(one));
}

/** The first one's values win. */
function joined(entries: readonly JsonObject[]): JsonObject {
  return entries.reduce((all, entry) =>
    Object.entries(entry).reduce(
      (result, [name, value]) => ((member(result, name) ?? null) === null ? withMember(result, name, value) : result),
      all,
    ),
  );
}

function holderOf(resource: unknown, path: ScimPath): unknown {
  return inExtension(path) ? member(resource, path.schema) : resource;
}

function inExtension(path: ScimPath): path is ScimPath & { readonly schema: string } {
  return path.schema !== undefined && path.schema.toLowerCase() !== userSchema.toLowerCase();
}

/** A member by its name, without regard to case; the same spelling goes first. */
function member(object: unknown, name: string): unknown {
  if (!isObject(object)) return undefined;
  const spelling = spellingIn(object, name);
  return Object.hasOwn(object, spelling) ? object[spelling] : undefined;
}

function withMember(object: JsonObject, name: string, value: unknown): JsonObject {
  const spelling = spellingIn(object, name);
  if (value !== null && value !== undefined) return { ...object, [spelling]: value };
  return Object.fromEntries(Object.entries(object).filter(([key]) => key.toLowerCase() !== name.toLowerCase()));
}

function spellingIn(object: JsonObject, name: string): string {
  if (Object.hasOwn(object, name)) return name;
  const lowerCase = name.toLowerCase();
  return Object.keys(object).find((key) => key.toLowerCase() === lowerCase) ?? name;
}

function orNothing(value: JsonObject | readonly unknown[]): unknown {
  return Object.keys(value).length === 0 ? null : value;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The text of a JSON string, undefined where its escapes are not those of JSON (RFC 7644 section 3.4.2.2). */
function textIn(json: string): string | undefined {
  try {
    return String(JSON.parse(json));
  } catch {
    return undefined;
  }
}
