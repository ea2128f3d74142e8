/** Brings one user's part of the mirror up to date, by the writes of a cycle; as a dry run it is all undone again. */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type AppRole, readAppRoles, writeRoles } from '../directory/app-roles.ts';
import type { FoundUser } from '../directory/find-user.ts';
import { knownAccess, type UserAccess, writeAccess } from '../directory/known-access.ts';
import { writeAbsent, writeUsers } from '../directory/mirror.ts';
import type { PullContext } from '../directory/pull-context.ts';
import { readAccess } from '../directory/read-access.ts';
import { SyncError } from '../errors.ts';
import { refilterOne } from '../scope/refilter.ts';
import { updateScopeOf } from '../scope/scope.ts';
import { compareAgain } from '../state/compare-again.ts';
import type { Queryable } from '../state/database.ts';

/** All that Entra says of one user. */
export interface UserReading {
  readonly found: FoundUser;
  /** Undefined for whoever is deleted: their assignments are not told any more. */
  readonly access: UserAccess | undefined;
  /** The roles of the app, where a mapping asks for them. */
  readonly roles: readonly AppRole[] | undefined;
}

export async function readUser(context: PullContext, found: FoundUser): Promise<UserReading> {
  if (found.presence !== 'live') return { found, access: undefined, roles: undefined };
  const [access, roles] = await Promise.all([
    readAccess({ ...context, known: (id) => knownAccess(context.pool, id) }, found.id),
    context.mirror.roles ? readAppRoles(context) : undefined,
  ]);
  return { found, access, roles };
}

/** Writes it, and marks the user to be compared. Rejects where Graph gave the user in a form that cannot be read. */
export async function writeReading(db: Queryable, context: PullContext, reading: UserReading): Promise<void> {
  const { found, access, roles } = reading;
  const { id } = found;
  const { mirror } = context;
  await db.query('insert into users (id, needs_read, in_scope) values ($1, true, false) on conflict do nothing', [id]);
  if (access !== undefined) await writeAccess(db, id, access, context.filterGroups);
  if (found.presence === 'live') {
    const [unreadable] = await writeUsers(db, [{ ...found.user, id }], mirror);
    if (unreadable !== undefined) throw new SyncError('UnexpectedAnswer', unreadable.reason);
    await refilterOne(db, mirror.filters, id, new Date(context.now()));
  } else await writeAbsent(db, [{ id, presence: found.presence }]);
  if (roles !== undefined) await writeRoles(db, roles, id);
  await updateScopeOf(db, id, { everyone: mirror.everyone });
  await compareAgain(db, 'select $1::uuid', [id]);
  await db.query('update to_compare set contested = 0 where id = $1', [id]);
}

/** A cycle is waited for at most so long at a time: below Postgres's own time for a deadlock, which could end the cycle. */
const lockTimeout = '500ms';
const triesAtMost = 20;
const pause = 250;
/** Somebody else has the lock; a deadlock. */
const busy = new Set(['55P03', '40P01']);

/** Runs `work` in a transaction that never holds up a cycle, again where a cycle holds it up; `keep` commits it. */
export async function besideCycles<T>(
  pool: pg.Pool,
  { keep }: { readonly keep: boolean },
  work: (db: Queryable) => Promise<T>,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    const client = await pool.connect();
    let broken = false;
    try {
      await client.query(`begin; set local lock_timeout = '${lockTimeout}'`);
      const result = await work(client);
      await client.query(keep ? 'commit' : 'rollback');
      return result;
    } catch (thrown) {
      await client.query('rollback').catch(() => {
        broken = true;
      });
      if (!(thrown instanceof pg.DatabaseError && busy.has(thrown.code ?? ''))) throw thrown;
      if (attempt === triesAtMost) {
        throw new SyncError('Timeout', 'A running cycle kept the user in the state database busy; try again', {
          cause: thrown,
        });
      }
    } finally {
      client.release(broken);
    }
    await sleep(pause);
  }
}
