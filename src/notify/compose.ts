/** What a notification says, from the state as it is when it is sent. */
import { hostname } from 'node:os';
import { recommendedAction } from '../errors.ts';
import { type Cycle, isCycleRunning, readCycle, readCycles } from '../state/cycles.ts';
import type { Queryable } from '../state/database.ts';
import { readHeldSets } from '../state/held-sets.ts';
import { readJob } from '../state/job.ts';
import { type CredentialSettings, knownCredential } from './credentials.ts';
import { readIncident } from './incidents.ts';
import { credentialsNotice, quarantineNotice, recoveryNotice, silenceNotice } from './job-templates.ts';
import type { NotificationKind } from './kinds.ts';
import type { Notice } from './mail-layout.ts';
import { type NotificationData, notificationData } from './outbox.ts';
import { failuresOfQuarantine, readFailing } from './read-failures.ts';
import { expiryStep } from './reminders.ts';
import { failureNotice, heldNotice, warningNotice } from './templates.ts';

/** The settings that texts speak of. */
export interface ComposeContext {
  readonly settings: CredentialSettings & { readonly NO_CYCLE_ALERT_HOURS: number };
}

interface Notification {
  readonly id: number;
  readonly kind: NotificationKind;
  readonly cycle: Cycle | undefined;
  readonly data: NotificationData;
  readonly host: string;
  readonly now: Date;
}

/** Composes a notification. The notice is undefined where there is no cause for it any more. */
export async function composeNotification(
  db: Queryable,
  id: number,
  context: ComposeContext,
): Promise<{ readonly kind: NotificationKind; readonly notice: Notice | undefined } | undefined> {
  const { rows } = await db.query<{ kind: NotificationKind; cycle_id: number | null; data: unknown }>(
    'select kind, cycle_id, data from notifications where id = $1',
    [id],
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const cycle = row.cycle_id === null ? undefined : await readCycle(db, row.cycle_id);
  const notification: Notification = {
    id,
    kind: row.kind,
    cycle,
    data: notificationData.parse(row.data),
    host: hostname(),
    now: new Date(),
  };
  return { kind: row.kind, notice: await composeKind(db, notification, context) };
}

function composeKind(
  db: Queryable,
  notification: Notification,
  context: ComposeContext,
): Promise<Notice | undefined> | Notice | undefined {
  const { cycle, host } = notification;
  switch (notification.kind) {
    case 'failures':
      return composeFailures(db, notification);
    case 'quarantine':
      return composeQuarantine(db, notification);
    case 'held':
      return cycle && composeHeld(db, cycle);
    case 'warning':
      return cycle && warningNotice({ warnings: cycle.warnings, host });
    case 'recovery':
      return composeRecovery(db, notification);
    case 'silence':
      return composeSilence(db, notification, context.settings.NO_CYCLE_ALERT_HOURS);
    case 'credentials':
      return composeCredentials(db, notification, context.settings);
  }
}

async function composeFailures(db: Queryable, { id, data, cycle, host }: Notification): Promise<Notice | undefined> {
  const rows = await readFailing(db, data.reminder === true ? undefined : id);
  if (rows.length === 0) return undefined;
  const { rows: held } = await db.query<{ held: number }>(
    `select count(*) as held from operations where state = 'held'`,
  );
  return failureNotice({
    cycle: cycle && {
      id: String(cycle.id),
      kind: cycle.kind,
      startedAt: cycle.startedAt,
      endedAt: cycle.endedAt ?? new Date(),
    },
    failures: rows.map((row) => ({
      user: row.user_name ?? row.entra_id,
      objectId: row.entra_id,
      action: row.action === 'other' ? 'provision' : row.action,
      code: row.code,
      reason: row.reason,
      httpStatus: row.http_status,
      recommendedAction: recommendedAction(row.code),
      nextRetryAt: row.next_retry_at,
      attempts: row.attempts,
    })),
    counts: new Map(rows.map((row) => [row.code, row.of])),
    heldCount: held[0]?.held ?? 0,
    host,
  });
}

async function composeQuarantine(db: Queryable, notification: Notification): Promise<Notice | undefined> {
  const { cycle, data, host, now } = notification;
  const { quarantine, escrowsPruned } = await readJob(db);
  const incident = await readIncident(db, 'quarantine');
  const stopped = cycle ?? (await readCycles(db, 1))[0];
  const reminder = data.reminder === true;
  if (quarantine !== null) {
    const many = /Threshold$/.test(quarantine.reason);
    const failures = many ? await failuresOfQuarantine(db, stopped, escrowsPruned) : { failures: [], failed: 0 };
    const detail = stopped !== undefined && stopped.stopCode === quarantine.code ? stopped.stopDetail : null;
    return quarantineNotice({
      ...quarantine,
      detail: detail ?? undefined,
      escrowsPruned,
      ...failures,
      reminder,
      now,
      host,
    });
  }
  if (incident === undefined || stopped === undefined || stopped.stopCode === null) return undefined;
  return quarantineNotice({
    reason: undefined,
    code: stopped.stopCode,
    message: stopped.stopMessage ?? stopped.stopCode,
    detail: stopped.stopDetail ?? undefined,
    since: incident.since,
    nextAttempt: null,
    disabledAt: null,
    escrowsPruned: false,
    failures: [],
    failed: 0,
    reminder,
    now,
    host,
  });
}

async function composeHeld(db: Queryable, cycle: Cycle): Promise<Notice | undefined> {
  const { rows } = await db.query<{
    entra_id: string;
    user_name: string | null;
    kind: string;
    reason: string | null;
  }>(
    `select o.entra_id, coalesce(l.user_name, u.user_name) as user_name, o.kind, o.reason
     from operations o left join users u on u.id = o.entra_id left join links l on l.entra_id = o.entra_id
     where o.state = 'held' and o.set_id = $1 order by user_name limit 100`,
    [cycle.id],
  );
  const held = (await readHeldSets(db)).find(({ set }) => set === cycle.id);
  if (held === undefined) return undefined;
  return heldNotice({
    removals: rows.map((row) => ({
      user: row.user_name ?? row.entra_id,
      objectId: row.entra_id,
      action: row.kind,
      reason: row.reason ?? '',
    })),
    count: Object.values(held.kinds).reduce((sum, users) => sum + users, 0),
    limitText: held.reason ?? 'more than the limits allow',
    stops: held.stops,
    setId: String(cycle.id),
  });
}

async function composeRecovery(db: Queryable, { data, host }: Notification): Promise<Notice | undefined> {
  const { rows } = await db.query<{ failed: number }>('select count(*) as failed from escrow');
  if (data.ended === undefined) return undefined;
  const { kind, code, since } = data.ended;
  return recoveryNotice({ ended: { kind, code, since }, failed: rows[0]?.failed ?? 0, host });
}

async function composeSilence(
  db: Queryable,
  { data, now, host }: Notification,
  hours: number,
): Promise<Notice | undefined> {
  const incident = await readIncident(db, 'silence');
  if (incident === undefined) return undefined;
  const [last] = await readCycles(db, 1);
  const running = last !== undefined && (await isCycleRunning(db)) ? last : undefined;
  return silenceNotice({ hours, since: incident.since, running, reminder: data.reminder === true, now, host });
}

async function composeCredentials(
  db: Queryable,
  { now, host }: Notification,
  settings: CredentialSettings,
): Promise<Notice | undefined> {
  const credential = await knownCredential(db, settings);
  if (credential === undefined || expiryStep(credential.expiresAt, now) === undefined) return undefined;
  return credentialsNotice({ credential, now, host });
}
