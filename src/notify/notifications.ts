/**
 * Who is told of what: one incident is one mail, and its end another. Notifications are rows (an outbox), written when a
 * cycle ends; the mail is composed from the state when it is sent, so nothing personal is in the queue.
 */

import { createHash } from 'node:crypto';
import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { type ErrorCode, errorCodes, errorPolicy, recommendedAction } from '../errors.ts';
import type { QueueBackend } from '../queue/backend.ts';
import { type Cycle, readCycle } from '../state/cycles.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { readHeldSets } from '../state/held-sets.ts';
import type { Mail } from './mail-layout.ts';
import { failureMail, heldMail, recoveryMail, stoppedMail, warningMail } from './templates.ts';

type NotificationKind = 'failures' | 'stopped' | 'held' | 'warning' | 'recovery';

interface Incident {
  readonly kind: 'failures' | 'stopped' | 'warning';
  /** Another code is another incident. */
  readonly code: string;
}

/** A failure that lasts is told of again after so long. */
const remindAfter = '24 hours';
/** A mail server that is away does not hold up the end of a cycle for longer; the mail is tried again later. */
const sendWithin = 20_000;
const attempts = 8;

/** Writes and sends what a cycle's end gives cause for. Resolves when it is sent, or after 20 seconds. */
export async function notifyOfCycle(pool: pg.Pool, queue: QueueBackend, cycleId: number): Promise<void> {
  const cycle = await readCycle(pool, cycleId);
  if (cycle === undefined) return;
  await transaction(pool, async (client) => {
    for (const kind of await causes(client, cycle)) {
      await client.query('insert into notifications (kind, cycle_id) values ($1, $2) on conflict do nothing', [
        kind,
        cycleId,
      ]);
    }
  });
  const { rows } = await pool.query<{ id: number }>(
    `select id from notifications where sent_at is null and created_at > now() - interval '7 days' order by id`,
  );
  if (rows.length === 0) return;
  await queue.add(
    'notifications',
    rows.map(({ id }) => ({ name: 'send-notification', data: { notification: id }, attempts })),
  );
  await waitUntilSent(
    pool,
    rows.map(({ id }) => id),
  );
}

async function waitUntilSent(pool: pg.Pool, ids: readonly number[]): Promise<void> {
  for (const deadline = Date.now() + sendWithin; Date.now() < deadline; ) {
    const { rows } = await pool.query<{ open: number }>(
      'select count(*) as open from notifications where id = any($1) and sent_at is null',
      [ids],
    );
    if (rows[0]?.open === 0) return;
    await sleep(100);
  }
}

async function causes(db: Queryable, cycle: Cycle): Promise<NotificationKind[]> {
  if (cycle.stopCode !== null) {
    return (await beginIncident(db, { kind: 'stopped', code: incidentCode(cycle.stopCode) })) ? ['stopped'] : [];
  }
  const kinds: NotificationKind[] = [];
  const failing = (cycle.counts?.failed ?? 0) > 0;
  const stopped = await endIncident(db, 'stopped');
  const failures = failing ? undefined : await endIncident(db, 'failures');
  const over = stopped ?? failures;
  if (over !== undefined) {
    await keepFact(db, 'last_incident', over);
    kinds.push('recovery');
  }
  if (failing) {
    await beginIncident(db, { kind: 'failures', code: 'failures' });
    const { rows } = await db.query<{ news: boolean }>(`select exists (select from escrow where ${untold}) as news`, [
      cycle.id,
    ]);
    if (rows[0]?.news === true) kinds.push('failures');
  }
  // Of every set there is one mail, that of a cycle that was killed before it could tell of it included.
  await db.query(
    `insert into notifications (kind, cycle_id)
     select distinct 'held', set_id from operations where state = 'held' and set_id is not null on conflict do nothing`,
  );
  if (cycle.warnings.length === 0) await endIncident(db, 'warning');
  else if (await beginIncident(db, { kind: 'warning', code: hash(cycle.warnings) })) kinds.push('warning');
  return kinds;
}

/** Failures that no mail has told of, those of a cycle that stopped among them, or that lasted for a day since. */
const untold = `mailed_at is null or (last_cycle_id = $1 and mailed_at < now() - interval '${remindAfter}')`;

/** An outage shows in several classes by turns; it is one incident all the same. */
function incidentCode(code: ErrorCode): string {
  return errorPolicy(code) === 'retry' ? 'Unreachable' : code;
}

function hash(words: readonly string[]): string {
  return createHash('sha256').update(words.join('\n')).digest('hex').slice(0, 16);
}

