/** From an Entra user to the Maptician user it should be, and what differs between two of those. */
import type { AttributeMapping, AttributeTable } from './attribute-table.ts';
import { type AttributePath, type AttributeValue, attributePaths, type UserAttributes } from './maptician-user.ts';
import { type SourceUser, withoutGuestSuffix } from './source-user.ts';

/** What the service knows of a user beyond its properties. */
export interface ComputedProperties {
  /** Unassigned, filtered out, soft-deleted or disabled. */
  readonly isSoftDeleted: boolean;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/**
 * The whole wanted user: every target of the table, null where there is no value. An empty string is no value.
 * Defaults apply to a user that is created and never to an update, as in Microsoft's service
 * (https://learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes).
 */
export function mapUser(
  table: AttributeTable,
  user: SourceUser,
  computed: ComputedProperties,
  purpose: 'create' | 'update',
): UserAttributes {
  const wanted: Mutable<UserAttributes> = {};
  for (const mapping of table.mappings) {
    const value = read(mapping, user, computed);
    wanted[mapping.target] = value ?? (purpose === 'create' ? (mapping.default ?? null) : null);
  }
  return wanted;
}

/** The value existing accounts are matched by, or null where the user has none and so cannot be provisioned. */
export function userNameOf(table: AttributeTable, user: SourceUser): string | null {
  const matching = table.mappings.find((mapping) => mapping.matching);
  const value = matching === undefined ? null : read(matching, user, { isSoftDeleted: false });
  return typeof value === 'string' ? value : null;
}

/**
 * The wanted attributes that differ from those last applied; an attribute that was never applied counts as null.
 * Case counts. With `flowNulls` false a null never flows, so a cleared attribute keeps its old value in Maptician:
 * that is what Microsoft's service does.
 */
export function changedAttributes(
  wanted: UserAttributes,
  applied: UserAttributes,
  options: { readonly flowNulls: boolean },
): UserAttributes {
  const changes: Mutable<UserAttributes> = {};
  for (const path of attributePaths) {
    const value = wanted[path];
    if (value === undefined || value === appliedValue(applied, path)) continue;
    if (value === null && !options.flowNulls) continue;
    changes[path] = value;
  }
  return changes;
}

function appliedValue(applied: UserAttributes, path: AttributePath): AttributeValue {
  return applied[path] ?? null;
}

function read(mapping: AttributeMapping, user: SourceUser, computed: ComputedProperties): AttributeValue {
  const value = readSource(mapping.source, user, computed);
  return value === '' || value === undefined ? null : value;
}

function readSource(
  source: AttributeMapping['source'],
  user: SourceUser,
  computed: ComputedProperties,
): AttributeValue | undefined {
  switch (source.from) {
    case 'constant':
      return source.value;
    case 'isSoftDeleted':
      return computed.isSoftDeleted !== source.invert;
    case 'guestName':
      return typeof user.userPrincipalName === 'string' ? withoutGuestSuffix(user.userPrincipalName) : null;
    case 'property': {
      const value = user[source.property];
      if (Array.isArray(value)) return value[source.index ?? 0];
      return typeof value === 'boolean' ? value !== source.invert : value;
    }
  }
}
