/**
 * Who is assigned: assigned directly, or a direct member of an assigned group; with SYNC_SCOPE=all, everyone. Computed
 * as a set over the mirror, for those whose assignments or memberships moved.
 */
import type pg from 'pg';
import { type Queryable, transaction } from '../state/database.ts';

/** What has vanished counts until a direct read has confirmed it (directory/confirm-vanished.ts). */
const assigned = `(
  exists (select from assignments a where a.principal_id = u.id and a.principal_type = 'User' and not a.gone)
  or exists (
    select from group_members m join assignments a on a.principal_id = m.group_id and a.principal_type = 'Group'
    where m.user_id = u.id and not m.gone and not a.gone))`;

/** Works out `in_scope` of one user; its rows that are gone stay, for the cycle in which the others are looked at. */
export async function updateScopeOf(
  db: Queryable,
  id: string,
  { everyone }: { readonly everyone: boolean },
): Promise<void> {
  await db.query(
    `with crossed as (
       update users u set in_scope = not u.in_scope,
         rejected_removal = case when u.in_scope then u.rejected_removal end
       where u.id = $1 and u.in_scope <> ${everyone ? 'true' : assigned}
       returning id)
     insert into to_compare select id from crossed on conflict do nothing`,
    [id],
  );
}

/** Whose access can have ended: those that a row which is gone spoke of. */
const concerned = `(
  select principal_id from assignments where gone and principal_type = 'User'
  union select user_id from group_members where gone
  union select m.user_id from assignments a join group_members m on m.group_id = a.principal_id
    where a.gone and a.principal_type = 'Group')`;

/**
 * Updates `users.in_scope` and drops the rows that are gone, in one transaction; whoever crosses the line is compared
 * again. `everyone` is SYNC_SCOPE=all. With `initial` all of the mirror is looked through, else only who is concerned.
 * Members of `keptGroups` stay known whoever is assigned: scoping filters ask about them.
 */
export async function updateScope(
  pool: pg.Pool,
  options: { readonly everyone: boolean; readonly initial: boolean; readonly keptGroups: readonly string[] },
): Promise<void> {
  await transaction(pool, async (client) => {
    await client.query(
      `with came as (
         update users u set in_scope = true, rejected_removal = null
         where not u.in_scope ${options.everyone ? '' : `and ${assigned}`}
         returning id)
       insert into to_compare select id from came on conflict do nothing`,
    );
    if (options.everyone) {
      await client.query('delete from group_members where gone');
      return;
    }
    await client.query(
      `with left_scope as (
         update users u set in_scope = false
         where u.in_scope and not ${assigned} ${options.initial ? '' : `and u.id in ${concerned}`}
         returning id)
       insert into to_compare select id from left_scope on conflict do nothing`,
    );
    await client.query(
      `delete from group_members where group_id <> all($1::uuid[]) and group_id in (
         select principal_id from assignments where principal_type = 'Group' group by 1 having bool_and(gone))`,
      [options.keptGroups],
    );
    if (options.initial) {
      // Groups that a scoping filter of before asked about.
      await client.query(
        `delete from group_members m where m.group_id <> all($1::uuid[])
           and not exists (select from assignments a where a.principal_id = m.group_id and a.principal_type = 'Group')`,
        [options.keptGroups],
      );
    }
    await client.query('delete from group_members where gone');
    await client.query('delete from assignments where gone');
  });
}
