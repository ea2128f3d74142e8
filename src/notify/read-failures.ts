/** Who fails, as far as a notification names them. */
import type { ErrorCode } from '../errors.ts';
import type { Cycle } from '../state/cycles.ts';
import type { Queryable } from '../state/database.ts';
import type { QuarantineFailure } from './job-templates.ts';

/** Of each code so many users are read; more are not named anyway. */
const namedOfCode = 50;

const failing = `
  select e.entra_id, coalesce(u.user_name, l.user_name) as user_name, e.action, e.code, e.reason, e.http_status, e.attempts,
    e.next_retry_at, e.told_in
  from escrow e left join users u on u.id = e.entra_id left join links l on l.entra_id = e.entra_id`;

interface FailingRow {
  readonly entra_id: string;
  readonly user_name: string | null;
  readonly action: string;
  readonly code: ErrorCode;
  readonly reason: string;
  readonly http_status: number | null;
  readonly attempts: number;
  readonly next_retry_at: Date | null;
  /** How many have this code. */
  readonly of: number;
}

/** Those a notification tells of, or all of them; the first of each code. */
export async function readFailing(db: Queryable, toldIn: number | undefined): Promise<FailingRow[]> {
  const { rows } = await db.query<FailingRow>(
    `select * from (
       select f.*, count(*) over (partition by code) as of, row_number() over (partition by code order by user_name) as place
       from (${failing}) f where $1::bigint is null or told_in = $1
     ) numbered where place <= $2 order by user_name`,
    [toldIn ?? null, namedOfCode],
  );
  return rows;
}

/** Who failed: in escrow, or, where that was cleared, in the log of the cycle. */
export async function failuresOfQuarantine(
  db: Queryable,
  cycle: Cycle | undefined,
  escrowsPruned: boolean,
): Promise<{ failures: QuarantineFailure[]; failed: number }> {
  const rows = escrowsPruned
    ? await db.query<QuarantineFailure & { of: number }>(
        `select coalesce(user_name, entra_id::text) as user, entra_id as "objectId", code, reason, count(*) over () as of
         from (select distinct on (entra_id) * from provisioning_log where cycle_id = $1 and status = 'failure'
           order by entra_id, id desc) f
         order by 1 limit $2`,
        [cycle?.id ?? 0, namedOfCode],
      )
    : await db.query<QuarantineFailure & { of: number }>(
        `select coalesce(user_name, entra_id::text) as user, entra_id as "objectId", code, reason, count(*) over () as of
         from (${failing}) f order by 1 limit $1`,
        [namedOfCode],
      );
  return { failures: rows.rows, failed: rows.rows[0]?.of ?? 0 };
}
