/** What a server says of its attributes (RFC 7643 section 7): which of the attribute table's it does not have. */
import { z } from 'zod';
import { type AttributePath, attributePaths } from '../../mapping/maptician-user.ts';
import { parseScimPath } from '../../mapping/scim-path.ts';

const attribute = z.object({
  name: z.string(),
  subAttributes: z.array(z.object({ name: z.string() })).nullish(),
});
const schemas = z.object({
  Resources: z.array(z.object({ id: z.string(), attributes: z.array(attribute).default([]) })),
});

const coreUser = 'urn:ietf:params:scim:schemas:core:2.0:User';
const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();

/** Undefined where the answer is no list of schemas. */
export function missingAttributes(body: unknown): AttributePath[] | undefined {
  const parsed = schemas.safeParse(body);
  if (!parsed.success) return undefined;
  return attributePaths.filter((text) => {
    // Common to all resources, and so in no schema (RFC 7643 section 3.1).
    if (text === 'externalId') return false;
    const path = parseScimPath(text);
    const schema = parsed.data.Resources.find(({ id }) => same(id, path.schema ?? coreUser));
    const found = schema?.attributes.find(({ name }) => same(name, path.attribute));
    if (found === undefined) return true;
    const { subAttribute } = path;
    return subAttribute !== undefined && !found.subAttributes?.some(({ name }) => same(name, subAttribute));
  });
}
