/** Sends one mail; a mail server that is away is tried again with growing pauses. */
import type pg from 'pg';
import { z } from 'zod';
import { toSyncError } from '../src/errors.ts';
import type { Log } from '../src/log.ts';
import type { Mailer } from '../src/notify/mail.ts';
import { composeNotification, markSent } from '../src/notify/notifications.ts';
import type { RunningJob } from '../src/queue/backend.ts';
import { transaction } from '../src/state/database.ts';

export interface NotificationContext {
  readonly pool: pg.Pool;
  readonly mailer: Mailer;
  readonly log: Log;
}

const payload = z.object({ notification: z.number().int().positive() });

export async function sendNotification(context: NotificationContext, job: RunningJob): Promise<void> {
  const { notification } = payload.parse(job.data);
  try {
    await transaction(context.pool, async (client) => {
      const mail = await composeNotification(client, notification);
      if (mail === undefined) return;
      if (mail !== null) await context.mailer.send(mail);
      await markSent(client, notification);
    });
  } catch (thrown) {
    const error = toSyncError(thrown);
    context.log.error({ code: error.code, notification }, error.message);
    await context.pool.query('update notifications set last_error = $2 where id = $1', [notification, error.message]);
    throw new Error(error.code);
  }
}
