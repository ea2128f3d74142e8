/**
 * The export to syslog: an entry is a message by RFC 5424 with the record as JSON, over TLS (RFC 5425), TCP (RFC 6587,
 * octet counting) or UDP (RFC 5426).
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { hostname } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { SyncError, toError } from '../errors.ts';
import { networkReason } from '../http.ts';
import type { ProvisioningObjectSummary } from '../log-record/summary.ts';
import { orAborted, type Sink } from './sink.ts';

/** Milliseconds until a receiver that takes nothing is given up. */
const timeout = 15_000;

/** @param url `syslog+tls://`, `syslog+tcp://` or `syslog+udp://`, with host and port */
export function openSyslogSink(url: URL): Sink {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = Number(url.port);
  const transport = url.protocol.replace(/^syslog\+|:$/g, '');
  const deliver = { udp: sendDatagrams, tcp: sendStream, tls: sendStream }[transport] ?? sendStream;
  return {
    name: `${transport === 'tls' ? 'syslog over TLS' : `syslog over ${transport.toUpperCase()}`} at ${url.host}`,
    send: async (entries, signal) => {
      const messages = entries.map((entry) => Buffer.from(syslogMessage(entry, hostname())));
      const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
      await deliver({ host, port, tls: transport === 'tls' }, messages, limit).catch((thrown: unknown) => {
        signal.throwIfAborted();
        throw new SyncError('Unreachable', `The log export (LOG_EXPORT_URL) failed: ${reasonOf(toError(thrown))}`);
      });
    },
  };
}

/** "Log audit" of RFC 5424 section 6.2.1. */
const facility = 13;
const severities = { failure: 3, warning: 4, success: 6, skipped: 6 } as const;

/** One message by RFC 5424 section 6, without structured data: all of it is in the JSON. */
function syslogMessage(entry: ProvisioningObjectSummary, machine: string): string {
  const priority = facility * 8 + severities[entry.provisioningStatusInfo.status];
  const from = machine.replace(/[^\x21-\x7e]/g, '').slice(0, 255) || '-';
  const head = [`<${priority}>1`, entry.activityDateTime, from, 'maptician-sync', '-', entry.provisioningAction, '-'];
  return `${head.join(' ')} ${JSON.stringify(entry)}`;
}

interface Receiver {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/**
 * Sends the messages on a connection of their own and closes it. Syslog acknowledges nothing; but a receiver that closes
 * its side after ours has read to the end, so until then the entries count as not sent.
 */
async function sendStream(
  { host, port, tls }: Receiver,
  messages: readonly Buffer[],
  signal: AbortSignal,
): Promise<void> {
  const socket: Socket = tls
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }) })
    : connect({ host, port });
  const ended = once(socket, 'end', { signal });
  // It may reject before anybody waits for it.
  ended.catch(() => undefined);
  try {
    await once(socket, tls ? 'secureConnect' : 'connect', { signal });
    socket.resume();
    socket.end(Buffer.concat(messages.flatMap((message) => [Buffer.from(`${message.length} `), message])));
    await ended;
    if (!socket.writableFinished) throw Object.assign(new Error('closed'), { code: 'closed before the end' });
  } finally {
    socket.destroy();
  }
}

/** The most that fits into a datagram of IPv4. A longer message is cut off, as receivers do it (RFC 5426 section 3.2). */
const datagramBytes = 65_507;

/** Whether a datagram arrives nobody knows. */
async function sendDatagrams(
  { host, port }: Receiver,
  messages: readonly Buffer[],
  signal: AbortSignal,
): Promise<void> {
  const socket = createSocket({ type: isIP(host) === 6 ? 'udp6' : 'udp4', signal });
  try {
    for (const message of messages) {
      const sent = new Promise<void>((resolve, reject) => {
        socket.once('error', reject);
        socket.send(message.subarray(0, datagramBytes), port, host, (error) => {
          socket.off('error', reject);
          if (error === null) resolve();
          else reject(error);
        });
      });
      // A socket that is closed while the name is looked up never says so.
      await orAborted(sent, signal);
    }
  } finally {
    if (!signal.aborted) socket.close();
  }
}

function reasonOf(error: Error): string {
  if (error.name === 'AbortError' || error.name === 'TimeoutError') return `not taken within ${timeout / 1000} seconds`;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return networkReason(error);
}
