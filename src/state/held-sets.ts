/**
 * What waits for an operator, as named sets: the number of a set is that of the cycle that held it. Nothing is ever carried
 * out because nobody answered: a set that expires is held anew, under the number of the cycle that finds it so.
 */
import { z } from 'zod';
import type { Queryable } from './database.ts';

const heldSetRow = z.object({
  set: z.number(),
  heldAt: z.date().nullable(),
  expiresAt: z.date().nullable(),
  /** The limits that were passed, in words after "that is". */
  reason: z.string().nullable(),
  /** Nothing else is carried out either until it is answered. */
  stops: z.boolean(),
  /** Users by what is to be done to them. */
  kinds: z.record(z.string(), z.number()),
  /** Those of them whose access would end. */
  removals: z.number(),
});
export type HeldSet = z.infer<typeof heldSetRow>;

/** The sets that are held, oldest first. What is approved is in none of them any more. */
export async function readHeldSets(db: Queryable): Promise<HeldSet[]> {
  const { rows } = await db.query(
    `select o.set_id as set, s.held_at as "heldAt", s.expires_at as "expiresAt", s.reason,
       coalesce(s.stops, false) as stops, jsonb_object_agg(o.kind, o.users) as kinds,
       coalesce(sum(o.users) filter (where o.kind in ('deactivate', 'delete')), 0)::integer as removals
     from (select set_id, kind, count(*) as users from operations where state = 'held' group by 1, 2) o
       left join held_sets s on s.id = o.set_id
     where o.set_id is not null
     group by 1, 2, 3, 4, 5 order by 1`,
  );
  return rows.map((row) => heldSetRow.parse(row));
}

/** How sets are written: how long they wait for an answer, and whether all else waits with them. */
export interface HeldSetRules {
  readonly expiryDays: number;
  readonly whenHeld: 'continue' | 'stop';
}

/** Keeps why a set is held. A cycle that holds several times adds to its one set. */
export async function writeHeldSet(
  db: Queryable,
  set: { readonly id: number; readonly reason: string },
  { expiryDays, whenHeld }: HeldSetRules,
): Promise<void> {
  await db.query(
    `insert into held_sets as s (id, expires_at, reason, stops) values ($1, now() + make_interval(days => $2), $3, $4)
     on conflict (id) do update set reason =
       case when position(excluded.reason in s.reason) > 0 then s.reason else s.reason || '; ' || excluded.reason end`,
    [set.id, expiryDays, set.reason, whenHeld === 'stop'],
  );
}

/**
 * Before a cycle plans: sets that nobody answered in time are renewed as one set under this cycle's number, and what was
 * approved and not carried out within that time waits again. Sets of which nothing waits any more are dropped.
 */
export async function renewExpiredSets(db: Queryable, cycleId: number, rules: HeldSetRules): Promise<void> {
  const { rows } = await db.query<{ reason: string }>(
    `with lapsed as (
       select o.id, coalesce(s.reason, 'approved too long ago') as reason
       from operations o left join held_sets s on s.id = o.set_id
         left join answers a on a.entra_id = o.entra_id and a.answer = 'approved'
       where o.state = 'held' and s.expires_at <= now() or o.state = 'approved' and a.expires_at <= now()
     ), renewed as (
       update operations o set state = 'held', set_id = $1 from lapsed where o.id = lapsed.id
     )
     select distinct reason from lapsed`,
    [cycleId],
  );
  for (const { reason } of rows) await writeHeldSet(db, { id: cycleId, reason }, rules);
  await db.query(`delete from answers where expires_at <= now()`);
  await db.query(
    `delete from held_sets s where expires_at <= now() and not exists (select from operations o where o.set_id = s.id)`,
  );
}

/** What was found to wait under another kind than was shown is a set of its own, and so is what an earlier version held. */
export async function nameUnknownSets(db: Queryable, rules: HeldSetRules): Promise<void> {
  const { rows } = await db.query<{ id: number }>(
    `select distinct o.set_id as id from operations o
     where o.state = 'held' and o.set_id is not null and not exists (select from held_sets s where s.id = o.set_id)`,
  );
  const reason = 'something else than was held or approved before';
  for (const { id } of rows) await writeHeldSet(db, { id, reason }, rules);
}
