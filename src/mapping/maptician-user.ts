/**
 * A Maptician user as the attribute table speaks of it: fifteen SCIM attributes
 * (https://learn.microsoft.com/entra/identity/saas-apps/maptician-provisioning-tutorial, step 5; paths by RFC 7644
 * section 3.5.2).
 */
import { z } from 'zod';
import { toError } from '../errors.ts';
import { enterpriseUserSchema, formatScimPath, parseScimPath, type ScimPath, userSchema } from './scim-path.ts';

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
  `${enterpriseUserSchema}:employeeNumber`,
  `${enterpriseUserSchema}:organization`,
  `${enterpriseUserSchema}:department`,
] as const;

export type AttributePath = (typeof attributePaths)[number];

/** `active` is a Boolean, every other attribute a string; null means cleared. */
export type AttributeValue = string | boolean | null;

/** A user, or the changed part of one. An absent key is an attribute that is not written; null clears it. */
export type UserAttributes = { readonly [path in AttributePath]?: AttributeValue };

/** A user as JSON columns hold it. */
export const userAttributes = z.partialRecord(z.enum(attributePaths), z.union([z.string(), z.boolean(), z.null()]));

const scimPaths = Object.fromEntries(attributePaths.map((path) => [path, parseScimPath(path)])) as Readonly<
  Record<AttributePath, ScimPath>
>;

const byMeaning = new Map(attributePaths.map((path) => [meaningOf(scimPaths[path]), path]));

/** The parts of a path. */
export function scimPathOf(path: AttributePath): ScimPath {
  return scimPaths[path];
}

/** The attribute that a text means, in any spelling SCIM allows, or what is wrong with it. */
export function readAttributePath(text: string): { readonly path: AttributePath } | { readonly problem: string } {
  const nearest = `; did you mean ${nearestTo(text)}?`;
  try {
    const path = byMeaning.get(meaningOf(parseScimPath(text)));
    return path === undefined ? { problem: `"${text}" is not a Maptician attribute${nearest}` } : { path };
  } catch (thrown) {
    return { problem: `"${text}" is no SCIM path: ${toError(thrown).message}${nearest}` };
  }
}

/** Names, URNs and types of entries are compared without case; the URN of the core schema says nothing. */
function meaningOf({ schema, ...rest }: ScimPath): string {
  const path = schema?.toLowerCase() === userSchema.toLowerCase() || schema === undefined ? rest : { schema, ...rest };
  return formatScimPath(path).toLowerCase();
}

/** The attribute that shares most pairs of letters with a text, URNs left aside. */
function nearestTo(text: string): AttributePath {
  const wanted = pairsOf(text);
  const likeness = (path: AttributePath): number => {
    const pairs = pairsOf(path);
    const shared = [...wanted].filter((pair) => pairs.has(pair)).length;
    return shared / Math.min(wanted.size, pairs.size);
  };
  return attributePaths.reduce((best, path) => (likeness(path) > likeness(best) ? path : best));
}

function pairsOf(text: string): Set<string> {
  const letters = text.toLowerCase().replace(/^urn:.*:/, '');
  return new Set(Array.from(letters, (letter, index) => letter + (letters[index + 1] ?? '')));
}
