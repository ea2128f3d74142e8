/** The guard at work: what a pass staged is counted before any of it is carried out. */
import type pg from 'pg';
import type { Log } from '../log.ts';
import type { OperationKind, PlanRules } from '../plan/decide.ts';
import { type KindCounts, type LimitedKind, limitedKinds, limitsPassed, noKinds } from '../plan/removal-guard.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { nameUnknownSets, renewExpiredSets, writeHeldSet } from '../state/held-sets.ts';
import { logHeld } from '../state/provisioning-log.ts';
import { markGraceOver } from './grace-period.ts';
import { type GuardRules, readGuardState } from './guard-state.ts';
import { isRemoval, type PassOptions, type WrittenOperation } from './plan-pass.ts';

/** So many staged operations are opened in one statement. */
const pageSize = 5000;

/** Which kinds the guard wants to count before any of them is carried out. */
export function stagedKinds({ limits, whenHeld }: GuardRules): PassOptions['stages'] {
  const limited = new Set<OperationKind>(limitedKinds.filter((kind) => limits.kinds[kind] !== undefined));
  return (kind) => whenHeld === 'stop' || isRemoval(kind) || limited.has(kind);
}

/** Before a cycle plans: whose word has expired is held anew, and whose grace period is over is compared. */
export async function prepareGuard(
  { pool, guard, rules }: { readonly pool: pg.Pool; readonly guard: GuardRules; readonly rules: PlanRules },
  cycleId: number,
): Promise<void> {
  await transaction(pool, (client) => renewExpiredSets(client, cycleId, guard));
  await pool.query(`delete from removals where let_through_at < now() - interval '48 hours'`);
  await markGraceOver(pool, rules);
}

/** The guard of one cycle. It remembers what it let through, since a cycle plans in several waves. */
export function openGuard(
  context: { readonly pool: pg.Pool; readonly guard: GuardRules; readonly log: Log },
  cycleId: number,
): Pass {
  const { pool, guard } = context;
  let passed = noKinds;
  let linkedActive: number | undefined;

  return async (opened) => {
    const counted = await countWaiting(pool);
    await nameUnknownSets(pool, guard);
    const isHeld = limitedKinds.some((kind) => counted.held[kind] > 0);
    if (counted.staged === 0) return { stopped: guard.whenHeld === 'stop' && isHeld };
    const state = await readGuardState(pool, guard.everyone);
    linkedActive ??= state.linkedActive - (await givenAccess(pool, cycleId));
    const over = limitsPassed({ ...counted, ...state, passed, linkedActive }, guard.limits);
    if (over.size > 0) {
      await hold(pool, over, cycleId, guard);
      context.log.warn(
        { cycle: cycleId, ...Object.fromEntries([...over.keys()].map((kind) => [kind, counted.planned[kind]])) },
        'held by the guard until an operator approves or rejects it',
      );
    }
    if (guard.whenHeld === 'stop' && (over.size > 0 || isHeld)) {
      await leave(pool);
      return { stopped: true };
    }
    for (let after = 0; ; ) {
      const page = await openPage(pool, after);
      const last = page.at(-1);
      if (last === undefined) break;
      after = last.id;
      await opened(page);
    }
    passed = added(passed, counted.planned, [...over.keys()]);
    return { stopped: false };
  };
}

/**
 * Counts what is staged, holds what is over a limit, and opens the rest, which `opened` is told of in pages. `stopped`
 * where nothing at all is to be carried out while something is held.
 */
type Pass = (opened: PassOptions['opened']) => Promise<{ readonly stopped: boolean }>;

async function countWaiting(
  db: Queryable,
): Promise<{ readonly staged: number; readonly planned: KindCounts; readonly held: KindCounts }> {
  const { rows } = await db.query<{ kind: OperationKind; state: 'staged' | 'held'; users: number }>(
    `select kind, state, count(*) as users from operations where state in ('staged', 'held') group by 1, 2`,
  );
  const of = (state: string): KindCounts => ({
    ...noKinds,
    ...Object.fromEntries(rows.filter((row) => row.state === state).map(({ kind, users }) => [kind, users])),
  });
  const staged = rows.reduce((sum, { state, users }) => (state === 'staged' ? sum + users : sum), 0);
  return { staged, planned: of('staged'), held: of('held') };
}

async function hold(
  pool: pg.Pool,
  over: ReadonlyMap<LimitedKind, string>,
  cycleId: number,
  rules: GuardRules,
): Promise<void> {
  await transaction(pool, async (client) => {
    await logHeld(client, cycleId, [...over.keys()]);
    await client.query(`update operations set state = 'held', set_id = $1 where state = 'staged' and kind = any($2)`, [
      cycleId,
      [...over.keys()],
    ]);
    for (const reason of new Set(over.values())) await writeHeldSet(client, { id: cycleId, reason }, rules);
  });
}

/** Whom this cycle has given access already: the percentages are of those who had it before. */
async function givenAccess(db: Queryable, cycleId: number): Promise<number> {
  const { rows } = await db.query<{ users: number }>(
    `select count(*) as users from provisioning_log
     where cycle_id = $1 and id > (select log_from from cycles where id = $1)
       and operation in ('create', 'adopt', 'reactivate') and status in ('success', 'skipped')`,
    [cycleId],
  );
  return rows[0]?.users ?? 0;
}

/** Plans what is staged anew in a later cycle. */
async function leave(db: Queryable): Promise<void> {
  await db.query(
    `with left_over as (delete from operations where state = 'staged' returning entra_id)
     insert into to_compare (id) select entra_id from left_over on conflict (id) do nothing`,
  );
}

/** Opens the next of what is staged, and remembers which removals nobody was asked about. */
async function openPage(db: Queryable, after: number): Promise<WrittenOperation[]> {
  // Written so that only the ids can lead to the rows: going by state, every page would sort all that is staged.
  const { rows } = await db.query<WrittenOperation>(
    `with page as (
       select id from operations where id > $1 and (state = 'staged') is true order by id limit $2
     ), opened as (
       update operations o set state = 'open' from page where o.id = page.id returning o.id, o.kind, o.entra_id
     ), remembered as (
       insert into removals (entra_id) select entra_id from opened where kind in ('deactivate', 'delete')
       on conflict (entra_id) do update set let_through_at = now()
     )
     select id, kind from opened order by id`,
    [after, pageSize],
  );
  return rows;
}

function added(one: KindCounts, other: KindCounts, without: readonly LimitedKind[]): KindCounts {
  const sums = limitedKinds.map((kind) => [kind, one[kind] + (without.includes(kind) ? 0 : other[kind])]);
  return { ...noKinds, ...Object.fromEntries(sums) };
}
