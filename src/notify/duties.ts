/** What a running service does about notifications once a minute. */
import type { GraphClient } from '../directory/graph-client.ts';
import type { Duty } from '../duties.ts';
import { longestInterval } from '../schedule.ts';
import type { Settings } from '../settings.ts';
import { notifyOfTime } from './notifications.ts';
import type { Notifying } from './outbox.ts';
import { watchCredentials } from './watch-credentials.ts';
import { watchSilence } from './watch-silence.ts';

/** The duties, in order: what the first two find goes out with the third. None where nobody is told. */
export async function notificationDuties(
  options: Notifying & { readonly settings: Settings; readonly openGraph: () => GraphClient },
): Promise<readonly Duty[]> {
  const { settings, channels } = options;
  // What is found is shown by `status`, too.
  const credentials: Duty = { name: 'credentials', run: () => watchCredentials(options) };
  if (channels.length === 0) return [credentials];
  const interval = await longestInterval(settings.SYNC_SCHEDULE);
  const silence = { ...options, hours: settings.NO_CYCLE_ALERT_HOURS, interval };
  return [
    { name: 'silence', run: () => watchSilence(silence) },
    credentials,
    { name: 'notifications', run: () => notifyOfTime(options) },
  ];
}
