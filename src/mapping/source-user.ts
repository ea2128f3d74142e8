/**
 * An Entra user as Microsoft Graph gives it and the mirror keeps it
 * (https://learn.microsoft.com/graph/api/resources/user).
 */
import type { User } from '@microsoft/microsoft-graph-types';
import { z } from 'zod';

/** The Graph user properties the attribute table may read, and what each holds. */
const graphPropertyKinds = {
  id: 'string',
  userPrincipalName: 'string',
  accountEnabled: 'boolean',
  mail: 'string',
  displayName: 'string',
  givenName: 'string',
  surname: 'string',
  jobTitle: 'string',
  userType: 'string',
  city: 'string',
  state: 'string',
  country: 'string',
  streetAddress: 'string',
  postalCode: 'string',
  officeLocation: 'string',
  businessPhones: 'collection',
  mobilePhone: 'string',
  faxNumber: 'string',
  mailNickname: 'string',
  otherMails: 'collection',
  employeeId: 'string',
  employeeType: 'string',
  companyName: 'string',
  department: 'string',
  preferredLanguage: 'string',
  usageLocation: 'string',
  externalUserState: 'string',
  onPremisesSyncEnabled: 'boolean',
} as const satisfies { readonly [Name in keyof User]?: PropertyKind };

/** A Graph user property by its exact name. */
export type GraphProperty = keyof typeof graphPropertyKinds;

/** What a property holds: a string, a Boolean, or a collection of strings. */
export type PropertyKind = 'string' | 'boolean' | 'collection';

/** All of them, in the one order in which they are selected. */
export const graphPropertyNames = Object.keys(graphPropertyKinds) as GraphProperty[];

/** What a name holds, or undefined where Graph has no such property (names are case-sensitive). */
export function graphPropertyKind(name: string): PropertyKind | undefined {
  return Object.hasOwn(graphPropertyKinds, name) ? graphPropertyKinds[name as GraphProperty] : undefined;
}

const kindSchemas = {
  string: z.string().nullish(),
  boolean: z.boolean().nullish(),
  collection: z.array(z.string()).nullish(),
};

type ShapeOf<Kinds extends Record<string, PropertyKind>> = {
  -readonly [Name in keyof Kinds]: (typeof kindSchemas)[Kinds[Name]];
};

const propertySchemas = Object.fromEntries(
  Object.entries(graphPropertyKinds).map(([name, kind]) => [name, kindSchemas[kind]]),
) as ShapeOf<typeof graphPropertyKinds>;

/**
 * A user with the properties that were selected. Graph leaves out a property that was never set, so an absent one
 * reads as null, never as unchanged. Other keys (`@odata.type`) are dropped.
 */
export const sourceUser = z.object({ ...propertySchemas, id: z.string().min(1) });

export type SourceUser = Readonly<z.infer<typeof sourceUser>>;

/**
 * A userPrincipalName as it is written to the target: a guest's `alias_partner.example#EXT#@tenant` becomes
 * `alias@partner.example`, any other name stays as it is
 * (https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works#b2b-guest-users). The domain
 * cannot hold an underscore but the alias can, so it is the last one that stands for the `@`.
 */
export function withoutGuestSuffix(userPrincipalName: string): string {
  const suffix = userPrincipalName.search(/#EXT#@/i);
  if (suffix < 0) return userPrincipalName;
  const separator = userPrincipalName.lastIndexOf('_', suffix);
  const alias = userPrincipalName.slice(0, Math.max(separator, 0));
  const domain = userPrincipalName.slice(separator + 1, suffix);
  return alias === '' || domain === '' ? userPrincipalName : `${alias}@${domain}`;
}
