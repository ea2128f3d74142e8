/** What gives cause to tell people something: found by looking at the state, when a cycle ends and once a minute. */
import { createHash } from 'node:crypto';
import { type ErrorCode, errorCodes, errorHandling, errorPolicy } from '../errors.ts';
import type { Cycle } from '../state/cycles.ts';
import type { Queryable } from '../state/database.ts';
import { isDriftWarning } from '../state/drift.ts';
import { type Job, readJob } from '../state/job.ts';
import { isKeptWarning } from '../state/kept-warnings.ts';
import {
  beginIncident,
  endIncident,
  forgetTold,
  type Incident,
  noteNews,
  readIncident,
  takeReminders,
} from './incidents.ts';
import type { Cause, NotificationData } from './outbox.ts';
import type { RemindedKind } from './reminders.ts';

/** An outage shows in several classes by turns; for whoever is told it is one. */
const passing = errorCodes.filter((code) => errorPolicy(code) === 'retry');
const classOf = (column: string) => `case when ${column} = any($1) then 'passing' else ${column} end`;
/** Failures that nobody was told of, as what they are now. `$1` is `passing`. */
const untold = `(told_code is null or ${classOf('told_code')} <> ${classOf('code')})`;

/** What a cycle's end gives cause for. */
export async function causesOfCycle(db: Queryable, cycle: Cycle): Promise<Cause[]> {
  const causes: Cause[] = [];
  const job = await readJob(db);
  const stop = stopOf(job, cycle);
  if (stop === 'of no concern') return causes;
  if (stop !== undefined) {
    // One mail says it: the cycle ended, and this is how.
    await endIncident(db, 'silence');
    const claims = /Threshold$/.test(job.quarantine?.reason ?? '');
    if (await beginIncident(db, { kind: 'quarantine', ...stop })) causes.push({ kind: 'quarantine', claims });
    causes.push(...(await untoldSets(db)));
    // It went to its end, and too many users failed: what it warns of holds.
    if (cycle.stopCode === null && (await warnsAnew(db, cycle.warnings))) causes.push({ kind: 'warning' });
    return causes;
  }
  const failing = (cycle.counts?.failed ?? 0) > 0;
  const over = [
    await endIncident(db, 'quarantine'),
    await endIncident(db, 'silence'),
    failing ? undefined : await endIncident(db, 'failures'),
  ].find((incident) => incident !== undefined);
  if (over !== undefined) causes.push({ kind: 'recovery', data: { ended: endedOf(over) } });
  if (failing && (await isNews(db))) causes.push({ kind: 'failures', claims: true });
  causes.push(...(await untoldSets(db)));
  if (await warnsAnew(db, cycle.warnings)) causes.push({ kind: 'warning' });
  return causes;
}

/** What the time gives cause for: a quarantine that began or changed without a cycle, its end in `disabled`, reminders. */
export async function causesOfTime(db: Queryable, now: Date): Promise<Cause[]> {
  const job = await readJob(db);
  if (job.pausedAt !== null) return [];
  const causes: Cause[] = [];
  if (job.quarantine !== null) {
    const { since, disabledAt } = job.quarantine;
    const code = disabledAt === null ? quarantineCode(job.quarantine) : 'disabled';
    if (disabledAt === null) await forgetTold(db, 'quarantine', 'disabled');
    if (await beginIncident(db, { kind: 'quarantine', code, since })) causes.push({ kind: 'quarantine' });
  }
  const stopped = (await readIncident(db, 'quarantine')) !== undefined;
  const disabled = job.quarantine !== null && job.quarantine.disabledAt !== null;
  // Whoever is told that nobody is synchronized knows that those are not who fail.
  const kinds: RemindedKind[] = stopped ? (disabled ? [] : ['quarantine']) : ['failures'];
  for (const kind of await takeReminders(db, kinds, now)) causes.push({ kind, data: { reminder: true } });
  return causes;
}

/** Failures that a notification tells of are told of, as what they are now. */
export async function claimFailures(db: Queryable, notification: number, cycleId: number): Promise<void> {
  await db.query(`update escrow set told_in = $2, told_code = code where ${untold} or last_cycle_id = $3`, [
    passing,
    notification,
    cycleId,
  ]);
}

/** Why nothing is synchronized: the quarantine, or the cycle's own stop where it is in none. */
function stopOf(job: Job, cycle: Cycle): { code: string; since?: Date } | 'of no concern' | undefined {
  if (job.quarantine !== null) return { code: quarantineCode(job.quarantine), since: job.quarantine.since };
  if (cycle.stopCode === null) return undefined;
  return errorHandling(cycle.stopCode).mail === 'never' ? 'of no concern' : { code: codeOf(cycle.stopCode) };
}

function quarantineCode({ reason, code }: NonNullable<Job['quarantine']>): string {
  return code === null ? reason : codeOf(code);
}

function codeOf(code: ErrorCode): string {
  return errorPolicy(code) === 'retry' ? 'Unreachable' : code;
}

function endedOf({ kind, told, since }: Incident): NotificationData['ended'] {
  // The last that is an error; there are others, such as that the job was disabled.
  const code = told.map((word) => errorCodes.find((known) => known === word)).findLast((known) => known !== undefined);
  return {
    kind: kind === 'quarantine' || kind === 'silence' ? kind : 'failures',
    since,
    ...(code === undefined ? {} : { code }),
  };
}

async function isNews(db: Queryable): Promise<boolean> {
  await beginIncident(db, { kind: 'failures', code: 'failures' });
  const { rows } = await db.query<{ news: boolean }>(`select exists (select from escrow where ${untold}) as news`, [
    passing,
  ]);
  if (rows[0]?.news !== true) return false;
  await noteNews(db, 'failures');
  return true;
}

/** The held sets of which nobody was told, that of a cycle that was killed before it could tell of it included. */
async function untoldSets(db: Queryable): Promise<Cause[]> {
  const { rows } = await db.query<{ set: number }>(
    `select distinct set_id as set from operations where state = 'held' and set_id is not null
       and not exists (select from notifications n where n.kind = 'held' and n.cycle_id = set_id) order by 1`,
  );
  return rows.map(({ set }) => ({ kind: 'held', cycleId: set }));
}

/**
 * What lasts from cycle to cycle is told of once as long as there is any; another number in it makes no other warning.
 * Drift and kept values are warned of only while nobody knows of them.
 */
async function warnsAnew(db: Queryable, warnings: readonly string[]): Promise<boolean> {
  const lasting = warnings.filter((warning) => !isDriftWarning(warning) && !isKeptWarning(warning));
  if (lasting.length === 0) await endIncident(db, 'warning');
  let news = lasting.length < warnings.length;
  for (const warning of lasting) {
    const code = createHash('sha256')
      .update(warning.replaceAll(/\b\d+\b/g, '0'))
      .digest('hex')
      .slice(0, 16);
    if (await beginIncident(db, { kind: 'warning', code })) news = true;
  }
  return news;
}
