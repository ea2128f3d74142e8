/**
 * Ends access in the cycle in which it ended, and never by mistake: Graph's lists lag behind ("might have replication
 * delays", serviceprincipal-list-approleassignedto), so whoever is missing from one is read directly before it is
 * believed. What cannot be confirmed waits for the next cycle.
 */
import { errorHandling } from '../errors.ts';
import { transaction } from '../state/database.ts';
import { listAssignments } from './assignments.ts';
import { graphSyncError } from './graph-client.ts';
import { appRoleAssignmentsPage } from './graph-types.ts';
import { listMembers } from './group-members.ts';
import type { PullContext } from './pull-context.ts';
import { getInParallel } from './read-users.ts';

/** True where the user `u` has access by something that has not vanished. */
const hasSurePath = `(
  exists (select from assignments a where a.principal_id = u.id and a.principal_type = 'User' and not a.vanished)
  or exists (
    select from group_members m join assignments a on a.principal_id = m.group_id and a.principal_type = 'Group'
    where m.user_id = u.id and not m.vanished and not a.vanished))`;

const chunk = 400;

/**
 * Marks as gone what a direct read confirms; scope/scope.ts does the rest. An assignment that is there still is restored;
 * a membership that is listed still stays in doubt, and counts, until a later read settles it. Resolves with false where something could not be asked.
 */
export async function confirmVanished(context: PullContext): Promise<boolean> {
  await forgetWithoutConsequence(context);
  const assignments = context.mirror.everyone || (await confirmAssignments(context));
  const memberships = await confirmMemberships(context);
  return assignments && memberships;
}

/** Where nobody loses access by it, the list's word is enough. */
async function forgetWithoutConsequence(context: PullContext): Promise<void> {
  await context.pool.query(
    `delete from assignments v using users u
     where v.vanished and v.principal_type = 'User' and u.id = v.principal_id and (not u.in_scope or ${hasSurePath})`,
  );
  await context.pool.query(
    `delete from group_members v where v.vanished and v.group_id <> all($1::uuid[]) and (
       not exists (select from users u where u.id = v.user_id and u.in_scope and not ${hasSurePath})
       or not exists (select from assignments a where a.principal_id = v.group_id and a.principal_type = 'Group'))`,
    [context.filterGroups],
  );
}

async function confirmAssignments(context: PullContext): Promise<boolean> {
  const unclear: string[] = [];
  let complete = true;
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await context.pool.query<{ id: string; type: string }>(
      `select distinct principal_id as id, principal_type as type from assignments
       where vanished and principal_id > $1 order by 1 limit $2`,
      [after, chunk],
    );
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.id;
    const answer = await confirmByPrincipal(context, rows);
    unclear.push(...answer.unclear);
    complete &&= answer.complete;
  }
  if (unclear.length > 0) await confirmByList(context, unclear);
  return complete;
}

/** Asks each principal for its own assignments to the app. Resolves with those it could not be told of. */
async function confirmByPrincipal(
  context: PullContext,
  principals: readonly { readonly id: string; readonly type: string }[],
): Promise<{ readonly unclear: string[]; readonly complete: boolean }> {
  const filter = encodeURIComponent(`resourceId eq ${context.servicePrincipalId}`);
  const answers = await getInParallel(
    context,
    principals.map(
      ({ id, type }) => `/${type === 'User' ? 'users' : 'groups'}/${id}/appRoleAssignments?$filter=${filter}`,
    ),
  );
  const gone: string[] = [];
  const roles: { id: string; role: string; type: string }[] = [];
  const unclear: string[] = [];
  let complete = true;
  for (const [index, { id, type }] of principals.entries()) {
    const answer = answers[index];
    const parsed = appRoleAssignmentsPage.safeParse(answer?.body);
    if (answer?.status === 200 && parsed.success) {
      // The list of a user holds the rows of its groups, too.
      const still = parsed.data.value.filter(
        (row) => row.resourceId?.toLowerCase() === context.servicePrincipalId && row.principalId.toLowerCase() === id,
      );
      // A page that ends nothing proves nothing.
      if (still.length === 0 && parsed.data['@odata.nextLink'] !== undefined) unclear.push(id);
      else if (still.length === 0) gone.push(id);
      else roles.push(...still.map((row) => ({ id, role: row.appRoleId, type })));
    } else if (answer?.status === 404 && type === 'User') gone.push(id);
    else if (answer?.status === 429 || (answer?.status ?? 500) >= 500) {
      complete = false;
      context.warn('Whether an assignment has ended could not be confirmed; it is looked at again in the next cycle.');
    } else unclear.push(id);
  }
  await transaction(context.pool, async (client) => {
    await client.query(
      'update assignments set vanished = false, gone = true where vanished and principal_id = any($1)',
      [gone],
    );
    await client.query(
      `insert into assignments as a (principal_id, app_role_id, principal_type)
       select distinct id, role, type from jsonb_to_recordset($1) as p(id uuid, role uuid, type text)
       on conflict (principal_id, app_role_id) do update set vanished = false, gone = false`,
      [JSON.stringify(roles)],
    );
    // Assigned still, but no longer in this role: the access is the same.
    await client.query('delete from assignments where vanished and principal_id = any($1)', [
      [...new Set(roles.map(({ id }) => id))],
    ]);
  });
  context.progress('confirming', principals.length, undefined);
  return { unclear, complete };
}

/**
 * The second way, for an app without Directory.Read.All, which Graph asks for the first: the list is read once more.
 * A list that looks cut off confirms nothing.
 */
async function confirmByList(context: PullContext, principals: readonly string[]): Promise<void> {
  if (!(await listAssignments(context))) return;
  const listed = `exists (
    select from assignment_listing l where l.principal_id = a.principal_id and l.app_role_id = a.app_role_id)`;
  await context.pool.query(
    `update assignments a set vanished = false, gone = not ${listed} where a.vanished and a.principal_id = any($1)`,
    [principals],
  );
}

async function confirmMemberships(context: PullContext): Promise<boolean> {
  let complete = true;
  const { rows } = await context.pool.query<{ id: string }>(
    'select distinct group_id as id from group_members where vanished order by 1',
  );
  for (const { id } of rows) {
    try {
      await listMembers(context, id);
    } catch (thrown) {
      const error = graphSyncError(thrown, 'the members of an assigned group', 'GroupMember.Read.All');
      if (errorHandling(error.code).stopsCycle) throw error;
      complete = false;
      context.warn(
        'Whether a group membership has ended could not be confirmed; it is looked at again in the next cycle.',
      );
      continue;
    }
    await context.pool.query(
      // Who is listed still may have left: a delta chain says so once, and a list can lag. They are looked at again.
      `update group_members m set vanished = false, gone = true
       where m.vanished and m.group_id = $1
         and not exists (select from member_listing l where l.user_id = m.user_id)`,
      [id],
    );
    context.progress('confirming', rows.length, undefined);
  }
  return complete;
}
