/**
 * The properties of a Graph user that the sandbox keeps
 * (https://learn.microsoft.com/graph/api/resources/user).
 */
import { z } from 'zod';

type PropertyKind = 'string' | 'boolean' | 'strings' | 'object';

const kinds = {
  userPrincipalName: 'string',
  mail: 'string',
  displayName: 'string',
  givenName: 'string',
  surname: 'string',
  mailNickname: 'string',
  accountEnabled: 'boolean',
  userType: 'string',
  jobTitle: 'string',
  department: 'string',
  companyName: 'string',
  employeeId: 'string',
  // The object id; a read gives it by $expand only.
  manager: 'string',
  employeeType: 'string',
  employeeHireDate: 'string',
  employeeOrgData: 'object',
  officeLocation: 'string',
  streetAddress: 'string',
  postalCode: 'string',
  city: 'string',
  state: 'string',
  country: 'string',
  usageLocation: 'string',
  preferredLanguage: 'string',
  businessPhones: 'strings',
  mobilePhone: 'string',
  faxNumber: 'string',
  otherMails: 'strings',
  proxyAddresses: 'strings',
  onPremisesSyncEnabled: 'boolean',
  onPremisesExtensionAttributes: 'object',
  onPremisesImmutableId: 'string',
  onPremisesSamAccountName: 'string',
  externalUserState: 'string',
  creationType: 'string',
  ageGroup: 'string',
} as const satisfies Record<string, PropertyKind>;

type NamedProperty = keyof typeof kinds;
/** `extension_<app id without hyphens>_<name>`: a directory extension, of any type. */
type ExtensionProperty = `extension_${string}`;
export type UserProperty = NamedProperty | ExtensionProperty;

interface Values {
  readonly string: string;
  readonly boolean: boolean;
  readonly strings: readonly string[];
  readonly object: Readonly<Record<string, string | null>>;
}

/** An absent key was never set; null (or an empty list) was set once and cleared. */
export type UserProperties = {
  -readonly [name in NamedProperty]?: Values[(typeof kinds)[name]] | null | undefined;
} & { [name in ExtensionProperty]?: unknown };

/** Those that have a name in every tenant. */
const userPropertyNames = Object.keys(kinds) as NamedProperty[];

/** Those that a read gives as they are; a reference is given in another way. */
export const plainPropertyNames = userPropertyNames.filter((name) => name !== 'manager');

/** What a read without `$select` returns, id aside. */
export const defaultUserProperties = [
  'businessPhones',
  'displayName',
  'givenName',
  'jobTitle',
  'mail',
  'mobilePhone',
  'officeLocation',
  'preferredLanguage',
  'surname',
  'userPrincipalName',
] as const satisfies readonly NamedProperty[];

/** Kept outside the directory: served for one user only, and never tracked. */
export const outsideProperties: ReadonlySet<string> = new Set([
  'aboutMe',
  'birthday',
  'hireDate',
  'interests',
  'mailboxSettings',
  'mySite',
  'pastProjects',
  'preferredName',
  'responsibilities',
  'schools',
  'skills',
]);

export function isUserProperty(name: string): name is UserProperty {
  return isNamed(name) || /^extension_[0-9a-f]{32}_\w+$/i.test(name);
}

function isNamed(name: string): name is NamedProperty {
  return Object.hasOwn(kinds, name);
}

/** True for properties that hold a list, whose empty value is `[]` and not null. */
export function isListProperty(name: UserProperty): boolean {
  return isNamed(name) && kinds[name] === 'strings';
}

const valueSchemas = {
  string: z.string().min(1).nullable(),
  boolean: z.boolean().nullable(),
  strings: z.array(z.string()).nullable(),
  object: z.record(z.string(), z.string().nullable()).nullable(),
} as const;

/** Changes to a user, as the control API takes them. Unknown names are refused. */
export const userChangesSchema = z
  .looseObject(Object.fromEntries(userPropertyNames.map((name) => [name, valueSchemas[kinds[name]].optional()])))
  .superRefine((changes, context) => {
    const keys = Object.keys(changes).filter((name) => !isUserProperty(name));
    if (keys.length > 0) context.addIssue({ code: 'unrecognized_keys', keys, input: changes });
  })
  .transform((changes) => changes as UserProperties);
