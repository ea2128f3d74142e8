/**
 * The properties of a Graph user that the sandbox keeps
 * (https://learn.microsoft.com/graph/api/resources/user).
 */
import { z } from 'zod';

type PropertyKind = 'string' | 'boolean' | 'strings';

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
  employeeType: 'string',
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
  onPremisesImmutableId: 'string',
  onPremisesSamAccountName: 'string',
  externalUserState: 'string',
  creationType: 'string',
  ageGroup: 'string',
} as const satisfies Record<string, PropertyKind>;

export type UserProperty = keyof typeof kinds;

/** An absent key was never set; null (or an empty list) was set once and cleared. */
export type UserProperties = {
  -readonly [name in UserProperty]?:
    | ((typeof kinds)[name] extends 'boolean'
        ? boolean
        : (typeof kinds)[name] extends 'strings'
          ? readonly string[]
          : string)
    | null
    | undefined;
};

export const userPropertyNames = Object.keys(kinds) as UserProperty[];

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
] as const satisfies readonly UserProperty[];

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
  return Object.hasOwn(kinds, name);
}

/** True for properties that hold a list, whose empty value is `[]` and not null. */
export function isListProperty(name: UserProperty): boolean {
  return kinds[name] === 'strings';
}

const valueSchemas = {
  string: z.string().min(1).nullable(),
  boolean: z.boolean().nullable(),
  strings: z.array(z.string()).nullable(),
} as const;

/** Changes to a user, as the control API takes them. Unknown names are refused. */
export const userChangesSchema = z
  .strictObject(Object.fromEntries(userPropertyNames.map((name) => [name, valueSchemas[kinds[name]].optional()])))
  .transform((changes) => changes as UserProperties);
