/**
 * An Entra user as Microsoft Graph gives it and the mirror keeps it
 * (https://learn.microsoft.com/graph/api/resources/user).
 */
import { z } from 'zod';
import type { RoleAssignment } from './expression/values.ts';
import { type SourceAttribute, sourceAttributes } from './source-schema.ts';

const text = z.string().nullish();
const boolean = z.boolean().nullish();

/** What Graph documents a property to hold; of a directory extension it documents nothing. */
const propertySchemas = Object.fromEntries(
  [...Map.groupBy(sourceAttributes, ({ property }) => property ?? '')].flatMap(([property, attributes]) =>
    property === '' ? [] : [[property, schemaOf(attributes)]],
  ),
);

function schemaOf(attributes: readonly SourceAttribute[]): z.ZodType {
  const whole = attributes.find(({ path }) => path.length === 0);
  if (whole === undefined)
    return z.looseObject(Object.fromEntries(attributes.map(({ path }) => [path[0], text]))).nullish();
  if (whole.multiValued) return z.array(z.string()).nullish();
  return whole.type === 'Boolean' ? boolean : text;
}

/** A user with the properties that were selected, by Graph's own keys. */
export interface SourceUser {
  readonly id: string;
  readonly userPrincipalName?: string | null | undefined;
  readonly accountEnabled?: boolean | null | undefined;
  /** Not of Graph's user: the roles of its own and of its groups' assignments to the app. */
  readonly appRoleAssignments?: readonly RoleAssignment[] | undefined;
  readonly [property: string]: unknown;
}

/**
 * Checks that every property has the form that Graph documents. Graph leaves out a property that was never set, so an
 * absent one reads as null, never as unchanged.
 */
export const sourceUser: z.ZodType<SourceUser> = z.looseObject({
  ...propertySchemas,
  id: z.string().min(1),
  userPrincipalName: text,
  accountEnabled: boolean,
  appRoleAssignments: z
    .array(z.object({ id: z.string(), value: text.default(null), displayName: text.default(null) }))
    .optional(),
});
