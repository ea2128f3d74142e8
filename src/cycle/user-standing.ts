/** Where one user stands between two cycles: what waits, what was refused, and what an operator said. */
import { z } from 'zod';
import type { Queryable } from '../state/database.ts';

const standing = z.object({
  /** Has to be read from Entra again. */
  needsRead: z.boolean(),
  /** Is compared in the next cycle, whatever happens in Entra. */
  marked: z.boolean(),
  rejectedRemoval: z.enum(['deactivate', 'delete']).nullable(),
  operation: z
    .object({
      kind: z.string(),
      state: z.enum(['staged', 'open', 'held', 'approved']),
      cycleId: z.number(),
      set: z.number().nullable(),
    })
    .nullable(),
  failure: z
    .object({
      code: z.string(),
      reason: z.string(),
      httpStatus: z.number().nullable(),
      attempts: z.number(),
      firstFailedAt: z.coerce.date(),
      lastFailedAt: z.coerce.date(),
      /** Null: not by itself any more. */
      nextRetryAt: z.coerce.date().nullable(),
      waitsFor: z.string().nullable(),
    })
    .nullable(),
});

export type UserStanding = z.infer<typeof standing>;

/** Of a user whom the mirror has. */
export async function readUserStanding(db: Queryable, id: string): Promise<UserStanding> {
  const { rows } = await db.query(
    `select u.needs_read as "needsRead", u.rejected_removal as "rejectedRemoval",
       c.id is not null or coalesce(e.next_retry_at <= now(), false) as marked,
       case when o.id is not null then jsonb_build_object('kind', o.kind, 'state', o.state, 'cycleId', o.cycle_id,
         'set', o.set_id) end as operation,
       case when e.entra_id is not null then jsonb_build_object('code', e.code, 'reason', e.reason,
         'httpStatus', e.http_status, 'attempts', e.attempts, 'firstFailedAt', e.first_failed_at,
         'lastFailedAt', e.last_failed_at, 'nextRetryAt', e.next_retry_at, 'waitsFor', e.waits_for) end as failure
     from users u left join to_compare c on c.id = u.id left join operations o on o.entra_id = u.id
       left join escrow e on e.entra_id = u.id
     where u.id = $1`,
    [id],
  );
  return standing.parse(rows[0]);
}
