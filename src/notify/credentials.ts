/** When the credential expires that the app signs in with: a client secret's end is asked of Graph, a certificate's read. */
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { type GraphClient, GraphError } from '../directory/graph-client.ts';
import { SyncError, toError } from '../errors.ts';
import type { Settings } from '../settings.ts';
import type { Queryable } from '../state/database.ts';
import { readFact, writeFact } from '../state/facts.ts';

/** A credential that expires. `keyId` tells it from the one before. */
export interface CredentialExpiry {
  readonly kind: 'secret' | 'certificate';
  readonly keyId: string;
  /** What it is called in the app registration. */
  readonly name: string | undefined;
  readonly expiresAt: Date;
}

/** The credential, or why nothing is known of its end. */
export type CredentialFound = CredentialExpiry | { readonly kind: 'none' | 'unknown'; readonly why: string };

const application = z.object({
  passwordCredentials: z.array(
    z.object({
      keyId: z.string(),
      displayName: z.string().nullish(),
      /** The first three characters of the secret. */
      hint: z.string().nullish(),
      endDateTime: z.iso.datetime({ offset: true }).nullish(),
    }),
  ),
});

/** The settings that say which credential it is. */
export type CredentialSettings = Pick<
  Settings,
  'AZURE_CLIENT_ID' | 'AZURE_CLIENT_SECRET' | 'AZURE_CLIENT_CERTIFICATE_PATH' | 'AZURE_TOKEN_CREDENTIALS'
>;

/** Finds out. Rejects with a SyncError, or what Graph answered, where that may pass. */
export async function findCredential(settings: CredentialSettings, graph: GraphClient): Promise<CredentialFound> {
  const { AZURE_CLIENT_ID: clientId, AZURE_CLIENT_SECRET: secret, AZURE_CLIENT_CERTIFICATE_PATH: path } = settings;
  const fromEnvironment = ['prod', 'EnvironmentCredential', undefined].includes(settings.AZURE_TOKEN_CREDENTIALS);
  if (fromEnvironment && clientId !== undefined && secret !== undefined) return findSecret(graph, clientId, secret);
  if (fromEnvironment && path !== undefined) return findCertificate(path);
  return { kind: 'none', why: 'a managed identity or a federated token signs in: nothing that expires' };
}

/** The app registration and its secrets (https://learn.microsoft.com/graph/api/application-get). */
async function findSecret(graph: GraphClient, clientId: string, secret: string): Promise<CredentialFound> {
  const key = encodeURIComponent(clientId.replaceAll("'", "''"));
  try {
    const found = await graph.get(`/applications(appId='${key}')?$select=passwordCredentials`, application);
    const all = found.passwordCredentials.flatMap(({ keyId, displayName, hint, endDateTime }) =>
      endDateTime == null
        ? []
        : [{ kind: 'secret' as const, keyId, name: displayName ?? undefined, hint, expiresAt: new Date(endDateTime) }],
    );
    const hinted = all.filter(({ hint }) => hint != null && hint !== '' && secret.startsWith(hint));
    const latest = (hinted.length > 0 ? hinted : all).reduce<(typeof all)[number] | undefined>(
      (best, next) => (best === undefined || next.expiresAt > best.expiresAt ? next : best),
      undefined,
    );
    if (latest === undefined)
      return { kind: 'unknown', why: 'the app registration names no client secret with an end' };
    const { hint: _, ...expiry } = latest;
    return expiry;
  } catch (thrown) {
    if (!(thrown instanceof GraphError) || (thrown.status !== 403 && thrown.status !== 404)) throw thrown;
    const why =
      thrown.status === 403
        ? 'the app may not read its own registration (Application.Read.All), so when the client secret expires is not known'
        : 'the app is registered in another tenant, so when the client secret expires is not known';
    return { kind: 'unknown', why };
  }
}

/** The first certificate of the file is the one that signs in. */
async function findCertificate(path: string): Promise<CredentialFound> {
  try {
    const pem = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(await readFile(path, 'utf8'))?.[0];
    if (pem === undefined)
      return { kind: 'unknown', why: 'the file of AZURE_CLIENT_CERTIFICATE_PATH has no certificate' };
    const { fingerprint, validToDate } = new X509Certificate(pem);
    return { kind: 'certificate', keyId: fingerprint, name: undefined, expiresAt: validToDate };
  } catch (thrown) {
    const error = toError(thrown);
    const reason = 'code' in error ? String(error.code) : error.name;
    throw new SyncError('Misconfigured', `The file of AZURE_CLIENT_CERTIFICATE_PATH cannot be read (${reason})`, {
      cause: thrown,
    });
  }
}

const fact = z.object({
  clientId: z.string().optional(),
  kind: z.enum(['secret', 'certificate']),
  keyId: z.string(),
  name: z.string().optional(),
  expiresAt: z.coerce.date(),
});

/** Keeps what was found, so that its end is known when nobody can sign in any more. */
export async function keepCredential(
  db: Queryable,
  settings: CredentialSettings,
  found: CredentialExpiry,
): Promise<void> {
  await writeFact(db, 'credential', JSON.stringify({ clientId: settings.AZURE_CLIENT_ID, ...found }));
}

/** What was last found; undefined where that was another app's, or nothing. */
export async function knownCredential(
  db: Queryable,
  settings: Pick<CredentialSettings, 'AZURE_CLIENT_ID'>,
): Promise<CredentialExpiry | undefined> {
  const text = await readFact(db, 'credential');
  if (text === undefined) return undefined;
  const { clientId, ...found } = fact.parse(JSON.parse(text));
  return clientId === settings.AZURE_CLIENT_ID ? { ...found, name: found.name } : undefined;
}

/** For `status` and `test-connection`: which credential, and when it expires. */
export function describeCredential({ kind, name, expiresAt }: CredentialExpiry, now: Date): string {
  const days = Math.ceil((expiresAt.getTime() - now.getTime()) / 86_400_000);
  const what = `${kind === 'secret' ? 'client secret' : 'certificate'}${name === undefined ? '' : ` “${name}”`}`;
  const on = expiresAt.toISOString().slice(0, 10);
  if (days <= 0) return `the ${what} has expired on ${on}`;
  return `the ${what} expires on ${on}, in ${days} day${days === 1 ? '' : 's'}`;
}
