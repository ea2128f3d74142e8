/** The shapes of Graph's answers that we read, and nothing more of them. */
import { z } from 'zod';

const removed = z.object({ reason: z.enum(['changed', 'deleted']).catch('changed') });

/**
 * A user of users/delta or GET /users/{id}: the selected properties, or an `@removed` marker. In a delta a property
 * that was never set is absent and a cleared one is null; a plain GET has null for both.
 */
export const graphUser = z.looseObject({ id: z.guid(), '@removed': removed.optional() });
export type GraphUser = z.infer<typeof graphUser>;

const paging = { '@odata.nextLink': z.string().optional(), '@odata.deltaLink': z.string().optional() };

/** `value` is required: an answer without it must never be read as an empty list. */
export const usersPage = z.object({ value: z.array(graphUser), ...paging });

export const groupsDeltaPage = z.object({
  value: z.array(
    z.object({
      id: z.guid(),
      '@removed': removed.optional(),
      'members@delta': z
        .array(z.object({ id: z.guid(), '@odata.type': z.string().optional(), '@removed': removed.optional() }))
        .optional(),
    }),
  ),
  ...paging,
});

export const membersPage = z.object({
  value: z.array(z.object({ id: z.guid(), '@odata.type': z.string().optional() })),
  ...paging,
});

const appRoleAssignment = z.object({
  principalId: z.guid(),
  principalType: z.string(),
  principalDisplayName: z.string().nullish(),
  appRoleId: z.guid(),
  resourceId: z.guid().optional(),
});

export const appRoleAssignmentsPage = z.object({ value: z.array(appRoleAssignment), ...paging });

export const servicePrincipal = z.object({ id: z.guid(), displayName: z.string().nullish() });

/** True for a member that is a person; groups, devices and service principals have types of their own. */
export function isUserMember(member: { readonly '@odata.type'?: string | undefined }): boolean {
  const type = member['@odata.type'];
  return type === undefined || type === '#microsoft.graph.user';
}
