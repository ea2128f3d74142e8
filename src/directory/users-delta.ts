/**
 * Reads `users/delta` page by page (https://learn.microsoft.com/graph/api/user-delta). Each page and the link that
 * follows it are written in one transaction, so a killed worker goes on at the page it was on.
 */

import { SyncError } from '../errors.ts';
import type { UserSelection } from '../mapping/source-schema.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { type Cursor, writeCursor } from './cursors.ts';
import { GraphError, graphSyncError } from './graph-client.ts';
import { assertOrigin } from './graph-middleware.ts';
import { usersPage } from './graph-types.ts';
import { writeDeltaPage } from './mirror.ts';
import type { PullContext } from './pull-context.ts';

const cursorName = 'users';
const resetCodes = new Set([
  'syncstatenotfound',
  'resyncrequired',
  'resyncapplydifferences',
  'resyncuploaddifferences',
]);

/** The cursor is of no use any more; `location` is where Graph says to begin anew, if it says so. */
export interface CursorLost {
  readonly location: string | null;
}

/**
 * Graph's ways of saying that a token is lost: 410, one of the reset codes, or any 400 on a link that Graph gave
 * itself. Codes are compared, never messages.
 */
export function cursorLost(thrown: unknown): CursorLost | undefined {
  if (!(thrown instanceof GraphError)) return undefined;
  const lost = thrown.status === 410 || thrown.status === 400 || thrown.codes.some((code) => resetCodes.has(code));
  return lost ? { location: thrown.location } : undefined;
}

/** The `$select` of users/delta, which takes the manager as one more property and answers with `manager@delta`. */
function deltaQuery({ properties, manager }: UserSelection): string {
  return `$select=${[...properties, ...(manager ? ['manager'] : [])].join(',')}`;
}

/** The query of a direct read. */
export function selectQuery({ properties, manager }: UserSelection): string {
  return `$select=${properties.join(',')}${manager ? '&$expand=manager($select=id,userPrincipalName)' : ''}`;
}

/** A cursor from now on, without reading anything: what changes after this moment is in the next round. */
export async function latestCursor(context: PullContext): Promise<string> {
  const path = `/users/delta?${deltaQuery(context.mirror)}&$deltatoken=latest`;
  try {
    // A tenant may answer the way to `latest` in several pages, empty ones among them.
    let page = await context.graph.get(path, usersPage);
    for (let pages = 1; page['@odata.deltaLink'] === undefined && page['@odata.nextLink'] !== undefined; pages++) {
      if (pages > 1000) throw new SyncError('UnexpectedAnswer', 'The way to the latest delta token does not end');
      page = await context.graph.get(page['@odata.nextLink'], usersPage);
    }
    return requireLink(page['@odata.deltaLink'], context);
  } catch (thrown) {
    throw graphSyncError(thrown, 'users/delta', 'User.Read.All');
  }
}

function requireLink(link: string | undefined, context: PullContext): string {
  if (link === undefined)
    throw graphSyncError(new Error('Graph ended a delta round without a link'), 'users/delta', '');
  assertOrigin(link, context.graph.origin);
  return link;
}

/**
 * Reads one round to its end, from the cursor's next link if a round was interrupted, else from its delta link, else
 * (an initial read) from the beginning or from `start`. Resolves with the finished cursor, or says that it is lost.
 */
export async function readUsersDelta(
  context: PullContext,
  cursor: Omit<Cursor, 'issuedAt'>,
  start?: string,
): Promise<Omit<Cursor, 'issuedAt'> | CursorLost> {
  const beginning = start ?? `/users/delta?${deltaQuery(context.mirror)}`;
  let link: string = cursor.nextLink ?? cursor.deltaLink ?? beginning;
  let page = fetchPage(context, link);
  let restarted = false;
  for (let done = 0; ; ) {
    const read = await page;
    if ('location' in read) {
      // A page link dies before its round's delta link does: the round can often be begun again.
      if (restarted || cursor.nextLink !== link || cursor.deltaLink === null) return read;
      restarted = true;
      link = cursor.deltaLink;
      page = fetchPage(context, link);
      continue;
    }
    const next = read['@odata.nextLink'];
    const finished = next === undefined;
    const following = requireLink(next ?? read['@odata.deltaLink'], context);
    // The next page travels while this one is written.
    if (!finished) page = fetchPage(context, following);
    const written: Omit<Cursor, 'issuedAt'> = {
      ...cursor,
      name: cursorName,
      deltaLink: finished ? following : cursor.deltaLink,
      nextLink: finished ? null : following,
    };
    const write = async (client: Queryable) => {
      await writeDeltaPage(client, read.value, context.mirror);
      await writeCursor(client, written);
    };
    await transaction(context.pool, write, { relaxed: true });
    done += read.value.length;
    context.progress('users', done, undefined);
    if (finished) return written;
    link = following;
  }
}

type UsersPage = (typeof usersPage)['_output'];

/** Resolves with the page, or with the cursor's loss; a failure waits to be awaited instead of ending the process. */
function fetchPage(context: PullContext, link: string): Promise<UsersPage | CursorLost> {
  const page = context.graph.get(link, usersPage).catch((thrown: unknown) => {
    const lost = cursorLost(thrown);
    if (lost === undefined) throw graphSyncError(thrown, 'users/delta', 'User.Read.All');
    return lost;
  });
  page.catch(() => undefined);
  return page;
}
