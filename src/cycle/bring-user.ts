/**
 * Brings one user's part of the mirror up to date, by the writes of a cycle; as a dry run it is all undone again. What a
 * cycle has written since a reading began may be newer, and is not told again: such a reading is made once more.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { type AppRole, readAppRoles, writeRoles } from '../directory/app-roles.ts';
import { type FoundUser, findUser } from '../directory/find-user.ts';
import { knownAccess, type UserAccess, writeAccess } from '../directory/known-access.ts';
import { writeAbsent, writeUsers } from '../directory/mirror.ts';
import type { PullContext } from '../directory/pull-context.ts';
import { readAccess } from '../directory/read-access.ts';
import { SyncError } from '../errors.ts';
import { refilterOne } from '../scope/refilter.ts';
import { updateScopeOf } from '../scope/scope.ts';
import { compareAgain } from '../state/compare-again.ts';
import { isCycleRunning } from '../state/cycles.ts';
import { databaseTime, type Queryable } from '../state/database.ts';

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

const readingsAtMost = 5;

/**
 * Reads the user and writes it, again and again where a cycle ran meanwhile, until a reading finds the mirror as it is. Where
 * that does not come to an end, rejects, and the next cycle reads the user directly.
 * @param look what to resolve with beside the reading, from the transaction that wrote it
 */
export async function bringUser<T>(
  context: PullContext,
  begun: { readonly at: string; readonly found: FoundUser },
  look: (db: Queryable) => Promise<T>,
): Promise<{ readonly reading: UserReading; readonly seen: T }> {
  const { pool } = context;
  let { at, found } = begun;
  const { id } = found;
  for (let time = 1; time <= readingsAtMost; time++) {
    if (time > 1) {
      at = await databaseTime(pool);
      found = (await findUser(context, id)) ?? { presence: 'purged', id };
    }
    const before = await standingOf(pool, id);
    const reading = await readUser(context, found);
    const written = await besideCycles(pool, { keep: true }, async (db) => {
      await lockStanding(db, id);
      const now = await standingOf(db, id);
      if (now !== before) return undefined;
      await writeReading(db, context, reading);
      const settled = !(await ranSince(db, at)) || (await standingOf(db, id)) === now;
      // Kept from being planned until it is read once more, by the next cycle should this process be killed.
      if (!settled) await db.query('update users set needs_read = true where id = $1', [id]);
      return { settled, seen: await look(db) };
    });
    if (written?.settled) return { reading, seen: written.seen };
  }
  await pool.query('update users set needs_read = true where id = $1', [id]);
  await compareAgain(pool, 'select id from users where id = $1', [id]);
  throw new SyncError('Timeout', 'The user changed again each time it was read; the next cycle reads it once more');
}

/** Whether anything but provisioning on demand may have written the mirror at any time since. */
async function ranSince(db: Queryable, at: string): Promise<boolean> {
  const { rows } = await db.query<{ ran: boolean }>(
    `select exists (select from cycles where kind <> 'on_demand' and (state = 'running' or ended_at >= $1::timestamptz)) as ran`,
    [at],
  );
  return rows[0]?.ran === true || (await isCycleRunning(db));
}

const ownGroups = 'select group_id from group_members where user_id = $1';

/** A cycle's writes wait: they come after what is written here, or before it is looked at. */
async function lockStanding(db: Queryable, id: string): Promise<void> {
  await db.query('select from users where id = $1 for update', [id]);
  await db.query('select from group_members where user_id = $1 for update', [id]);
  await db.query(`select from assignments where principal_id = $1 or principal_id in (${ownGroups}) for share`, [id]);
}

/** All that the mirror says of the user, as one hash; another one where it has moved. */
async function standingOf(db: Queryable, id: string): Promise<string> {
  const { rows } = await db.query<{ standing: string }>(
    `select md5(concat_ws('|',
       (select row(attributes, roles, presence, suspect, in_scope, filtered_out)::text from users where id = $1),
       (select string_agg(m::text, ',' order by m::text) from group_members m where user_id = $1),
       (select string_agg(a::text, ',' order by a::text) from assignments a
        where principal_id = $1 or principal_id in (${ownGroups})))) as standing`,
    [id],
  );
  return rows[0]?.standing ?? '';
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
