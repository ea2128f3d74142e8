/** Accounts as SCIM resources, and back to the fifteen attributes; what else a resource has is lost on the way. */
import { z } from 'zod';
import { type AttributePath, attributePaths } from '../../mapping/maptician-user.ts';
import type { Account, AccountAttributes } from './accounts.ts';
import { enterpriseSchemaId, userSchemaId } from './user-schema.ts';

/** The account as the endpoint answers it (RFC 7643 section 4.1). */
export type UserResource = Readonly<Record<string, unknown>>;

const text = z.string().nullish();
const valueSchema = z.array(z.object({ type: text, value: text })).nullish();
const addressSchema = z.array(z.object({ type: text, locality: text, region: text })).nullish();
const resourceSchema = z.object({
  userName: text,
  active: z.boolean().nullish(),
  title: text,
  userType: text,
  externalId: text,
  name: z.object({ givenName: text, familyName: text }).nullish(),
  emails: valueSchema,
  phoneNumbers: valueSchema,
  addresses: addressSchema,
  [enterpriseSchemaId]: z.object({ employeeNumber: text, organization: text, department: text }).nullish(),
});

/** The attributes of a coerced resource. Of two values of one type the later counts. */
export function attributesOf(resource: unknown): AccountAttributes {
  const user = resourceSchema.parse(resource);
  const address = ofType(user.addresses, 'work');
  const extension = user[enterpriseSchemaId];
  const values: Record<AttributePath, string | boolean | null | undefined> = {
    userName: user.userName,
    'emails[type eq "work"].value': ofType(user.emails, 'work')?.value,
    active: user.active,
    title: user.title,
    userType: user.userType,
    'name.givenName': user.name?.givenName,
    'name.familyName': user.name?.familyName,
    'addresses[type eq "work"].locality': address?.locality,
    'addresses[type eq "work"].region': address?.region,
    'phoneNumbers[type eq "work"].value': ofType(user.phoneNumbers, 'work')?.value,
    'phoneNumbers[type eq "mobile"].value': ofType(user.phoneNumbers, 'mobile')?.value,
    externalId: user.externalId,
    [`${enterpriseSchemaId}:employeeNumber` as const]: extension?.employeeNumber,
    [`${enterpriseSchemaId}:organization` as const]: extension?.organization,
    [`${enterpriseSchemaId}:department` as const]: extension?.department,
  };
  return present(values);
}

/** The same without what has no value. */
export function present(
  values: Readonly<Partial<Record<AttributePath, string | boolean | null | undefined>>>,
): AccountAttributes {
  const kept: Partial<Record<AttributePath, string | boolean>> = {};
  for (const path of attributePaths) {
    const value = values[path];
    if (value !== undefined && value !== null) kept[path] = value;
  }
  return kept;
}

const ofType = <T extends { readonly type?: string | null | undefined }>(
  values: readonly T[] | null | undefined,
  type: string,
): T | undefined => values?.findLast((value) => value.type?.toLowerCase() === type);

/** @param location the URL of the account */
export function resourceOf({ id, attributes, created, lastModified }: Account, location: string): UserResource {
  const typed = (type: string, values: object): object[] => (hasValue(values) ? [{ type, ...values }] : []);
  const name = { givenName: attributes['name.givenName'], familyName: attributes['name.familyName'] };
  const emails = typed('work', { value: attributes['emails[type eq "work"].value'] });
  const phoneNumbers = [
    ...typed('work', { value: attributes['phoneNumbers[type eq "work"].value'] }),
    ...typed('mobile', { value: attributes['phoneNumbers[type eq "mobile"].value'] }),
  ];
  const addresses = typed('work', {
    locality: attributes['addresses[type eq "work"].locality'],
    region: attributes['addresses[type eq "work"].region'],
  });
  const extension = {
    employeeNumber: attributes[`${enterpriseSchemaId}:employeeNumber`],
    organization: attributes[`${enterpriseSchemaId}:organization`],
    department: attributes[`${enterpriseSchemaId}:department`],
  };
  return {
    schemas: hasValue(extension) ? [userSchemaId, enterpriseSchemaId] : [userSchemaId],
    id,
    externalId: attributes.externalId,
    userName: attributes.userName,
    ...(hasValue(name) ? { name } : {}),
    title: attributes.title,
    userType: attributes.userType,
    active: attributes.active,
    ...(emails.length > 0 ? { emails } : {}),
    ...(phoneNumbers.length > 0 ? { phoneNumbers } : {}),
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(hasValue(extension) ? { [enterpriseSchemaId]: extension } : {}),
    meta: {
      resourceType: 'User',
      created: new Date(created).toISOString(),
      lastModified: new Date(lastModified).toISOString(),
      location,
    },
  };
}

const hasValue = (values: object): boolean => Object.values(values).some((value) => value !== undefined);
