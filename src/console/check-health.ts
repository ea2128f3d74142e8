/**
 * For the HEALTHCHECK of a container: asks the service in it at `/healthz`. Ends with status 0 where it is alive, or where
 * CONSOLE_LISTEN is off, and with 1 otherwise.
 */
import { get as getHttp, type IncomingMessage } from 'node:http';
import { get as getHttps } from 'node:https';
import { configFile } from '../config-file.ts';
import { loadSettings } from '../settings.ts';

/** Milliseconds. */
const within = 10_000;

async function statusOfHealth(): Promise<number | undefined> {
  const settings = loadSettings({ env: process.env, configFile: configFile('sync.yaml') });
  const address = settings.CONSOLE_LISTEN;
  if (address === null) return 200;
  const anyAddress: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  const request = {
    host: anyAddress[address.host] ?? address.host,
    port: address.port,
    path: '/healthz',
    timeout: within,
  };
  return new Promise((resolve, reject) => {
    const take = (response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode);
    };
    const asking =
      settings.CONSOLE_TLS_CERTIFICATE_PATH === undefined
        ? getHttp(request, take)
        : // Its certificate is for the name that people use.
          getHttps({ ...request, rejectUnauthorized: false }, take);
    asking.on('timeout', () => asking.destroy(new Error('no answer in time')));
    asking.on('error', reject);
  });
}

try {
  process.exitCode = (await statusOfHealth()) === 200 ? 0 : 1;
} catch {
  process.exitCode = 1;
}
