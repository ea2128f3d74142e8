/** Serves the console: over https where the settings name a certificate, over http otherwise. */
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer, type Server } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { getRequestListener } from '@hono/node-server';
import { SyncError, toError } from '../errors.ts';
import type { Service } from '../service.ts';
import type { Settings } from '../settings.ts';
import type { ListenAddress } from '../settings-values.ts';
import { createApp } from './app.ts';

export interface Console extends AsyncDisposable {
  /** Where it is, such as `http://127.0.0.1:4080`. */
  readonly url: string;
  close(): Promise<void>;
}

export interface ConsoleOptions {
  /** Whether this process runs cycles on schedule. */
  readonly schedule: boolean;
  readonly signal: AbortSignal;
}

/** Undefined where it is switched off. Rejects with a SyncError that says what to mend. */
export async function openConsole(service: Service, options: ConsoleOptions): Promise<Console | undefined> {
  const { settings } = service;
  const address = settings.CONSOLE_LISTEN;
  if (address === null) return undefined;
  const tls = await readTls(settings);
  const server = tls === undefined ? createHttpServer() : createHttpsServer(tls);
  await listen(server, address);
  try {
    const url = urlOf(server, address, tls === undefined ? 'http' : 'https');
    const app = await createApp({ service, origin: settings.CONSOLE_URL ?? url, ...options });
    server.on('request', getRequestListener(app.fetch, { overrideGlobalObjects: false }));
    const close = async (): Promise<void> => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    };
    return { url, close, [Symbol.asyncDispose]: close };
  } catch (thrown) {
    server.close();
    throw thrown;
  }
}

async function readTls(settings: Settings): Promise<{ cert: Buffer; key: Buffer } | undefined> {
  const { CONSOLE_TLS_CERTIFICATE_PATH: cert, CONSOLE_TLS_KEY_PATH: key } = settings;
  if (cert === undefined || key === undefined) return undefined;
  return { cert: await readPem('CONSOLE_TLS_CERTIFICATE_PATH', cert), key: await readPem('CONSOLE_TLS_KEY_PATH', key) };
}

async function readPem(name: string, path: string): Promise<Buffer> {
  return readFile(path).catch((thrown: unknown) => {
    throw new SyncError('Misconfigured', `${name}: the file cannot be read (${codeOf(thrown)})`, { cause: thrown });
  });
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (thrown) =>
      reject(
        new SyncError(
          'Misconfigured',
          `CONSOLE_LISTEN: nothing can listen at ${host}, port ${port} (${codeOf(thrown)})`,
          {
            cause: thrown,
          },
        ),
      ),
    );
    server.listen({ host, port }, resolve);
  });
}

function codeOf(thrown: unknown): string {
  const error = toError(thrown);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}

function urlOf(server: Server, { host }: ListenAddress, scheme: 'http' | 'https'): string {
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
