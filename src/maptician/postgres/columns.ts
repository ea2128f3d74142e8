/** `maptician.users`: one column an attribute of a Maptician user. */
import {
  type AttributePath,
  type AttributeValue,
  attributePaths,
  type UserAttributes,
} from '../../mapping/maptician-user.ts';

const columnNames = {
  userName: 'user_name',
  'emails[type eq "work"].value': 'work_email',
  active: 'active',
  title: 'title',
  userType: 'user_type',
  'name.givenName': 'given_name',
  'name.familyName': 'family_name',
  'addresses[type eq "work"].locality': 'work_locality',
  'addresses[type eq "work"].region': 'work_region',
  'phoneNumbers[type eq "work"].value': 'work_phone',
  'phoneNumbers[type eq "mobile"].value': 'mobile_phone',
  externalId: 'external_id',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber': 'employee_number',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization': 'organization',
  'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department': 'department',
} as const satisfies Record<AttributePath, string>;

export type Column = (typeof columnNames)[AttributePath];

/** The values of some columns; one that is absent is not written. */
export type ColumnValues = { readonly [name in Column]?: AttributeValue };

/** The attribute columns, in the order of the table. */
export const columns: readonly Column[] = attributePaths.map((path) => columnNames[path]);

/** The column of an attribute. */
export function columnOf(path: AttributePath): Column {
  return columnNames[path];
}

/** `boolean` for `active`, `text` for every other. */
export function columnType(column: Column): 'text' | 'boolean' {
  return column === 'active' ? 'boolean' : 'text';
}

/** A list of columns, each behind a prefix, for a statement. */
export function columnList(prefix = '', names: readonly Column[] = columns): string {
  return names.map((column) => `${prefix}${column}`).join(', ');
}

export function toColumns(attributes: UserAttributes): ColumnValues {
  const values: { [name in Column]?: AttributeValue } = {};
  for (const path of attributePaths) {
    const value = attributes[path];
    if (value !== undefined) values[columnNames[path]] = value;
  }
  return values;
}

export function toAttributes(values: ColumnValues): UserAttributes {
  const attributes: { [path in AttributePath]?: AttributeValue } = {};
  for (const path of attributePaths) attributes[path] = values[columnNames[path]] ?? null;
  return attributes;
}
