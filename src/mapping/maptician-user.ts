/**
 * A Maptician user as the attribute table speaks of it: fifteen SCIM attributes
 * (https://learn.microsoft.com/entra/identity/saas-apps/maptician-provisioning-tutorial, step 5; paths by RFC 7644
 * section 3.5.2).
 */
import { z } from 'zod';

const enterprise = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';

/** The fifteen target attributes. */
export const attributePaths = [
  'userName',
  'emails[type eq "work"].value',
  'active',
  'title',
  'userType',
  'name.givenName',
  'name.familyName',
  'addresses[type eq "work"].locality',
  'addresses[type eq "work"].region',
  'phoneNumbers[type eq "work"].value',
  'phoneNumbers[type eq "mobile"].value',
  'externalId',
  `${enterprise}:employeeNumber`,
  `${enterprise}:organization`,
  `${enterprise}:department`,
] as const;

export type AttributePath = (typeof attributePaths)[number];

/** `active` is a Boolean, every other attribute a string; null means cleared. */
export type AttributeValue = string | boolean | null;

/** A user, or the changed part of one. An absent key is an attribute that is not written; null clears it. */
export type UserAttributes = { readonly [path in AttributePath]?: AttributeValue };

/** A user as JSON columns hold it. */
export const userAttributes = z.partialRecord(z.enum(attributePaths), z.union([z.string(), z.boolean(), z.null()]));
