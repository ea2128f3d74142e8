/** What the state database knows of one user's access, and what is written there when it has been read directly. */
import { z } from 'zod';
import type { Queryable } from '../state/database.ts';

/** All ids in lower case. */
export interface KnownAccess {
  /** Assigned directly. */
  readonly direct: boolean;
  /** The assigned groups that the user is a member of. */
  readonly groups: readonly string[];
  /** Those, and the groups that scoping filters ask about. */
  readonly memberships: readonly string[];
}

/** An assigned group that the user is a member of. */
export interface GroupAccess {
  readonly id: string;
  readonly name: string | null;
  readonly roles: readonly string[];
}

/** What Entra says (read-access.ts), all ids in lower case. */
export interface UserAccess {
  /** The app roles of the user's own assignments; none where there is no such assignment. */
  readonly roles: readonly string[];
  readonly groups: readonly GroupAccess[];
  /** Every group the user is a member of. */
  readonly memberOf: ReadonlySet<string>;
  /** Of what the state database knows, what has ended. */
  readonly ended: {
    readonly direct: boolean;
    readonly memberships: readonly string[];
    readonly groupAssignments: readonly string[];
  };
  /** Entra shows no access any more, but what it says is not clear enough to end it. */
  readonly unconfirmed: boolean;
}

const row = z.object({ direct: z.boolean(), groups: z.array(z.string()), memberships: z.array(z.string()) });

export async function knownAccess(db: Queryable, id: string): Promise<KnownAccess> {
  const { rows } = await db.query(
    `select exists (select from assignments where principal_id = $1 and principal_type = 'User' and not gone) as direct,
       array(select m.group_id::text from group_members m where m.user_id = $1 and not m.gone order by 1) as memberships,
       array(select m.group_id::text from group_members m where m.user_id = $1 and not m.gone and exists (
         select from assignments a where a.principal_id = m.group_id and a.principal_type = 'Group' and not a.gone)
         order by 1) as groups`,
    [id],
  );
  return row.parse(rows[0]);
}

/**
 * Writes what was read of one user's access. What has ended goes; a group's assignment that has ended is only marked,
 * since the next cycle is to look at its other members, too. In the caller's transaction.
 */
export async function writeAccess(
  db: Queryable,
  id: string,
  access: UserAccess,
  filterGroups: readonly string[],
): Promise<void> {
  const { roles, groups, memberOf, ended } = access;
  const rows = [
    ...roles.map((role) => ({ principal: id, role, type: 'User' })),
    ...groups.flatMap((group) => group.roles.map((role) => ({ principal: group.id, role, type: 'Group' }))),
  ];
  await db.query(
    `insert into assignments as a (principal_id, app_role_id, principal_type)
     select distinct principal, role, type from jsonb_to_recordset($1) as p(principal uuid, role uuid, type text)
     on conflict (principal_id, app_role_id) do update set vanished = false, gone = false where a.vanished or a.gone`,
    [JSON.stringify(rows)],
  );
  if (ended.direct) {
    await db.query(
      `delete from assignments where principal_id = $1 and principal_type = 'User' and app_role_id <> all($2::uuid[])`,
      [id, roles],
    );
  }
  await db.query(
    `update assignments set vanished = false, gone = true where principal_id = any($1) and principal_type = 'Group'`,
    [ended.groupAssignments],
  );
  const member = [
    ...new Set([...groups.map((group) => group.id), ...filterGroups.filter((group) => memberOf.has(group))]),
  ];
  await db.query(
    `insert into group_members as m (group_id, user_id) select g, $2 from unnest($1::uuid[]) as g
     on conflict (group_id, user_id) do update set vanished = false, gone = false where m.vanished or m.gone`,
    [member, id],
  );
  await db.query('delete from group_members where user_id = $2 and group_id = any($1)', [ended.memberships, id]);
}
