/** The log: JSON lines on standard error, so that standard output stays for results. */

import { type DestinationStream, type Logger, pino } from 'pino';
import type { Settings } from './settings.ts';

/** The log, as the parts of the service get it. */
export type Log = Logger;

/**
 * Field names whose values are blotted out, at the top and one level down. A second line of defence: the first is not
 * to log secrets and personal data at all. Deeper wildcards would cost more than the rest of a log line.
 */
const blottedFields = [
  ...['password', 'secret', 'clientSecret', 'token', 'accessToken', 'authorization', 'connectionString'],
  ...['AZURE_CLIENT_SECRET', 'AZURE_CLIENT_CERTIFICATE_PASSWORD', 'MAPTICIAN_SECRET_TOKEN'],
  ...['CONSOLE_CLIENT_SECRET', 'CONSOLE_OPERATOR_TOKEN', 'CONSOLE_READER_TOKEN', 'OTEL_EXPORTER_OTLP_HEADERS'],
  ...['DATABASE_URL', 'MAPTICIAN_DATABASE_URL', 'REDIS_URL', 'SMTP_URL', 'NOTIFICATION_WEBHOOK_URL'],
  ...['detail', 'mail', 'workEmail', 'userName', 'userPrincipalName', 'displayName', 'givenName', 'surname'],
];

/**
 * Opens the log.
 * @param level one of pino's levels, or `silent`
 * @param destination where lines go instead of standard error
 */
export function createLog(level: Settings['LOG_LEVEL'], destination?: DestinationStream): Log {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: blottedFields.flatMap((name) => [name, `*.${name}`]), censor: '***' },
    },
    // Synchronous: the lines before a crash or a process.exit are the ones that matter.
    destination ?? pino.destination({ dest: 2, sync: true }),
  );
}
