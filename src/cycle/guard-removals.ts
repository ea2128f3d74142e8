/** The mass-removal guard at work: the removals of a pass are counted before any of them is carried out. */
import type pg from 'pg';
import type { Log } from '../log.ts';
import { exceedsLimits, type RemovalLimits } from '../plan/removal-guard.ts';
import type { WrittenOperation } from './plan-pass.ts';

/** Counts the staged removals and opens or holds them. Resolves with those that may be carried out. */
export async function guardRemovals(
  context: { readonly pool: pg.Pool; readonly limits: RemovalLimits; readonly log: Log },
  cycleId: number,
): Promise<WrittenOperation[]> {
  const { rows } = await context.pool.query<{ planned: number; held: number; linkedActive: number }>(
    `select count(*) filter (where state = 'staged') as planned, count(*) filter (where state = 'held') as held,
       case when count(*) filter (where state = 'staged') > 0 then (select count(*) from links where active) else 0 end as "linkedActive"
     from operations where state in ('staged', 'held')`,
  );
  const removals = rows[0];
  if (removals === undefined || removals.planned === 0) return [];
  if (exceedsLimits(removals, context.limits)) {
    await context.pool.query(`update operations set state = 'held', set_id = $1 where state = 'staged'`, [cycleId]);
    context.log.warn({ cycle: cycleId, removals: removals.planned }, 'removals are held by the mass-removal guard');
    return [];
  }
  const opened = await context.pool.query<WrittenOperation>(
    `update operations set state = 'open' where state = 'staged' returning id, kind`,
  );
  return opened.rows;
}
