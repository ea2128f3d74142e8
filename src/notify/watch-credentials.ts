/** A duty: looks once a day when the credential expires, and says so in time. */
import type pg from 'pg';
import type { GraphClient } from '../directory/graph-client.ts';
import { transaction } from '../state/database.ts';
import { type CredentialSettings, findCredential, keepCredential, knownCredential } from './credentials.ts';
import { beginIncident, endIncident } from './incidents.ts';
import type { ChannelName } from './kinds.ts';
import { writeNotification } from './outbox.ts';
import { expiryStep } from './reminders.ts';

export interface CredentialWatch {
  readonly pool: pg.Pool;
  readonly channels: readonly ChannelName[];
  readonly settings: CredentialSettings;
  readonly openGraph: () => GraphClient;
}

/**
 * Looks where nobody has for a day, and writes a notification where a step is reached. What was last found counts where
 * Entra does not answer: it does not, once the secret has expired. Rejects where it could not be asked; it is again in six hours.
 */
export async function watchCredentials(watch: CredentialWatch, now = new Date()): Promise<void> {
  const { pool, settings } = watch;
  if (!(await takeTurn(pool))) return;
  try {
    const found = await findCredential(settings, watch.openGraph());
    if (!('why' in found)) await keepCredential(pool, settings, found);
  } catch (thrown) {
    await pool.query(`update duty_runs set done_at = now() - interval '18 hours' where name = 'credentials'`);
    throw thrown;
  } finally {
    await tellOfExpiry(watch, now);
  }
}

/** True for one process a day. */
async function takeTurn(pool: pg.Pool): Promise<boolean> {
  const { rowCount } = await pool.query(
    `insert into duty_runs as d (name) values ('credentials')
     on conflict (name) do update set done_at = now() where d.done_at < now() - interval '1 day'`,
  );
  return rowCount === 1;
}

async function tellOfExpiry({ pool, channels, settings }: CredentialWatch, now: Date): Promise<void> {
  await transaction(pool, async (client) => {
    const credential = await knownCredential(client, settings);
    const step = credential && expiryStep(credential.expiresAt, now);
    if (credential === undefined || step === undefined) {
      await endIncident(client, 'credentials');
      return;
    }
    const code = `${credential.keyId} ${step}`;
    if (await beginIncident(client, { kind: 'credentials', code }))
      await writeNotification(client, { kind: 'credentials' }, { channels });
  });
}
