/** A duty of every running process: says so when no cycle has finished for hours, whatever the reason. */
import type pg from 'pg';
import { type Queryable, transaction } from '../state/database.ts';
import { type Job, readJob } from '../state/job.ts';
import { beginIncident, readIncident, takeReminders } from './incidents.ts';
import type { ChannelName } from './kinds.ts';
import { writeNotification } from './outbox.ts';

const hour = 60 * 60 * 1000;
/** Nobody watched for longer than this: the service was stopped, and its first cycle is still to come. */
const watchGap = '1 hour';

export interface SilenceWatch {
  readonly pool: pg.Pool;
  readonly channels: readonly ChannelName[];
  /** NO_CYCLE_ALERT_HOURS. */
  readonly hours: number;
  /** Milliseconds between two ticks of the schedule, at most. */
  readonly interval: number;
}

/** Writes a notification where the silence is new, or a reminder of it due. */
export async function watchSilence(watch: SilenceWatch, now = new Date()): Promise<void> {
  const { pool, channels } = watch;
  await transaction(pool, async (client) => {
    const due = isDue(await readJob(client), now);
    const watching = await watchedSince(client, due);
    if (!due) return;
    const sign = await lastSign(client);
    const from = Math.max(watching.getTime(), sign?.getTime() ?? 0);
    if (now.getTime() < from + patienceOf(watch)) return;
    const known = await readIncident(client, 'silence');
    if (known === undefined) {
      await beginIncident(client, { kind: 'silence', code: 'silence', since: sign ?? watching });
      await writeNotification(client, { kind: 'silence' }, { channels });
    } else if ((await takeReminders(client, ['silence'], now)).length > 0) {
      await writeNotification(client, { kind: 'silence', data: { reminder: true } }, { channels });
    }
  });
}

/** Whether cycles are to run: a job in quarantine is tried when it is its turn. */
function isDue({ pausedAt, quarantine }: Job, now: Date): boolean {
  if (pausedAt !== null) return false;
  if (quarantine === null) return true;
  return quarantine.disabledAt === null && quarantine.nextAttempt !== null && quarantine.nextAttempt <= now;
}

/** Between two ticks that are far apart nothing is missing, and a cycle takes its time. */
function patienceOf({ hours, interval }: SilenceWatch): number {
  return Math.max(hours * hour, interval + (hours * hour) / 2);
}

/** Since when somebody watches without a gap, and cycles are due. */
async function watchedSince(db: Queryable, due: boolean): Promise<Date> {
  const { rows } = await db.query<{ since: Date }>(
    `insert into duty_runs as d (name) values ('silence')
     on conflict (name) do update set done_at = now(),
       since = case when not $2 or d.done_at < now() - $1::interval then now() else d.since end
     returning since`,
    [watchGap, due],
  );
  return rows[0]?.since ?? new Date();
}

/** When a cycle last ended, other than by being killed, or one that runs last got on. */
async function lastSign(db: Queryable): Promise<Date | undefined> {
  const { rows } = await db.query<{ at: Date | null }>(
    `select greatest(
       max(ended_at) filter (where state in ('succeeded', 'partial', 'failed')),
       max(greatest(started_at, progress_at)) filter (where state = 'running')) as at
     from (select * from cycles where kind <> 'on_demand' order by id desc limit 100) newest`,
  );
  return rows[0]?.at ?? undefined;
}
