/** Opens the receiver that LOG_EXPORT_URL names. */
import type { Settings } from '../settings.ts';
import { orAborted, type Sink, toNdjson } from './sink.ts';
import { openSyslogSink } from './syslog.ts';
import { openWebhookSink } from './webhook.ts';

/** The sink that the settings name; undefined where there is none. Nothing is connected before the first entries. */
export function openSink(settings: Pick<Settings, 'LOG_EXPORT_URL' | 'LOG_EXPORT_SECRET'>): Sink | undefined {
  const { LOG_EXPORT_URL: target, LOG_EXPORT_SECRET: secret } = settings;
  if (target === undefined) return undefined;
  if (target === 'stdout') return stdoutSink;
  const url = new URL(target);
  return url.protocol.startsWith('syslog') ? openSyslogSink(url) : openWebhookSink(url, secret);
}

const stdoutSink: Sink = {
  name: 'standard output',
  send: (entries, signal) => {
    const written = new Promise<void>((resolve, reject) => {
      process.stdout.write(toNdjson(entries), (error) => (error ? reject(error) : resolve()));
    });
    // Whoever reads no more would hold up the end of the service.
    return orAborted(written, signal);
  },
};
