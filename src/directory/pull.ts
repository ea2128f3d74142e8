/**
 * One complete reading of the Entra side into the mirror. The cost follows the assigned, not the tenant: the delta
 * brings what changed, `$batch` reads who is newly assigned, and an initial read takes the cheaper of the two.
 */
import { z } from 'zod';
import { SyncError } from '../errors.ts';
import { refilter } from '../scope/refilter.ts';
import { updateScope } from '../scope/scope.ts';
import { compareAgain } from '../state/compare-again.ts';
import { transaction } from '../state/database.ts';
import { refreshRoles } from './app-roles.ts';
import { assignedGroups, pullAssignments } from './assignments.ts';
import { confirmVanished } from './confirm-vanished.ts';
import { type Cursor, isUsable, readCursors, writeCursor } from './cursors.ts';
import { batchSize } from './graph-batch.ts';
import { assertOrigin } from './graph-middleware.ts';
import { pullGroupMembers } from './group-members.ts';
import type { PullContext } from './pull-context.ts';
import { readPendingUsers, type UnreadUser } from './read-users.ts';
import { type CursorLost, latestCursor, readUsersDelta } from './users-delta.ts';

export interface PullResult {
  readonly kind: 'initial' | 'incremental';
  readonly unread: readonly UnreadUser[];
  /** Assigned groups whose members could not be read this time. */
  readonly unreadGroups: number;
  /** Whether somebody's access has ended could not be confirmed; it is looked at again in the next cycle. */
  readonly unconfirmed: boolean;
}

/** Users a page of users/delta holds; the service's own choice, seen to be about this. */
const deltaPageSize = 200;

type NewCursor = Omit<Cursor, 'issuedAt'>;

/**
 * Reads everything that moved. `resync` forgets the cursors first; so do lost, old or foreign ones by themselves. The
 * mirror is complete for everyone but `unread` when this resolves; where it rejects, nobody's state has been judged.
 */
export async function pull(context: PullContext, options: { readonly resync: boolean }): Promise<PullResult> {
  const stored = (await readCursors(context.pool, 'users'))[0];
  const usable = stored !== undefined && isUsable(stored, context.fingerprint, context.now());
  if (options.resync || !usable) return readInitially(context, await beginInitial(context));
  if (stored.initial !== null) return readInitially(context, stored);

  const round = await readUsersDelta(context, stored);
  if (isLost(round)) {
    context.log.info('the delta cursor is lost: an initial cycle begins, links are kept');
    return readInitially(context, await beginInitial(context), startOf(round, context));
  }
  return finish(context, 'incremental');
}

function isLost(round: NewCursor | CursorLost): round is CursorLost {
  return 'location' in round;
}

function startOf(lost: CursorLost, context: PullContext): string | undefined {
  if (lost.location === null) return undefined;
  assertOrigin(lost.location, context.graph.origin);
  return lost.location;
}

/**
 * Everyone is to be read again, and whoever is not found has vanished meanwhile. The cursor is taken first, so that
 * what changes during the read is in the next round.
 */
async function beginInitial(context: PullContext): Promise<NewCursor> {
  const { everyone } = context.mirror;
  const cursor: NewCursor = {
    name: 'users',
    fingerprint: context.fingerprint,
    deltaLink: everyone ? null : await latestCursor(context),
    nextLink: null,
    initial: everyone ? 'full' : 'batch',
    groupIds: [],
  };
  await transaction(context.pool, async (client) => {
    await client.query('update users set needs_read = true, suspect = null');
    await compareAgain(client, 'select id from users');
    await writeCursor(client, cursor);
  });
  return cursor;
}

async function readInitially(context: PullContext, begun: NewCursor, start?: string): Promise<PullResult> {
  let cursor = begun;
  const unreadGroups = await readAssigned(context, true);
  if (cursor.initial === 'batch' && (await wholeDeltaIsCheaper(context))) {
    cursor = { ...cursor, initial: 'full', deltaLink: null };
    await writeCursor(context.pool, cursor);
  }
  if (cursor.initial === 'full' && cursor.deltaLink === null) {
    let round = await readUsersDelta(context, cursor, start);
    if (isLost(round)) {
      // A page link of an interrupted round has died: once more from the beginning.
      round = await readUsersDelta(context, { ...cursor, nextLink: null }, startOf(round, context));
    }
    if (isLost(round)) {
      throw new SyncError('InternalServerError', 'Graph gave up the delta of the users twice while it was being read');
    }
    cursor = round;
  }
  const result = await finish(context, 'initial', unreadGroups);
  await writeCursor(context.pool, { ...cursor, initial: null });
  return result;
}

/** The whole delta costs a request for 200 users of the tenant, `$batch` one for 20 of the assigned. */
async function wholeDeltaIsCheaper(context: PullContext): Promise<boolean> {
  // With the manager everyone is read directly all the same.
  if (context.mirror.manager) return false;
  const { rows } = await context.pool.query<{ count: number }>('select count(*) as count from users where needs_read');
  const batches = (rows[0]?.count ?? 0) / batchSize;
  if (batches <= 1) return false;
  try {
    const tenant = await context.graph.get('/users/$count', z.coerce.number().int().nonnegative(), {
      ConsistencyLevel: 'eventual',
    });
    return tenant / deltaPageSize < batches;
  } catch {
    // The count is only a help to choose; where it is not to be had, the assigned are read.
    return false;
  }
}

/** Assignments and members; resolves with the number of groups that could not be read. */
async function readAssigned(context: PullContext, initial: boolean): Promise<number> {
  const assigned: string[] = [];
  if (!context.mirror.everyone) {
    await pullAssignments(context);
    assigned.push(...(await assignedGroups(context.pool)));
  }
  return pullGroupMembers(context, [...new Set([...assigned, ...context.filterGroups])], initial);
}

async function finish(context: PullContext, kind: PullResult['kind'], unreadGroups?: number): Promise<PullResult> {
  const groups = unreadGroups ?? (await readAssigned(context, false));
  const unread = await readPendingUsers(context);
  const { everyone } = context.mirror;
  const unconfirmed = !(await confirmVanished(context));
  await refilter(context.pool, context.mirror.filters, new Date(context.now()));
  await updateScope(context.pool, { everyone, initial: kind === 'initial', keptGroups: context.filterGroups });
  if (context.mirror.roles) await refreshRoles(context);
  return { kind, unread, unreadGroups: groups, unconfirmed };
}
