/**
 * Which app roles each user has: those of the user's own assignments and of the assignments of its groups. Worked out
 * as one set in every cycle in which a mapping asks for it, so that no change of role, group or role name is missed.
 */
import { z } from 'zod';
import { graphSyncError } from './graph-client.ts';
import type { PullContext } from './pull-context.ts';

const withAppRoles = z.object({
  appRoles: z.array(z.object({ id: z.guid(), value: z.string().nullish(), displayName: z.string().nullish() })),
});

/** Brings `users.roles` in line; whoever has other roles than before is compared again. */
export async function refreshRoles({ graph, pool, servicePrincipalId }: PullContext): Promise<void> {
  const path = `/servicePrincipals/${servicePrincipalId}?$select=id,appRoles`;
  const { appRoles } = await graph.get(path, withAppRoles).catch((thrown: unknown) => {
    throw graphSyncError(thrown, 'the app roles of the enterprise app', 'Application.Read.All');
  });
  const roles = appRoles.map(({ id, value = null, displayName = null }, place) => ({ place, id, value, displayName }));
  await pool.query(
    `with held as (
       select principal_id as user_id, app_role_id from assignments where principal_type = 'User' and not gone
       union
       select m.user_id, a.app_role_id from assignments a join group_members m on m.group_id = a.principal_id
         where a.principal_type = 'Group' and not a.gone and not m.gone
     ), named as (
       select h.user_id,
         jsonb_agg(jsonb_build_object('id', r.id, 'value', r.value, 'displayName', r."displayName") order by r.place) as roles
       from held h join jsonb_to_recordset($1) as r(place integer, id uuid, value text, "displayName" text)
         on r.id = h.app_role_id
       group by 1
     ), moved as (
       update users u set roles = coalesce(n.roles, '[]') from users before left join named n on n.user_id = before.id
       where before.id = u.id and u.roles is distinct from coalesce(n.roles, '[]') returning u.id
     )
     insert into to_compare select id from moved on conflict do nothing`,
    [JSON.stringify(roles)],
  );
}
