/** Provisioning on demand as a cycle of its own kind, which runs beside any other. */
import type { Queryable } from './database.ts';
import { openLockConnection } from './lock-connection.ts';

/** Spells "hand": the first key of the advisory lock that it holds; the second is the cycle's id. */
const onDemandLock = 0x68616e64;

/** True where the row `cycle` of `cycles` is of a provisioning on demand that runs at this moment, in SQL. */
export const onDemandRuns = (cycle: string) => `(${cycle}.kind = 'on_demand' and exists (select from pg_locks l
  where l.locktype = 'advisory' and l.classid = ${onDemandLock} and l.objid = (${cycle}.id % 2147483648)::oid and l.granted
    and l.database = (select oid from pg_database where datname = current_database())))`;

/** True where the operation `o` belongs to one: it is nobody else's to take. */
export const inOtherHands = `exists (select from cycles c where c.id = o.cycle_id and ${onDemandRuns('c')})`;

export interface OnDemandCycle {
  readonly id: number;
  /** Aborted when others may take its operations, since the lock was lost with its connection. */
  readonly signal: AbortSignal;
  /** Lets go of what keeps others from its operations. */
  release(): Promise<void>;
}

/** Begins one. Its operations are left to it for as long as this process lives: the lock goes with its connection. */
export async function beginOnDemand(url: string, trigger: string): Promise<OnDemandCycle> {
  const { client, signal, release } = await openLockConnection(url, 'provisioning on demand');
  try {
    const { rows } = await client.query<{ id: string }>(
      `with begun as (
         insert into cycles (kind, trigger, phase, log_from)
         select 'on_demand', $1, 'apply', coalesce(max(id), 0) from provisioning_log returning id)
       select id, pg_advisory_lock(${onDemandLock}, (id % 2147483648)::int) from begun`,
      [trigger],
    );
    return { id: Number(rows[0]?.id), signal, release };
  } catch (thrown) {
    await release();
    throw thrown;
  }
}

/** Drops what a killed process left open of one user, to be planned anew. False while somebody has it in hand. */
export async function dropLeftOver(db: Queryable, entraId: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `with dropped as (
       delete from operations where id in (
         select id from operations o where entra_id = $1 and state in ('open', 'staged') and not ${inOtherHands}
         for update skip locked)
       returning entra_id)
     insert into to_compare select entra_id from dropped on conflict (id) do update set contested = 0 returning id`,
    [entraId],
  );
  return rowCount === 1;
}

/** Drops what a cycle on demand leaves open itself, when it was stopped; the next cycle plans it anew. */
export async function dropOwn(db: Queryable, cycleId: number): Promise<void> {
  await db.query(
    `with dropped as (
       delete from operations where cycle_id = $1 and state in ('open', 'staged') returning entra_id)
     insert into to_compare select entra_id from dropped on conflict do nothing`,
    [cycleId],
  );
}

/** Of one in which nothing was done. */
export async function forgetCycle(db: Queryable, cycleId: number): Promise<void> {
  await db.query(`delete from cycles where id = $1 and kind = 'on_demand'`, [cycleId]);
}
