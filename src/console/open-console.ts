/** Serves the console: over https where the settings name a certificate, over http otherwise. */
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { codeOf, SyncError } from '../errors.ts';
import { countRunning } from '../running.ts';
import type { Service } from '../service.ts';
import type { ListenAddress } from '../settings-values.ts';
import { openStatePool } from '../state/database.ts';
import { createApp } from './app.ts';
import { followCertificate, readCertificate } from './tls.ts';

export interface Console extends AsyncDisposable {
  /** Where it is, such as `http://127.0.0.1:4080`. */
  readonly url: string;
  /** Listens no more, and waits for what runs: by then `signal` should be aborted, so that it comes to its end. */
  close(): Promise<void>;
}

/** Milliseconds for requests that run; the whole shutdown has 30 seconds. */
const closeWithin = 20_000;

export interface ConsoleOptions {
  /** Whether this process runs cycles on schedule. */
  readonly schedule: boolean;
  readonly signal: AbortSignal;
}

/** Of the pool for pages. */
const connectionsAtMost = 5;
/** Milliseconds; a page takes a small part of a second. */
const statementTimeout = 15_000;

/** Undefined where it is switched off. Rejects with a SyncError that says what to mend. */
export async function openConsole(service: Service, options: ConsoleOptions): Promise<Console | undefined> {
  const { settings } = service;
  const address = settings.CONSOLE_LISTEN;
  if (address === null) return undefined;
  const certificate = await readCertificate(settings);
  const tls = certificate === undefined ? undefined : createHttpsServer(certificate);
  const server = tls ?? createHttpServer();
  await listen(server, address);
  const pool = openStatePool(service.database.url, connectionsAtMost, statementTimeout);
  try {
    const url = urlOf(server, address, tls === undefined ? 'http' : 'https');
    const running = countRunning();
    const app = await createApp({ service, pool, origin: settings.CONSOLE_URL ?? url, ...options }, running);
    const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
    server.on('request', (request, response) => running.add(answer(request, response)));
    const stopFollowing = tls && certificate && followCertificate(tls, certificate, settings, service.log);
    const shut = async (): Promise<void> => {
      stopFollowing?.();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await Promise.race([running.ended(), sleep(closeWithin, undefined, { ref: false })]);
      server.closeAllConnections();
      await closed;
      await pool.end();
    };
    let closing: Promise<void> | undefined;
    const close = () => {
      closing ??= shut();
      return closing;
    };
    return { url, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    server.close();
    await pool.end();
    throw thrown;
  }
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (thrown) =>
      reject(
        new SyncError(
          'Misconfigured',
          `CONSOLE_LISTEN: nothing can listen at ${host}, port ${port} (${codeOf(thrown)}). Name another address and port, or off`,
          {
            cause: thrown,
          },
        ),
      ),
    );
    server.listen({ host, port }, resolve);
  });
}

function urlOf(server: Server, { host }: ListenAddress, scheme: 'http' | 'https'): string {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
