/** Carries out a saved plan and nothing else: it must be what would be done now, and later waves keep to it. */
import { SyncError } from '../errors.ts';
import type { Queryable } from '../state/database.ts';
import { type Foreseen, type ForeseeOptions, foresee } from './foresee.ts';
import type { SavedPlan } from './open-plan.ts';
import type { Permits } from './plan-pass.ts';
import { describeForeseen, fingerprintsOf, isChanging, payloadFingerprint } from './planned-operation.ts';

/** So many users who differ are named. */
const namedAtMost = 10;

interface Current extends ForeseeOptions {
  /** What the plan depends on, as it is now. */
  readonly fingerprint: string;
}

/**
 * Carries a plan out by `work`, which writes only what it is permitted. Rejects with PlanOutdated, before anything is
 * written, where the plan is not what would be done now. Resolves with a warning where more is to be done by the end.
 */
export async function carryOutPlan(
  plan: SavedPlan,
  current: Current,
  work: (permits: Permits) => Promise<void>,
): Promise<string | undefined> {
  try {
    const permits = await checkPlan(plan, current);
    // The mirror stays as it was planned from, so that these are few: whose account is not in Maptician any more, say.
    const left = new Set<string>();
    await work(async (db, wanted) => {
      const may = await permits(db, wanted);
      for (const { entraId } of wanted) if (!may.has(entraId)) left.add(entraId);
      return may;
    });
    if (left.size === 0) return undefined;
    const who = left.size === 1 ? 'one user' : `${left.size} users`;
    return `the plan does not foresee what is to be done now for ${who}: the next cycle does it`;
  } finally {
    await forgetPlan(current.pool);
  }
}

/**
 * Compares a saved plan with what would be done now, before anything is written. Resolves with what lets exactly its
 * operations pass. Rejects with PlanOutdated where anything is missing, additional or different.
 */
async function checkPlan(plan: SavedPlan, current: Current): Promise<Permits> {
  const { pool, rules } = current;
  const { key } = plan;
  if (plan.header.fingerprint !== current.fingerprint) {
    throw new SyncError(
      'PlanOutdated',
      'Nothing was done, since the attribute table, the scoping filters or a setting has changed since the plan was saved',
    );
  }
  await forgetPlan(pool);
  for await (const lines of plan.lines()) await load(pool, 'saved', lines);
  const { limitsPassed } = await foresee(current, async (batch) => {
    const rows = batch.flatMap((foreseen) => {
      const { id, action } = describeForeseen(foreseen, rules);
      return isChanging(action)
        ? [{ id, action, held: isHeldBack(foreseen), ...fingerprintsOf(foreseen, rules, key) }]
        : [];
    });
    await load(pool, 'now', rows);
  });
  await pool.query('analyze planned_operations');
  await refuseDifferences(pool);
  await refuseUnanswered(pool, plan.header.waits, Object.keys(limitsPassed));
  return async (db, wanted) => {
    const { rows } = await db.query<{ entra_id: string }>(
      `select p.entra_id from unnest($1::uuid[], $2::text[]) as w(entra_id, payload)
         join planned_operations p on p.source = 'now' and p.entra_id = w.entra_id and p.payload = w.payload`,
      [wanted.map(({ entraId }) => entraId), wanted.map(({ payload }) => payloadFingerprint(payload, rules, key))],
    );
    return new Set(rows.map((row) => row.entra_id));
  };
}

/** Empties what a plan was compared in. */
async function forgetPlan(db: Queryable): Promise<void> {
  await db.query('truncate planned_operations');
}

interface Row {
  readonly id: string;
  readonly action: string;
  /** Null: an operator has approved it. */
  readonly held: boolean | null;
  readonly hash: string;
  readonly payload?: string;
}

async function load(db: Queryable, source: 'saved' | 'now', rows: readonly Row[]): Promise<void> {
  await db.query(
    `insert into planned_operations (source, entra_id, action, held, hash, payload)
     select $1, * from unnest($2::uuid[], $3::text[], $4::boolean[], $5::text[], $6::text[]) on conflict do nothing`,
    [
      source,
      rows.map(({ id }) => id),
      rows.map(({ action }) => action),
      rows.map(({ held }) => held),
      rows.map(({ hash }) => hash),
      rows.map(({ payload }) => payload ?? null),
    ],
  );
}

async function refuseDifferences(db: Queryable): Promise<void> {
  const { rows } = await db.query<{ users: number; named: string[] }>(
    `with differing as (
       select distinct coalesce(s.entra_id, n.entra_id) as id
       from (select * from planned_operations where source = 'saved') s
         full join (select * from planned_operations where source = 'now') n using (entra_id, action)
       where s.hash is distinct from n.hash
     )
     select (select count(*) from differing) as users,
       array(select id::text from differing order by id limit $1) as named`,
    [namedAtMost],
  );
  const { users = 0, named = [] } = rows[0] ?? {};
  if (users === 0) return;
  const who = `${named.join(', ')}${users > named.length ? ', …' : ''}`;
  throw new SyncError(
    'PlanOutdated',
    `Nothing was done, since ${users === 1 ? 'one user has' : `${users} users have`} something else to be done now than when the plan was saved: ${who}`,
  );
}

/** Whether it waits for an operator; null where one has approved it. */
function isHeldBack({ operationState, answer }: Foreseen): boolean | null {
  return operationState === 'approved' || answer?.answer === 'approved' ? null : operationState === 'held';
}

/** What the plan says will wait is not carried out because by now fewer wait with it: an operator has to approve it. */
async function refuseUnanswered(
  db: Queryable,
  waitedThen: readonly string[],
  waitNow: readonly string[],
): Promise<void> {
  const { rows } = await db.query<{ users: number }>(
    `select count(*) as users
     from (select * from planned_operations where source = 'saved') s
       join (select * from planned_operations where source = 'now') n using (entra_id, action)
     where (s.held or action = any($1)) and n.held is not null and not (n.held or action = any($2))`,
    [waitedThen, waitNow],
  );
  const { users = 0 } = rows[0] ?? {};
  if (users === 0) return;
  throw new SyncError(
    'PlanOutdated',
    `Nothing was done, since ${users} of the changes were to wait for approval when the plan was saved, and nobody has approved them`,
  );
}
