/** What protects the connection, for test-connection. */
import { once } from 'node:events';
import { isIP } from 'node:net';
import tls from 'node:tls';
import { isLoopback } from '../../settings-values.ts';

/** Milliseconds; it is only for a line of text. */
const timeout = 10_000;
const day = 24 * 60 * 60 * 1000;

/** One sentence; undefined where nothing can be said. */
export async function describeTls(address: string): Promise<string | undefined> {
  const url = new URL(address);
  if (url.protocol !== 'https:') return isLoopback(url) ? 'plain http, on this machine' : undefined;
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const socket = tls.connect({ host, port: Number(url.port || 443), ...(isIP(host) ? {} : { servername: host }) });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeout) });
    const ends = new Date(socket.getPeerCertificate().valid_to);
    const left = ends.getTime() - Date.now();
    const warning = left < 30 * day ? ', soon' : '';
    return `${socket.getProtocol() ?? 'TLS'}, with a certificate that ends on ${ends.toISOString().slice(0, 10)}${warning}`;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
