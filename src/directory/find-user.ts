/** One user in Entra, by object id or userPrincipalName: alive, in the recycle bin, or gone for good. */
import { z } from 'zod';
import type { Queryable } from '../state/database.ts';
import { GraphError, graphSyncError } from './graph-client.ts';
import { type GraphUser, graphUser } from './graph-types.ts';
import type { PullContext } from './pull-context.ts';
import { selectQuery } from './users-delta.ts';

export type FoundUser =
  | { readonly presence: 'live'; readonly id: string; readonly user: GraphUser }
  | { readonly presence: 'soft_deleted' | 'purged'; readonly id: string };

const objectId = z.guid();
const deletedUser = z.object({ id: z.guid() });

/** The object id in the canonical spelling, or undefined where the text is none. */
function asObjectId(text: string): string | undefined {
  return objectId.safeParse(text).success ? text.toLowerCase() : undefined;
}

/**
 * The object id of whom the state database knows by an object id, a userPrincipalName, a userName, or the id of the
 * account in Maptician. Of several, who is alive and in scope goes first.
 */
export async function knownUser(db: Queryable, user: string): Promise<string | undefined> {
  const id = asObjectId(user);
  const ids = 'select id from users where id = $1 union select entra_id from links where entra_id = $1';
  const names = `select id from users where lower(user_name) = lower($1)
    union select entra_id from links where lower(user_name) = lower($1) or maptician_id = $1`;
  // No index knows a guest's own userPrincipalName, so it comes last.
  const raw = `select id from users where lower(attributes->>'userPrincipalName') = lower($1)`;
  const byName = { select: names, value: user };
  for (const { select, value } of id === undefined
    ? [byName, { select: raw, value: user }]
    : [{ select: ids, value: id }, byName]) {
    const { rows } = await db.query<{ id: string }>(
      `select k.id from (${select}) k left join users u on u.id = k.id
       order by coalesce(u.presence = 'live' and u.in_scope, false) desc, k.id limit 1`,
      [value],
    );
    if (rows[0] !== undefined) return rows[0].id;
  }
  return undefined;
}

/**
 * Asks Entra first, since a name may be somebody else's by now; whoever has left is found under the name by which the
 * state database knows them. Undefined where neither knows anybody.
 * @param user an object id or a userPrincipalName
 */
export async function findUser(context: PullContext, user: string): Promise<FoundUser | undefined> {
  const live = await readLive(context, user);
  if (live !== undefined) return live;
  const known = await knownUser(context.pool, user);
  const id = asObjectId(user) ?? known;
  if (id === undefined) return undefined;
  if (await isInRecycleBin(context, id)) return { presence: 'soft_deleted', id };
  // Restored between the two reads, or known under a name that Entra has given to nobody since.
  const again = await readLive(context, id);
  if (again !== undefined) return again;
  return known === undefined ? undefined : { presence: 'purged', id };
}

async function readLive(context: PullContext, user: string): Promise<FoundUser | undefined> {
  // A name that begins with a dollar sign would be taken for a query option (graph/api/user-get), dots for folders.
  const key = /^(\$|\.+$)/.test(user)
    ? `/users('${encodeURIComponent(user.replaceAll("'", "''"))}')`
    : `/users/${encodeURIComponent(user)}`;
  const found = await orAbsent(context.graph.get(`${key}?${selectQuery(context.mirror)}`, graphUser), 'the user');
  return found === undefined ? undefined : { presence: 'live', id: found.id.toLowerCase(), user: found };
}

async function isInRecycleBin({ graph }: PullContext, id: string): Promise<boolean> {
  const path = `/directory/deletedItems/microsoft.graph.user/${id}?$select=id`;
  return (await orAbsent(graph.get(path, deletedUser), 'deleted users')) !== undefined;
}

/** 404 is an answer; anything else that went wrong proves nothing. */
async function orAbsent<T>(reading: Promise<T>, what: string): Promise<T | undefined> {
  try {
    return await reading;
  } catch (thrown) {
    if (thrown instanceof GraphError && thrown.status === 404) return undefined;
    throw graphSyncError(thrown, what, 'User.Read.All');
  }
}
