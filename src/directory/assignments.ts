/**
 * Who is assigned to the app: `appRoleAssignedTo`, read whole each cycle because assignments have no delta
 * (https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto). What is missing from a complete
 * read is only marked as vanished here; confirm-vanished.ts decides.
 */
import type pg from 'pg';
import { SyncError, toSyncError } from '../errors.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { graphSyncError } from './graph-client.ts';
import { assertOrigin } from './graph-middleware.ts';
import { appRoleAssignmentsPage, servicePrincipal } from './graph-types.ts';
import type { PullContext } from './pull-context.ts';

/** Tenants have been seen whose list ends at 999 rows without a next page, although more are assigned. */
const suspiciousCount = 999;

/** The object id of the app's service principal. */
export async function findServicePrincipal(context: Pick<PullContext, 'graph'>, appId: string): Promise<string> {
  try {
    const found = await context.graph.get(
      `/servicePrincipals(appId='${appId}')?$select=id,displayName`,
      servicePrincipal,
    );
    return found.id;
  } catch (thrown) {
    throw graphSyncError(
      thrown,
      `an enterprise app with the application id ${appId} (ENTRA_APP_ID)`,
      'Application.Read.All',
    );
  }
}

/** Where users are linked already, an app that cannot be found any more is a mistake at the source, not a first setting. */
export async function doubtApp(db: Queryable, thrown: unknown): Promise<never> {
  const error = toSyncError(thrown);
  if (error.code !== 'Misconfigured') throw thrown;
  const { rows } = await db.query('select from links where active limit 1');
  if (rows.length === 0) throw thrown;
  throw new SyncError('IngestionInterrupted', `${error.message}. Nobody was changed or removed.`, { cause: error });
}

/**
 * Reads the list into `assignment_listing`, page by page. Resolves with false where it looks cut off: then who is
 * missing from it has not left.
 */
export async function listAssignments(context: PullContext): Promise<boolean> {
  let count = await listPages(context, 999);
  if (count.rows !== suspiciousCount || count.pages !== 1) return true;
  // Smaller pages make Graph show whether there is more.
  count = await listPages(context, 500);
  if (count.rows !== suspiciousCount) return true;
  context.warn(
    'Graph lists exactly 999 assignments of the app. Lists cut off at 999 have been seen: compare with the number in the Entra admin center. Nobody is removed on this list alone.',
  );
  return false;
}

async function listPages(context: PullContext, top: number): Promise<{ rows: number; pages: number }> {
  await context.pool.query('truncate assignment_listing');
  let link: string | undefined = `/servicePrincipals/${context.servicePrincipalId}/appRoleAssignedTo?$top=${top}`;
  let rows = 0;
  let pages = 0;
  while (link !== undefined) {
    let page: (typeof appRoleAssignmentsPage)['_output'];
    try {
      page = await context.graph.get(link, appRoleAssignmentsPage);
    } catch (thrown) {
      throw graphSyncError(
        thrown,
        'the assignments of the enterprise app (appRoleAssignedTo of the service principal)',
        'Application.Read.All',
      );
    }
    await context.pool.query(
      `insert into assignment_listing (principal_id, app_role_id, principal_type)
       select * from unnest($1::uuid[], $2::uuid[], $3::text[])`,
      [
        page.value.map((row) => row.principalId),
        page.value.map((row) => row.appRoleId),
        page.value.map((row) => row.principalType),
      ],
    );
    rows += page.value.length;
    pages += 1;
    if (pages > 100_000) throw new SyncError('UnexpectedAnswer', 'The list of assignments does not end');
    context.progress('assignments', rows, undefined);
    link = page['@odata.nextLink'];
    if (link !== undefined) assertOrigin(link, context.graph.origin);
  }
  return { rows, pages };
}

/** Brings `assignments` in line with a list that was read: new rows come in, missing ones are marked as vanished. */
export async function pullAssignments(context: PullContext): Promise<void> {
  await listAssignments(context).catch((thrown: unknown) => doubtApp(context.pool, thrown));
  await transaction(context.pool, async (client) => {
    await client.query(
      `with came as (
         insert into assignments as a (principal_id, app_role_id, principal_type)
         select distinct principal_id, app_role_id, principal_type from assignment_listing
         where principal_type in ('User', 'Group')
         on conflict (principal_id, app_role_id) do update set vanished = false, gone = false where a.vanished or a.gone
         returning principal_id, principal_type
       )
       insert into users (id, needs_read, in_scope) select distinct principal_id, true, true from came where principal_type = 'User'
       on conflict (id) do nothing`,
    );
    await client.query(
      `update assignments a set vanished = true
       where not a.vanished and not exists (
         select from assignment_listing l where l.principal_id = a.principal_id and l.app_role_id = a.app_role_id)`,
    );
  });
}

/** The groups that are assigned now, those included whose assignment has vanished but not been confirmed as gone. */
export async function assignedGroups(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ id: string }>(
    `select distinct principal_id as id from assignments where principal_type = 'Group' order by 1`,
  );
  return rows.map((row) => row.id);
}
