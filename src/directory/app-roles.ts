/**
 * Which app roles each user has: those of the user's own assignments and of the assignments of its groups. Worked out
 * as one set in every cycle in which a mapping asks for it, so that no change of role, group or role name is missed.
 */
import { z } from 'zod';
import type { Queryable } from '../state/database.ts';
import { graphSyncError } from './graph-client.ts';
import type { PullContext } from './pull-context.ts';

const withAppRoles = z.object({
  appRoles: z.array(z.object({ id: z.guid(), value: z.string().nullish(), displayName: z.string().nullish() })),
});

/** An app role, in the order of the app. */
export interface AppRole {
  readonly place: number;
  readonly id: string;
  readonly value: string | null;
  readonly displayName: string | null;
}

/** Brings `users.roles` in line; whoever has other roles than before is compared again. */
export async function refreshRoles(context: PullContext): Promise<void> {
  await writeRoles(context.pool, await readAppRoles(context));
}

export async function readAppRoles({ graph, servicePrincipalId }: PullContext): Promise<AppRole[]> {
  const path = `/servicePrincipals/${servicePrincipalId}?$select=id,appRoles`;
  const { appRoles } = await graph.get(path, withAppRoles).catch((thrown: unknown) => {
    throw graphSyncError(thrown, 'the app roles of the enterprise app', 'Application.Read.All');
  });
  return appRoles.map(({ id, value = null, displayName = null }, place) => ({ place, id, value, displayName }));
}

/** Of everyone, or of one user. */
export async function writeRoles(db: Queryable, roles: readonly AppRole[], only?: string): Promise<void> {
  const one = (column: string) => (only === undefined ? '' : `and ${column} = $2`);
  await db.query(
    `with held as (
       select principal_id as user_id, app_role_id from assignments
         where principal_type = 'User' and not gone ${one('principal_id')}
       union
       select m.user_id, a.app_role_id from assignments a join group_members m on m.group_id = a.principal_id
         where a.principal_type = 'Group' and not a.gone and not m.gone ${one('m.user_id')}
     ), named as (
       select h.user_id,
         jsonb_agg(jsonb_build_object('id', r.id, 'value', r.value, 'displayName', r."displayName") order by r.place) as roles
       from held h join jsonb_to_recordset($1) as r(place integer, id uuid, value text, "displayName" text)
         on r.id = h.app_role_id
       group by 1
     ), moved as (
       update users u set roles = coalesce(n.roles, '[]') from users before left join named n on n.user_id = before.id
       where before.id = u.id ${one('u.id')} and u.roles is distinct from coalesce(n.roles, '[]') returning u.id
     )
     insert into to_compare select id from moved on conflict do nothing`,
    [JSON.stringify(roles), ...(only === undefined ? [] : [only])],
  );
}
