/** The console's certificate: read at the start, and again whenever its files have changed. */
import { readFile } from 'node:fs/promises';
import type { Server } from 'node:https';
import { createSecureContext } from 'node:tls';
import { codeOf, SyncError, toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';

/** PEM; `cert` has the chain behind it. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Undefined where the settings name none. Rejects with a SyncError that says which file to mend. */
export async function readCertificate(settings: Settings): Promise<Certificate | undefined> {
  const { CONSOLE_TLS_CERTIFICATE_PATH: certificate, CONSOLE_TLS_KEY_PATH: key } = settings;
  if (certificate === undefined || key === undefined) return undefined;
  const read = {
    cert: await readPem('CONSOLE_TLS_CERTIFICATE_PATH', certificate),
    key: await readPem('CONSOLE_TLS_KEY_PATH', key),
  };
  try {
    createSecureContext(read);
  } catch (thrown) {
    throw new SyncError(
      'Misconfigured',
      `CONSOLE_TLS_CERTIFICATE_PATH and CONSOLE_TLS_KEY_PATH: these are no certificate with its private key (${codeOf(thrown)})`,
      { cause: thrown },
    );
  }
  return read;
}

/**
 * Looks each minute whether the certificate was renewed, and uses the new one for whoever connects from then on. Files that do
 * not fit together, such as in the moment between the two being written, are passed over. Returns what ends it.
 */
export function followCertificate(server: Server, first: Certificate, settings: Settings, log: Log): () => void {
  let used = first;
  const look = async (): Promise<void> => {
    try {
      const found = await readCertificate(settings);
      if (found === undefined || (found.cert === used.cert && found.key === used.key)) return;
      server.setSecureContext(found);
      used = found;
      log.info('the console uses its renewed certificate');
    } catch (thrown) {
      log.warn(`the console keeps its old certificate: ${toSyncError(thrown).message}`);
    }
  };
  const timer = setInterval(() => void look(), 60_000);
  return () => clearInterval(timer);
}

async function readPem(name: string, path: string): Promise<string> {
  return readFile(path, 'utf8').catch((thrown: unknown) => {
    throw new SyncError('Misconfigured', `${name}: the file cannot be read (${codeOf(thrown)})`, { cause: thrown });
  });
}
