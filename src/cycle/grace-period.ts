/** Accounts of users without access that have been inactive for as long as DELETE_INACTIVE_AFTER_DAYS says. */
import type { PlanRules } from '../plan/decide.ts';
import { compareAgain } from '../state/compare-again.ts';
import type { Queryable } from '../state/database.ts';

/** Whether a link, as `l`, has been inactive because of us for longer than the days in `parameter`; null is never. */
export const isGraceOver = (parameter: string) =>
  `coalesce(not l.active and l.deactivated_at <= now() - make_interval(days => ${parameter}::integer), false)`;

/** Marks them to be compared. Who was marked already, or whose deletion was rejected or refused, is not marked anew. */
export async function markGraceOver(db: Queryable, { deleteInactiveAfterDays, table }: PlanRules): Promise<void> {
  if (deleteInactiveAfterDays === undefined || !table.actions.delete) return;
  await compareAgain(
    db,
    `select l.entra_id from links l join users u on u.id = l.entra_id
     where l.deactivated_at <= now() - make_interval(days => $1::integer) and not l.active
       and u.rejected_removal is distinct from 'delete'
       and not exists (select from escrow e where e.entra_id = l.entra_id and e.payload is not null and e.next_retry_at > now())`,
    [deleteInactiveAfterDays],
  );
}
