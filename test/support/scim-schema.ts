/**
 * Checks what is sent against the schemas that a SCIM server publishes: the `/Schemas` answer (RFC 7643 section 7, RFC
 * 7644 section 4) becomes a list of problems for the body of a POST or a PATCH.
 */
import SCIMMY from 'scimmy';
import { z } from 'zod';
import { enterpriseUserSchema, parseScimPath, type ScimPath, userSchema } from '../../src/mapping/scim-path.ts';

interface Attribute {
  readonly name: string;
  readonly type: string;
  readonly multiValued: boolean;
  readonly required: boolean;
  readonly mutability: string;
  readonly canonicalValues?: readonly unknown[] | undefined;
  readonly subAttributes: readonly Attribute[];
}

export interface ScimSchemaChecks {
  /** What is wrong with the body of a POST; empty where nothing is. */
  resourceProblems(body: unknown): string[];
  /** What is wrong with the body of a PATCH. */
  patchProblems(body: unknown): string[];
}

const attribute: z.ZodType<Attribute> = z.object({
  name: z.string(),
  type: z.string().default('string'),
  multiValued: z.boolean().default(false),
  required: z.boolean().default(false),
  mutability: z.string().default('readWrite'),
  canonicalValues: z.array(z.unknown()).optional(),
  get subAttributes() {
    return z.array(attribute).default([]);
  },
});

const schemasAnswer = z.object({
  Resources: z.array(z.object({ id: z.string(), attributes: z.array(attribute).default([]) })),
});

const patchMessage = z.strictObject({
  schemas: z.tuple([z.literal('urn:ietf:params:scim:api:messages:2.0:PatchOp')]),
  Operations: z
    .array(z.strictObject({ op: z.string(), path: z.string().optional(), value: z.unknown().optional() }))
    .min(1),
});

const attributeOf = (name: string, more: Partial<Attribute> = {}): Attribute => ({
  name,
  type: 'string',
  multiValued: false,
  required: false,
  mutability: 'readWrite',
  subAttributes: [],
  ...more,
});

/** What every resource has, whether or not its schema says so (RFC 7643 section 3.1). */
const commonAttributes = [
  attributeOf('schemas', { multiValued: true, required: true }),
  attributeOf('id', { mutability: 'readOnly' }),
  attributeOf('externalId'),
  attributeOf('meta', { type: 'complex', mutability: 'readOnly' }),
];

/** Reads a `/Schemas` answer with the schema of users and, where there is one, of enterprise users. */
export function readSchemas(answer: unknown): ScimSchemaChecks {
  const { Resources } = schemasAnswer.parse(answer);
  const attributesOf = (urn: string) => Resources.find(({ id }) => id === urn)?.attributes;
  const core = attributesOf(userSchema);
  if (core === undefined) throw new Error(`the answer has no schema ${userSchema}`);
  const named = new Set(core.map(({ name }) => name.toLowerCase()));
  const all = [...core, ...commonAttributes.filter(({ name }) => !named.has(name.toLowerCase()))];
  const extension = attributesOf(enterpriseUserSchema);
  return {
    resourceProblems: (body) => resourceProblems(body, all, extension),
    patchProblems: (body) => patchProblems(body, all, extension),
  };
}

/** Those of scimmy, a strict server, whose users have the enterprise extension from then on. */
export function readScimmySchemas(): ScimSchemaChecks {
  const { User, EnterpriseUser } = SCIMMY.Schemas;
  SCIMMY.Resources.User.extend(EnterpriseUser, false);
  const answer = { Resources: [User.definition.describe(), EnterpriseUser.definition.describe()] };
  return readSchemas(JSON.parse(JSON.stringify(answer)));
}

type Extension = readonly Attribute[] | undefined;

function resourceProblems(body: unknown, core: readonly Attribute[], extension: Extension): string[] {
  if (!isObject(body)) return ['the body is no object'];
  const { [enterpriseUserSchema]: extended, ...rest } = body;
  const declared = [userSchema, ...(extended === undefined ? [] : [enterpriseUserSchema])];
  const problems = membersProblems(rest, core, '');
  if (JSON.stringify(rest.schemas) !== JSON.stringify(declared)) {
    problems.push(`schemas: must be ${declared.join(' and ')}`);
  }
  if (extended === undefined) return problems;
  if (extension === undefined) return [...problems, `${enterpriseUserSchema}: is no schema of this server`];
  return [...problems, ...complexProblems(extended, extension, `${enterpriseUserSchema}:`, enterpriseUserSchema)];
}

