/** A Maptician user as a SCIM resource and back (RFC 7643 sections 4.1 and 4.3). Pure. */
import { z } from 'zod';
import { SyncError } from '../../errors.ts';
import {
  type AttributePath,
  type AttributeValue,
  attributePaths,
  scimPathOf,
  type UserAttributes,
} from '../../mapping/maptician-user.ts';
import {
  enterpriseUserSchema,
  entriesOf,
  type JsonObject,
  parseScimPath,
  readPath,
  userSchema,
  writePath,
} from '../../mapping/scim-path.ts';
import type { StoredUser } from '../user-store.ts';

const workEmail: AttributePath = 'emails[type eq "work"].value';
const primaryWorkEmail = parseScimPath('emails[type eq "work"].primary');
const idPath = parseScimPath('id');
const totalResultsPath = parseScimPath('totalResults');
const resourcesPath = parseScimPath('Resources');

/**
 * The body of a POST. What has no value is left out, with its entry, list or extension: Microsoft's service sends neither
 * nulls nor empty lists, and some servers refuse them. The work e-mail is the primary one, as that service has it
 * (https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups#create-user).
 */
export function toResource(attributes: UserAttributes): JsonObject {
  let resource: JsonObject = {};
  for (const path of attributePaths) {
    const value = attributes[path];
    if (hasValue(value)) resource = writePath(resource, scimPathOf(path), value);
  }
  if (hasValue(attributes[workEmail])) resource = writePath(resource, primaryWorkEmail, true);
  const extended = Object.hasOwn(resource, enterpriseUserSchema);
  return { schemas: extended ? [userSchema, enterpriseUserSchema] : [userSchema], ...resource };
}

const identifier = z.union([z.string().min(1), z.number().transform(String)]);

/**
 * Reads a user as a server gives it. Servers differ, so what is meant counts: names in any case, numbers as text,
 * "True" and "False" as Booleans; nulls and empty texts are no value.
 * @throws SyncError SystemForCrossDomainIdentityManagementServiceIncompatible where there is no id
 */
export function readUser(body: unknown): StoredUser {
  const id = idOf(body);
  if (id === undefined) throw incompatible('Maptician answered with something that is no user: it has no id');
  return { id, attributes: readAttributes(body) };
}

export function idOf(body: unknown): string | undefined {
  return identifier.safeParse(readPath(body, idPath)).data;
}

/** All fifteen attributes of a resource, null where it has none. */
export function readAttributes(resource: unknown): UserAttributes {
  return Object.fromEntries(
    attributePaths.map((path) => [path, readValue(path, readPath(resource, scimPathOf(path)))]),
  );
}

const count = z.union([z.number(), z.string().regex(/^\d+$/).transform(Number)]).pipe(z.number().int().nonnegative());
const resources = z.array(z.unknown());

/**
 * Reads a ListResponse (RFC 7644 section 3.4.2). `Resources` may be missing, `totalResults` may be text, or missing
 * where there are Resources. An entry without an id is refused and not skipped: pages are counted by their entries, and
 * an account that cannot be addressed would be created a second time.
 * @throws SyncError SystemForCrossDomainIdentityManagementServiceIncompatible
 */
export function readList(body: unknown): {
  readonly users: readonly StoredUser[];
  readonly total: number;
  /** Whether the server gave the total; else it is that of this page. */
  readonly counted: boolean;
} {
  const listed = resources.safeParse(readPath(body, resourcesPath) ?? undefined);
  const total = count.safeParse(readPath(body, totalResultsPath));
  if (!total.success && !listed.success)
    throw incompatible('Maptician answered with something that is no list of users');
  const users = (listed.data ?? []).map(readUser);
  return { users, total: total.data ?? users.length, counted: total.success };
}

/** Whether several entries have the type of this path: then nobody can say which of them counts. */
export function isDoubled(resource: unknown, path: AttributePath): boolean {
  const { attribute, filter } = scimPathOf(path);
  if (filter === undefined) return false;
  const typePath = parseScimPath(filter.attribute);
  const wanted = filter.value.toLowerCase();
  const types = entriesOf(readPath(resource, { attribute })).map((entry) =>
    String(readPath(entry, typePath)).toLowerCase(),
  );
  return types.filter((type) => type === wanted).length > 1;
}

/** What a server holds instead of what was sent, attribute by attribute; null where it dropped the value. */
export function keptInstead(wanted: UserAttributes, actual: UserAttributes): UserAttributes {
  return Object.fromEntries(
    attributePaths
      .filter((path) => wanted[path] !== undefined && attributeValue(wanted, path) !== attributeValue(actual, path))
      .map((path) => [path, attributeValue(actual, path)]),
  );
}

/** An attribute's value; an unknown one and an empty text are null. */
export function attributeValue(attributes: UserAttributes, path: AttributePath): AttributeValue {
  const value = attributes[path];
  return hasValue(value) ? value : null;
}

function hasValue(value: AttributeValue | undefined): value is string | boolean {
  return value !== undefined && value !== null && value !== '';
}

const booleanValue = z.union([z.boolean(), z.stringbool({ truthy: ['true'], falsy: ['false'], case: 'insensitive' })]);
const textValue = z.union([z.string().min(1), z.number().transform(String), z.boolean().transform(String)]);

function readValue(path: AttributePath, found: unknown): AttributeValue {
  const schema: z.ZodType<AttributeValue> = path === 'active' ? booleanValue : textValue;
  return schema.safeParse(found).data ?? null;
}

function incompatible(message: string): SyncError {
  return new SyncError('SystemForCrossDomainIdentityManagementServiceIncompatible', message);
}
