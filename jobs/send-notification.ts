/** Delivers one notification by one channel; a channel that is away is tried again with growing pauses. */
import type pg from 'pg';
import { z } from 'zod';
import { errorPolicy, type SyncError, toSyncError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import type { Channel } from '../src/notify/channels.ts';
import { type ComposeContext, composeNotification } from '../src/notify/compose.ts';
import type { RunningJob } from '../src/queue/backend.ts';
import { transaction } from '../src/state/database.ts';

export interface NotificationContext extends ComposeContext {
  readonly pool: pg.Pool;
  readonly channels: readonly Channel[];
  readonly log: Log;
}

const payload = z.object({ notification: z.number().int().positive(), channel: z.enum(['mail', 'webhook']) });
type Payload = z.infer<typeof payload>;

export async function sendNotification(context: NotificationContext, job: RunningJob): Promise<void> {
  const delivery = payload.parse(job.data);
  const channel = context.channels.find(({ name }) => name === delivery.channel);
  // Set up on another machine, or not any more.
  if (channel === undefined) return;
  try {
    await transaction(context.pool, async (client) => {
      // Locked, so that of two jobs for it one sends it.
      const { rowCount } = await client.query(
        `select from deliveries where notification_id = $1 and channel = $2 and sent_at is null
           and (blocked_until is null or blocked_until <= now()) for update skip locked`,
        [delivery.notification, delivery.channel],
      );
      if (rowCount === 0) return;
      const composed = await composeNotification(client, delivery.notification, context);
      if (composed?.notice !== undefined) await channel.deliver(composed.kind, composed.notice);
      await client.query(
        'update deliveries set sent_at = now(), last_error = null where notification_id = $1 and channel = $2',
        [delivery.notification, delivery.channel],
      );
    });
  } catch (thrown) {
    const error = toSyncError(thrown);
    const again = mayPass(error) && !job.lastTry;
    await noteFailure(context, delivery, error, again);
    // The queue keeps a job's error: it says the class and no more.
    if (again) throw new Error(error.code);
  }
}

/** What a person has to mend is not tried again at once. */
function mayPass({ code, retryAfter }: SyncError): boolean {
  return retryAfter === undefined && (errorPolicy(code) === 'retry' || code === 'Unreachable');
}

async function noteFailure(
  { pool, log }: NotificationContext,
  { notification, channel }: Payload,
  error: SyncError,
  again: boolean,
): Promise<void> {
  // What has no class may quote a value.
  const said = error.code === 'InternalError' ? 'the notification could not be composed or recorded' : error.message;
  log.error({ code: error.code, notification, channel }, said);
  await pool.query(
    `update deliveries set last_error = $3, given_up_at = case when $4 then given_up_at else now() end,
       blocked_until = now() + make_interval(secs => $5)
     where notification_id = $1 and channel = $2`,
    [notification, channel, said, again, error.retryAfter === undefined ? null : error.retryAfter / 1000],
  );
}
