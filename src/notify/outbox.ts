/**
 * Notifications are rows, with a row for each channel they go out by. The queue carries their ids; what they say is composed
 * from the state when they are sent.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type pg from 'pg';
import { z } from 'zod';
import { errorCodes } from '../errors.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { Queryable } from '../state/database.ts';
import type { ChannelName, NotificationKind } from './kinds.ts';

/** Facts of a cause that the state forgets. */
export const notificationData = z.object({
  /** It is told of again. */
  reminder: z.boolean().optional(),
  /** Of a recovery: what is over. */
  ended: z
    .object({
      kind: z.enum(['failures', 'quarantine', 'silence']),
      code: z.enum(errorCodes).optional(),
      since: z.coerce.date(),
    })
    .optional(),
});
export type NotificationData = z.infer<typeof notificationData>;

export interface Cause {
  readonly kind: NotificationKind;
  readonly data?: NotificationData;
  /** The cycle it is of, where that is another one than the one that has ended. */
  readonly cycleId?: number;
  /** It tells of who failed: they are told of then. */
  readonly claims?: boolean;
}

/** Who carries notifications away. */
export interface Notifying {
  readonly pool: pg.Pool;
  readonly queue: QueueBackend;
  /** The channels that are set up; with none nobody is told of anything. */
  readonly channels: readonly ChannelName[];
}

interface Delivery {
  readonly notification: number;
  readonly channel: ChannelName;
}

/** A channel that is away does not hold up whoever waits for longer; it is tried again later. */
const sendWithin = 20_000;
const attempts = 8;
const keptFor = '7 days';

/** Told of anew by a later one of the same kind, whole. */
function supersedes({ kind, data }: Cause): boolean {
  return data?.reminder === true || ['quarantine', 'silence', 'credentials'].includes(kind);
}

/** Writes a notification, in the transaction in which its cause was found. Resolves with its id; undefined where it is there. */
export async function writeNotification(
  db: Queryable,
  cause: Cause,
  { channels, cycleId }: { readonly channels: readonly ChannelName[]; readonly cycleId?: number | undefined },
): Promise<number | undefined> {
  const { rows } = await db.query<{ id: number }>(
    'insert into notifications (kind, cycle_id, data) values ($1, $2, $3) on conflict do nothing returning id',
    [cause.kind, cause.cycleId ?? cycleId ?? null, JSON.stringify(cause.data ?? {})],
  );
  const id = rows[0]?.id;
  if (id === undefined) return undefined;
  await db.query('insert into deliveries (notification_id, channel) select $1, unnest($2::text[])', [id, channels]);
  if (supersedes(cause)) {
    await db.query(
      `delete from deliveries where (notification_id, channel) in (
         select d.notification_id, d.channel from deliveries d join notifications n on n.id = d.notification_id
         where n.kind = $1 and n.id < $2 and d.sent_at is null for update of d skip locked)`,
      [cause.kind, id],
    );
  }
  return id;
}

/**
 * Puts what was not sent into the queue. Resolves with what that is.
 * @param options.patient leaves out what was given up only a while ago: the older it is, the longer is the while
 */
export async function enqueueDeliveries(
  { pool, queue, channels }: Notifying,
  options: { readonly patient: boolean },
): Promise<Delivery[]> {
  const { rows } = await pool.query<Delivery>(
    `update deliveries set queued_at = now(), given_up_at = null where (notification_id, channel) in (
       select d.notification_id, d.channel from deliveries d join notifications n on n.id = d.notification_id
       where d.sent_at is null and d.channel = any($1) and n.created_at > now() - $2::interval
         and (d.blocked_until is null or d.blocked_until <= now())
         and (d.queued_at is null or not $3 or case when d.given_up_at is null
           then d.queued_at < now() - interval '5 minutes'
           else d.given_up_at < now() - greatest(interval '5 minutes', (d.given_up_at - n.created_at) / 2) end)
       for update of d skip locked)
     returning notification_id as notification, channel`,
    [channels, keptFor, options.patient],
  );
  if (rows.length === 0) return [];
  await queue.add(
    'notifications',
    rows.map((data) => ({ name: 'send-notification', data, attempts })),
  );
  return rows;
}

/** Waits until each was sent or given up; 20 seconds at most. */
export async function waitUntilSent(pool: pg.Pool, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length === 0) return;
  for (const deadline = Date.now() + sendWithin; Date.now() < deadline; ) {
    const { rows } = await pool.query<{ open: number }>(
      `select count(*) as open from deliveries where sent_at is null and given_up_at is null
         and (blocked_until is null or blocked_until <= now())
         and (notification_id, channel) in (select * from unnest($1::bigint[], $2::text[]))`,
      [deliveries.map(({ notification }) => notification), deliveries.map(({ channel }) => channel)],
    );
    if (rows[0]?.open === 0) return;
    await sleep(100);
  }
}