/** True where the incident is a new one. */
async function beginIncident(db: Queryable, incident: Incident): Promise<boolean> {
  const { rowCount } = await db.query(
    `insert into incidents as i (kind, code) values ($1, $2)
     on conflict (kind) do update set code = excluded.code, since = now() where i.code <> excluded.code`,
    [incident.kind, incident.code],
  );
  return rowCount === 1;
}

interface EndedIncident {
  readonly kind: Incident['kind'];
  readonly code: string;
  readonly since: Date;
}

async function endIncident(db: Queryable, kind: Incident['kind']): Promise<EndedIncident | undefined> {
  const { rows } = await db.query<EndedIncident>('delete from incidents where kind = $1 returning kind, code, since', [
    kind,
  ]);
  return rows[0];
}

async function keepFact(db: Queryable, name: string, value: unknown): Promise<void> {
  await db.query(
    `insert into facts (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value`,
    [name, JSON.stringify(value)],
  );
}

/**
 * Composes a notification from the state as it is now: null where it has no cause any more, undefined where it was sent
 * already or another process is sending it.
 */
export async function composeNotification(db: Queryable, id: number): Promise<Mail | null | undefined> {
  // Locked, so that of two processes with a job for it one sends it.
  const { rows } = await db.query<{ kind: NotificationKind; cycle_id: number }>(
    'select kind, cycle_id from notifications where id = $1 and sent_at is null for update skip locked',
    [id],
  );
  const notification = rows[0];
  const cycle = notification && (await readCycle(db, notification.cycle_id));
  if (notification === undefined || cycle === undefined) return undefined;
  const host = hostname();
  switch (notification.kind) {
    case 'failures':
      return composeFailures(db, cycle, host);
    case 'stopped':
      return composeStopped(db, cycle, host);
    case 'held':
      return composeHeld(db, cycle);
    case 'warning':
      return warningMail({ warnings: cycle.warnings, host });
    case 'recovery':
      return composeRecovery(db, host);
  }
}

/** Marks a notification as sent, and the failures it told of as told. In the transaction in which it was composed. */
export async function markSent(db: Queryable, id: number): Promise<void> {
  const { rows } = await db.query<{ kind: NotificationKind; cycle_id: number }>(
    'update notifications set sent_at = now(), last_error = null where id = $1 returning kind, cycle_id',
    [id],
  );
  if (rows[0]?.kind !== 'failures') return;
  // now() is the moment at which the transaction began: what failed after it is in no mail yet.
  await db.query(`update escrow set mailed_at = now() where last_failed_at <= now() and (${told})`, [rows[0].cycle_id]);
}

/** The failures that a mail about a cycle tells of. */
const told = 'mailed_at is null or last_cycle_id = $1';

async function composeFailures(db: Queryable, cycle: Cycle, host: string): Promise<Mail | null> {
  const { rows } = await db.query<{
    entra_id: string;
    user_name: string | null;
    action: string;
    code: ErrorCode;
    reason: string;
    http_status: number | null;
    attempts: number;
    next_retry_at: Date | null;
  }>(
    `select e.entra_id, coalesce(u.user_name, l.user_name) as user_name, e.action, e.code, e.reason, e.http_status,
       e.attempts, e.next_retry_at
     from escrow e left join users u on u.id = e.entra_id left join links l on l.entra_id = e.entra_id
     where ${told} order by user_name`,
    [cycle.id],
  );
  if (rows.length === 0) return null;
  return failureMail({
    cycle: { id: String(cycle.id), kind: cycle.kind, startedAt: cycle.startedAt, endedAt: cycle.endedAt ?? new Date() },
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
    heldCount: cycle.counts?.held ?? 0,
    host,
  });
}

async function composeStopped(db: Queryable, cycle: Cycle, host: string): Promise<Mail | null> {
  if (cycle.stopCode === null) return null;
  const { rows } = await db.query<{ since: Date }>(`select since from incidents where kind = 'stopped'`);
  return stoppedMail({
    code: cycle.stopCode,
    message: cycle.stopMessage ?? cycle.stopCode,
    detail: cycle.stopDetail ?? undefined,
    recommendedAction: recommendedAction(cycle.stopCode),
    since: rows[0]?.since ?? cycle.startedAt,
    host,
  });
}

async function composeHeld(db: Queryable, cycle: Cycle): Promise<Mail | null> {
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
  if (held === undefined) return null;
  return heldMail({
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

async function composeRecovery(db: Queryable, host: string): Promise<Mail> {
  const { rows } = await db.query<{ value: string }>(`select value from facts where name = 'last_incident'`);
  const last = rows[0] === undefined ? {} : (JSON.parse(rows[0].value) as { code?: string; since?: string });
  const code = errorCodes.find((known) => known === last.code);
  return recoveryMail({
    since: new Date(last.since ?? Date.now()),
    what: code === undefined ? 'some users could not be provisioned' : `cycles stopped with ${code}`,
    host,
  });
}
