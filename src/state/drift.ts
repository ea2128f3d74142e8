/** Drift as rows: what the last check found, so that the same is told of once; and the checks themselves. */
import { z } from 'zod';
import { type ErrorCode, errorCodes, type SyncError } from '../errors.ts';
import { type Drift, type DriftKind, driftKinds } from '../plan/drift.ts';
import type { Queryable } from './database.ts';
import { writeLog } from './provisioning-log.ts';
import { toldOfWarnings } from './told-warnings.ts';

export type DriftAction = 'report' | 'repair';

const count = z.number().int().nonnegative();

const driftCounts = z.object({
  /** Linked accounts that differ from what was applied, by kind. */
  drift: z.record(z.enum(driftKinds), count),
  /** All accounts in Maptician, as Microsoft's account discovery sorts them. */
  accounts: z.object({ assigned: count, unassigned: count, unassignedActive: count, local: count }),
});
export type DriftCounts = z.infer<typeof driftCounts>;

const driftCheck = z.object({
  action: z.enum(['report', 'repair']),
  startedAt: z.date(),
  endedAt: z.date(),
  counts: driftCounts.nullable(),
  stopCode: z.enum(errorCodes).nullable(),
  stopMessage: z.string().nullable(),
});

/** A check that has ended: with counts, or with the reason why it could not be done. */
export type DriftCheck = z.infer<typeof driftCheck>;

/** A drift, and whose. */
export interface UserDrift extends Drift {
  readonly entraId: string;
  readonly userName: string | null;
  readonly mapticianId: string;
}

/** No cycle has this number: the log entries of a check belong to none. */
const noCycle = 0;
/** So many checks are remembered. */
const checksKept = 100;

/** Begins a check, under the cycle lock. Resolves with its number. */
export async function beginDriftCheck(db: Queryable, action: DriftAction): Promise<number> {
  const { rows } = await db.query<{ id: number }>('insert into drift_checks (action) values ($1) returning id', [
    action,
  ]);
  const id = rows[0]?.id ?? 0;
  await db.query('delete from drift_checks where id <= $1', [id - checksKept]);
  return id;
}

/** Writes down what a check found; the log has each drift once for as long as it stays the same. In a transaction. */
export async function recordDrift(
  db: Queryable,
  check: { readonly id: number; readonly action: DriftAction },
  found: readonly UserDrift[],
): Promise<void> {
  if (found.length === 0) return;
  const records = found.map(({ entraId, kind, found: hash }) => ({ entra_id: entraId, kind, found: hash }));
  const known = await db.query<{ entra_id: string }>(
    `select d.entra_id from drift d join jsonb_to_recordset($1) as p(entra_id uuid, kind text, found text) using (entra_id)
     where d.kind = p.kind and d.found = p.found and not d.repaired`,
    [JSON.stringify(records)],
  );
  const same = new Set(known.rows.map(({ entra_id }) => entra_id));
  await db.query(
    `insert into drift as d (entra_id, kind, found, check_id, repaired)
     select entra_id, kind, found, $2, $3 from jsonb_to_recordset($1) as p(entra_id uuid, kind text, found text)
     on conflict (entra_id) do update set kind = excluded.kind, found = excluded.found, check_id = excluded.check_id,
       repaired = excluded.repaired, told_in = case when d.entra_id = any($4::uuid[]) then d.told_in end`,
    [JSON.stringify(records), check.id, check.action === 'repair', [...same]],
  );
  await writeLog(
    db,
    noCycle,
    found
      .filter(({ entraId }) => !same.has(entraId))
      .map(({ entraId, userName, mapticianId, reason, before, after }) => ({
        action: 'other',
        operation: 'drift',
        status: 'warning',
        entraId,
        userName,
        mapticianId,
        code: null,
        reason,
        before,
        after,
      })),
  );
}

/** Ends a check: what it did not see any more is over. What was made good stays until a cycle finds that it was told of. */
export async function endDriftCheck(db: Queryable, id: number, counts: DriftCounts): Promise<void> {
  await db.query('delete from drift where check_id <> $1 and not repaired', [id]);
  await db.query('update drift_checks set ended_at = now(), counts = $2 where id = $1', [id, JSON.stringify(counts)]);
}

/** A check that could not be done leaves what is known as it was. */
export async function failDriftCheck(db: Queryable, id: number, error: SyncError): Promise<void> {
  await db.query('update drift_checks set ended_at = now(), stop_code = $2, stop_message = $3 where id = $1', [
    id,
    error.code satisfies ErrorCode,
    error.message,
  ]);
}

/** The last check that ended, for `status`. */
export async function readLastDrift(db: Queryable): Promise<DriftCheck | undefined> {
  const { rows } = await db.query(
    `select action, started_at as "startedAt", ended_at as "endedAt", counts, stop_code as "stopCode",
       stop_message as "stopMessage"
     from drift_checks where ended_at is not null order by id desc limit 1`,
  );
  return rows[0] === undefined ? undefined : driftCheck.parse(rows[0]);
}

/**
 * What a cycle says of drift that nobody has been told of, with some of the names; again where that cycle told nobody.
 * @param notifies whether there are channels to tell people by
 */
export async function driftWarnings(db: Queryable, cycleId: number, notifies: boolean): Promise<string[]> {
  const told = toldOfWarnings('d.told_in', notifies);
  await db.query(`delete from drift d where repaired and ${told}`);
  const { rows } = await db.query<{ kind: DriftKind; repaired: boolean; accounts: number; names: string[] }>(
    `with news as (update drift d set told_in = $1 where not ${told} returning entra_id, kind, repaired)
     select n.kind, n.repaired, count(*) as accounts,
       (array_agg(coalesce(u.user_name, n.entra_id::text) order by u.user_name))[1:$2] as names
     from news n left join users u on u.id = n.entra_id group by 1, 2`,
    [cycleId, namesTold],
  );
  return [false, true].flatMap((repaired) => {
    const parts = driftKinds.flatMap((kind) =>
      rows
        .filter((row) => row.repaired === repaired && row.kind === kind)
        .map(({ accounts, names }) => {
          const more = accounts > names.length ? ', …' : '';
          return `${accounts} ${kindText[kind]} (${names.join(', ')}${more})`;
        }),
    );
    if (parts.length === 0) return [];
    const what = repaired
      ? 'That is made good; see "maptician-sync log --status warning".'
      : 'See "maptician-sync drift"; "maptician-sync drift --repair" makes it good.';
    return [`${opening}${parts.join(', ')}. ${what}`];
  });
}

const opening = 'Somebody else changed accounts in Maptician: ';

/** Whether a warning of a cycle is of drift: it is always news. */
export function isDriftWarning(warning: string): boolean {
  return warning.startsWith(opening);
}

/** Of each kind. */
const namesTold = 3;

const kindText: Record<DriftKind, string> = {
  access: 'with wrong access',
  missing: 'missing',
  changed: 'with other values',
};
