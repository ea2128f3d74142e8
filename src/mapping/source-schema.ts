/**
 * What can be read of an Entra user: the one table of source attributes. Names are those of the Microsoft Graph user
 * (https://learn.microsoft.com/graph/api/resources/user) and, where it has its own, of Microsoft's provisioning service
 * (https://learn.microsoft.com/graph/api/resources/synchronization-objectdefinition).
 */
import type { User } from '@microsoft/microsoft-graph-types';
import { nearestName } from './expression/nearest-name.ts';
import { withoutGuestSuffix } from './guest-name.ts';

/** What an attribute holds, in the words of Microsoft's attributeDefinition. A Reference is an object id. */
export type AttributeType = 'String' | 'Boolean' | 'Integer' | 'DateTime' | 'Reference';

/** An attribute that attribute mappings, expressions and scoping filters can read. */
export interface SourceAttribute {
  /** Its own name, never an alias; case counts. */
  readonly name: string;
  /** Undefined for a directory extension: Graph alone knows what it holds. */
  readonly type: AttributeType | undefined;
  /** Undefined for a directory extension. */
  readonly multiValued: boolean | undefined;
  /** The Graph property that holds it; undefined where the service computes it. */
  readonly property: string | undefined;
  /** Where in that property's value it stands; empty for the value itself. */
  readonly path: readonly (string | number)[];
  /** Whether users/delta tells when it changes. */
  readonly tracked: boolean;
}

/** A value as Graph gives it. An attribute that was never set, an empty collection and null are one and the same: null. */
export type AttributeContent = string | boolean | number | readonly string[] | null;

type Row = Partial<Omit<SourceAttribute, 'name'>>;

const text: Row = {};
const texts: Row = { multiValued: true };
const boolean: Row = { type: 'Boolean' };
const date: Row = { type: 'DateTime' };
const within = (property: string, ...path: (string | number)[]): Row => ({ property, path });

const extensionAttributes = Object.fromEntries(
  Array.from({ length: 15 }, (_, index) => `extensionAttribute${index + 1}`).map((name) => [
    name,
    within('onPremisesExtensionAttributes', name),
  ]),
);

/** Names that are no properties of the Graph user. */
type OwnName =
  | 'IsSoftDeleted'
  | 'originalUserPrincipalName'
  | 'telephoneNumber'
  | `employeeOrgData.${string}`
  | `manager.${string}`
  | `extensionAttribute${number}`;

/** The order here is the order of `$select`. */
const rows = {
  id: text,
  userPrincipalName: text,
  accountEnabled: boolean,
  ageGroup: text,
  businessPhones: texts,
  city: text,
  companyName: text,
  country: text,
  createdDateTime: date,
  creationType: text,
  department: text,
  displayName: text,
  employeeHireDate: date,
  employeeId: text,
  'employeeOrgData.costCenter': within('employeeOrgData', 'costCenter'),
  'employeeOrgData.division': within('employeeOrgData', 'division'),
  employeeType: text,
  ...extensionAttributes,
  externalUserState: text,
  faxNumber: text,
  givenName: text,
  imAddresses: texts,
  jobTitle: text,
  mail: text,
  mailNickname: text,
  // The reference itself comes with the delta, as manager@delta. What the manager is called changes with the manager.
  manager: { type: 'Reference', property: 'manager', path: ['id'] },
  'manager.userPrincipalName': { property: 'manager', path: ['userPrincipalName'], tracked: false },
  mobilePhone: text,
  officeLocation: text,
  onPremisesDistinguishedName: text,
  onPremisesDomainName: text,
  onPremisesImmutableId: text,
  onPremisesSamAccountName: text,
  onPremisesSecurityIdentifier: text,
  onPremisesSyncEnabled: boolean,
  onPremisesUserPrincipalName: text,
  originalUserPrincipalName: within('userPrincipalName'),
  otherMails: texts,
  postalCode: text,
  preferredDataLocation: text,
  preferredLanguage: text,
  proxyAddresses: texts,
  securityIdentifier: text,
  state: text,
  streetAddress: text,
  surname: text,
  usageLocation: text,
  userType: text,
  // Holds the first of businessPhones under the name that Microsoft's provisioning gives it, and so is no alias.
  telephoneNumber: within('businessPhones', 0),
  IsSoftDeleted: { type: 'Boolean', property: undefined, tracked: false },
} as const satisfies { readonly [Name in keyof User | OwnName]?: Row };

