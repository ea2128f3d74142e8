/** Cycles as the executions of Microsoft's synchronizationStatus: the last ones, and how often in a row they failed. */
import { type Cycle, readCycle } from './cycles.ts';
import type { Queryable } from './database.ts';

export interface Executions {
  /** The last cycle that ended. */
  readonly last: Cycle | undefined;
  /** The last in which nobody failed. */
  readonly lastSuccessful: Cycle | undefined;
  /** The last of those that wrote anything to Maptician. */
  readonly lastSuccessfulWithExports: Cycle | undefined;
  /** Cycles that stopped for an error since one came to its end. */
  readonly failuresInARow: number;
  /** When a cycle first, and last, came to its end: then nothing was left to do but for who failed. */
  readonly firstFinishedAt: Date | null;
  readonly lastFinishedAt: Date | null;
}

const written = ['created', 'updated', 'deactivated', 'reactivated', 'deleted']
  .map((name) => `(counts->>'${name}')::bigint`)
  .join(' + ');

/** What was provisioned by hand is no execution. */
export async function readExecutions(db: Queryable): Promise<Executions> {
  const { rows } = await db.query<{
    last: number | null;
    successful: number | null;
    exported: number | null;
    failures: number;
    first_finished: Date | null;
    last_finished: Date | null;
  }>(
    `with ended as (select id, state, counts, ended_at from cycles where kind <> 'on_demand' and state <> 'running')
     select max(id) as last, max(id) filter (where state = 'succeeded') as successful,
       max(id) filter (where state = 'succeeded' and ${written} > 0) as exported,
       count(*) filter (where state = 'failed'
         and id > coalesce((select max(id) from ended where state in ('succeeded', 'partial')), 0)) as failures,
       min(ended_at) filter (where state in ('succeeded', 'partial')) as first_finished,
       max(ended_at) filter (where state in ('succeeded', 'partial')) as last_finished
     from ended`,
  );
  const row = rows[0];
  const cycleOf = async (id: number | null | undefined) => (id == null ? undefined : readCycle(db, id));
  return {
    last: await cycleOf(row?.last),
    lastSuccessful: await cycleOf(row?.successful),
    lastSuccessfulWithExports: await cycleOf(row?.exported),
    failuresInARow: row?.failures ?? 0,
    firstFinishedAt: row?.first_finished ?? null,
    lastFinishedAt: row?.last_finished ?? null,
  };
}
