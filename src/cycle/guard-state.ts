/** What the guard's limits are compared with, read from the state database. */
import type { Emptied, GuardCounts, GuardLimits } from '../plan/removal-guard.ts';
import type { Queryable } from '../state/database.ts';
import type { HeldSetRules } from '../state/held-sets.ts';

/** The limits and what is done about what is over them. */
export interface GuardRules extends HeldSetRules {
  readonly limits: GuardLimits;
  /** SYNC_SCOPE=all. */
  readonly everyone: boolean;
}

/**
 * Accounts and what was removed, as they are now. Removals in a day are those that the guard let through by itself: what an
 * operator approved was no slip. A removal counts for as long as its user has no active account.
 */
export async function readGuardState(
  db: Queryable,
  everyone: boolean,
): Promise<Pick<GuardCounts, 'linkedActive' | 'removedInDay' | 'emptied'>> {
  const { rows } = await db.query<{ linkedActive: number; removedInDay: number; emptied: Emptied | null }>(
    `select (select count(*) from links where active) as "linkedActive",
       (select count(*) from removals r where let_through_at > now() - interval '24 hours'
         and not exists (select from links l where l.entra_id = r.entra_id and l.active)) as "removedInDay",
       case
         when $1 and not exists (select from users where in_scope and presence = 'live') then 'users'
         when not $1 and not exists (select from assignments where not gone) then 'assignments'
         when exists (select from users where in_scope and presence = 'live')
           and not exists (select from users where in_scope and presence = 'live' and not filtered_out) then 'filters'
       end as emptied`,
    [everyone],
  );
  const { linkedActive = 0, removedInDay = 0, emptied = null } = rows[0] ?? {};
  return { linkedActive, removedInDay, emptied: emptied ?? undefined };
}