/** Names of Microsoft's provisioning service for what Graph calls otherwise. */
const aliases: Readonly<Record<string, string>> = {
  dirSyncEnabled: 'onPremisesSyncEnabled',
  facsimileTelephoneNumber: 'faxNumber',
  mobile: 'mobilePhone',
  objectId: 'id',
  physicalDeliveryOfficeName: 'officeLocation',
};

const attributes: ReadonlyMap<string, SourceAttribute> = new Map(
  Object.entries(rows).map(([name, row]): [string, SourceAttribute] => [
    name,
    { name, type: 'String', multiValued: false, property: name, path: [], tracked: true, ...row },
  ]),
);

/** Every attribute but directory extensions. */
export const sourceAttributes: readonly SourceAttribute[] = [...attributes.values()];

/** `extension_<id of the app that registered it, without hyphens>_<name>`. */
export const directoryExtensionPattern = /^extension_[0-9a-fA-F]{32}_\w{1,120}$/;

/** Every name but those of directory extensions, aliases included. */
export const sourceAttributeNames: readonly string[] = [...attributes.keys(), ...Object.keys(aliases)];

/** The attribute of that name or alias; undefined where there is none. Names are case-sensitive. */
export function findSourceAttribute(name: string): SourceAttribute | undefined {
  if (directoryExtensionPattern.test(name)) {
    return { name, type: undefined, multiValued: undefined, property: name, path: [], tracked: true };
  }
  return attributes.get(Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name);
}

/** What to say of a name that findSourceAttribute does not know. */
export function unknownAttribute(name: string): string {
  const near = nearestName(name, sourceAttributeNames);
  const advice = near === undefined ? 'use the name of a property of the Graph user' : `did you mean ${near}?`;
  return `"${name}" is no attribute of an Entra user; ${advice}`;
}

/** What to ask Graph for. */
export interface UserSelection {
  /** The `$select` of users/delta and of a direct read alike, without the manager. */
  readonly properties: readonly string[];
  /**
   * The manager is wanted. A direct read takes `$expand=manager($select=id,userPrincipalName)`; users/delta takes
   * `manager` in its `$select` and answers `manager@delta` with the id alone
   * (https://learn.microsoft.com/graph/delta-query-users), after which the user is to be read directly.
   */
  readonly manager: boolean;
}

const always = ['id', 'userPrincipalName', 'accountEnabled'];

/** The selection for some attributes: each property once, and in one order whatever the order of the attributes. */
export function selectionOf(wanted: Iterable<SourceAttribute>): UserSelection {
  const properties = new Set(always);
  for (const { property } of wanted) if (property !== undefined) properties.add(property);
  const manager = properties.delete('manager');
  const known = new Set([...attributes.values()].flatMap(({ property }) => property ?? []));
  const ordered = [...known].filter((property) => properties.has(property));
  const extensions = [...properties].filter((property) => !known.has(property)).sort();
  return { properties: [...ordered, ...extensions], manager };
}

/**
 * Reads an attribute of a user whose keys are Graph's own, as the mirror keeps them, with the manager as `$expand`
 * gives it: `{ manager: { id, userPrincipalName } }`. What has another form than Graph documents reads as null.
 */
export function readSourceAttribute(
  attribute: SourceAttribute,
  user: Readonly<Record<string, unknown>>,
  computed: { readonly isSoftDeleted: boolean },
): AttributeContent {
  if (attribute.property === undefined) return computed.isSoftDeleted;
  let value: unknown = ownValue(user, attribute.property);
  for (const step of attribute.path) value = ownValue(value, step);
  const content = contentOf(value);
  if (attribute.name === 'userPrincipalName' && typeof content === 'string') return withoutGuestSuffix(content);
  return content;
}

function ownValue(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Readonly<Record<string | number, unknown>>)[key];
}

function contentOf(value: unknown): AttributeContent {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (!Array.isArray(value)) return null;
  const items = value.flatMap((item: unknown) => {
    const single = Array.isArray(item) ? null : contentOf(item);
    return single === null ? [] : [String(single)];
  });
  return items.length === 0 ? null : items;
}