function patchProblems(body: unknown, core: readonly Attribute[], extension: Extension): string[] {
  const message = patchMessage.safeParse(body);
  if (!message.success) return message.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
  return message.data.Operations.flatMap(({ op, path, value }, index) => {
    const verb = op.toLowerCase();
    const problems = operationProblems(verb, path, value, core, extension);
    if (!['add', 'replace', 'remove'].includes(verb)) problems.push(`"${op}" is no operation`);
    if (verb !== 'remove' && value === undefined) problems.push('has no value');
    return problems.map((problem) => `operation ${index + 1}: ${problem}`);
  });
}

function operationProblems(
  verb: string,
  text: string | undefined,
  value: unknown,
  core: readonly Attribute[],
  extension: Extension,
): string[] {
  if (text === undefined) return ['has no path'];
  let path: ScimPath;
  try {
    path = parseScimPath(text);
  } catch (error) {
    return [`${text}: ${String(error)}`];
  }
  const known = path.schema === undefined || path.schema === userSchema ? core : extension;
  if (path.schema !== undefined && ![userSchema, enterpriseUserSchema].includes(path.schema)) {
    return [`${text}: is in no schema of this server`];
  }
  const found = find(known ?? [], path.attribute);
  if (found === undefined) return [`${text}: is no attribute`];
  const problems = filterProblems(text, path, found);
  const target = path.subAttribute === undefined ? found : find(found.subAttributes, path.subAttribute);
  if (target === undefined) return [...problems, `${text}: is no sub-attribute`];
  if ([found, target].some(({ mutability }) => mutability === 'readOnly')) problems.push(`${text}: is read-only`);
  if (verb === 'remove') {
    if (target.required && path.filter === undefined) problems.push(`${text}: is required`);
    return problems;
  }
  if (value === undefined) return problems;
  // A list takes one entry as well as a list of them; a path with a filter means entries of it.
  const isList = target.multiValued && path.filter === undefined && Array.isArray(value);
  return [...problems, ...valueProblems(value, { ...target, multiValued: isList }, text)];
}

function filterProblems(text: string, path: ScimPath, found: Attribute): string[] {
  if (path.filter === undefined) {
    return found.multiValued && path.subAttribute !== undefined ? [`${text}: means no entry of the list`] : [];
  }
  if (!found.multiValued) return [`${text}: is no list, so it cannot be filtered`];
  return find(found.subAttributes, path.filter.attribute) === undefined
    ? [`${text}: filters by what is no sub-attribute`]
    : [];
}

function membersProblems(object: Readonly<Record<string, unknown>>, known: readonly Attribute[], prefix: string) {
  const problems = Object.entries(object).flatMap(([name, value]) => {
    const found = find(known, name);
    if (found === undefined) return [`${prefix}${name}: is no attribute`];
    if (found.mutability === 'readOnly') return [`${prefix}${name}: is read-only`];
    return valueProblems(value, found, prefix + found.name);
  });
  const given = new Set(Object.keys(object).map((name) => name.toLowerCase()));
  const missing = known.filter(({ name, required }) => required && !given.has(name.toLowerCase()));
  return [...problems, ...missing.map(({ name }) => `${prefix}${name}: is required`)];
}

function complexProblems(value: unknown, known: readonly Attribute[], prefix: string, name: string): string[] {
  if (!isObject(value)) return [`${name}: must be an object`];
  if (Object.keys(value).length === 0) return [`${name}: is empty`];
  return membersProblems(value, known, prefix);
}

function valueProblems(value: unknown, definition: Attribute, name: string): string[] {
  if (value === null) return [`${name}: is null`];
  if (definition.multiValued) return listProblems(value, definition, name);
  if (definition.type === 'complex') return complexProblems(value, definition.subAttributes, `${name}.`, name);
  const expected = { boolean: 'boolean', integer: 'number', decimal: 'number' }[definition.type] ?? 'string';
  if (typeof value !== expected) return [`${name}: must be a ${definition.type}`];
  if (value === '') return [`${name}: is empty`];
  const { canonicalValues = [] } = definition;
  const isCanonical = canonicalValues.length === 0 || canonicalValues.includes(value);
  return isCanonical ? [] : [`${name}: must be one of ${canonicalValues.join(', ')}`];
}

function listProblems(value: unknown, definition: Attribute, name: string): string[] {
  if (!Array.isArray(value)) return [`${name}: must be a list`];
  if (value.length === 0) return [`${name}: is empty`];
  const entries: readonly unknown[] = value;
  const problems = entries.flatMap((entry) => valueProblems(entry, { ...definition, multiValued: false }, name));
  const primaries = entries.filter((entry) => isObject(entry) && entry.primary === true);
  return primaries.length > 1 ? [...problems, `${name}: has more than one primary entry`] : problems;
}

function find(attributes: readonly Attribute[], name: string): Attribute | undefined {
  return attributes.find((candidate) => candidate.name.toLowerCase() === name.toLowerCase());
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
