/**
 * The sandbox: an emulated Entra tenant behind an emulated Graph and token authority, an emulated Maptician tenant, and a
 * mailbox, all on loopback.
 * Tests and the demo start it in their own process; the `sandbox` command keeps one running.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { createAuthority } from './authority.ts';
import { createCertificate } from './certificate.ts';
import { createControl } from './control.ts';
import { createFaults, type Faults } from './faults.ts';
import { type Behaviour, behaviourSchema } from './graph/behaviour.ts';
import { createGraphEmulator } from './graph/emulator.ts';
import { jsonResponse } from './http-message.ts';
import { type Mailbox, openMailbox } from './mailbox.ts';
import { type MapticianBehaviour, mapticianBehaviourSchema } from './maptician/behaviour.ts';
import { createMaptician, type Maptician } from './maptician/maptician.ts';
import { createRandom } from './random.ts';
import { createRequestLog, type RequestLog } from './request-log.ts';
import { type SeedOptions, seedTenant } from './seed.ts';
import { listen, type SandboxHandler, type SandboxServer } from './server.ts';
import type { Tenant } from './tenant.ts';

export interface SandboxOptions extends SeedOptions {
  /** A tenant made by the caller, instead of a seeded one. */
  readonly tenant?: Tenant;
  /** Graph over plain http. The authority keeps its https: @azure/identity takes no other. */
  readonly http?: boolean;
  /** Graph's port; any free one by default. */
  readonly port?: number;
  readonly behaviour?: Partial<Behaviour>;
  /** How Maptician's SCIM endpoint behaves. */
  readonly maptician?: Partial<MapticianBehaviour>;
}

export interface Sandbox extends AsyncDisposable {
  readonly tenant: Tenant;
  /** Where Graph is, such as `https://127.0.0.1:4711`; the control API is under `/_emu`. */
  readonly origin: string;
  /** Where tokens are issued; always https. */
  readonly authorityHost: string;
  /** PEM of the certificate to trust, and the file it is in until the sandbox is closed. */
  readonly ca: string;
  readonly caFile: string;
  readonly behaviour: Behaviour;
  readonly faults: Faults;
  readonly requests: RequestLog;
  readonly mailbox: Mailbox;
  /** Maptician: its SCIM endpoint is under `/scim/v2` of the origin, empty at first. */
  readonly maptician: Maptician;
  /** An access token for Graph, with the tenant's permissions or the given ones. */
  issueToken(permissions?: readonly string[], lifetimeSeconds?: number): string;
  /** Makes this process trust the certificate; a child process gets it by NODE_EXTRA_CA_CERTS. */
  trust(): void;
  /**
   * The settings a worker in a process of its own needs, NODE_EXTRA_CA_CERTS among them.
   * @param options.maptician `scim`: Tenant URL and Secret Token too, so that the user store is the emulated Maptician
   */
  environment(options?: { readonly maptician?: 'scim' }): Record<string, string>;
  close(): Promise<void>;
}

export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const tenant = options.tenant ?? seedTenant(options);
  const seed = options.seed ?? 1;
  const behaviour = behaviourSchema.parse(options.behaviour ?? {});
  const faults = createFaults(createRandom(seed ^ 0xfa17));
  const requests = createRequestLog();
  const tokenKey = randomBytes(32).toString('hex');
  const clientSecret = randomBytes(24).toString('base64url');
  tenant.worker.passwordCredentials.push({
    keyId: randomUUID(),
    displayName: 'sandbox',
    hint: clientSecret.slice(0, 3),
    endsAt: Date.now() + 180 * 24 * 60 * 60 * 1000,
  });
  const certificate = await createCertificate();
  const mailbox = await openMailbox();
  const directory = await mkdtemp(join(tmpdir(), 'maptician-sandbox-'));
  const caFile = join(directory, 'ca.pem');

  let origin = '';
  let authorityHost = '';
  const { maptician, handle: answerMaptician } = createMaptician({
    behaviour: mapticianBehaviourSchema.parse(options.maptician ?? {}),
    faults,
    log: requests,
    origin: () => origin,
    now: tenant.clock.now,
  });
  const control = createControl({ tenant, behaviour, faults, log: requests, mailbox, maptician });
  const authority = createAuthority({
    tenant,
    faults,
    log: requests,
    tokenKey,
    clientSecret,
    origin: () => authorityHost,
    graphOrigin: () => origin,
  });
  const graph = createGraphEmulator({
    tenant,
    mailbox,
    behaviour,
    faults,
    log: requests,
    seed,
    tokenKey,
    origin: () => origin,
  });
  const handler: SandboxHandler = async (request) =>
    control(request) ??
    (await answerMaptician(request)) ??
    authority.handle(request) ??
    (await graph.handle(request)) ??
    jsonResponse(404, { error: { code: 'ResourceNotFound', message: 'Nothing is here. See /_emu.' } });

  const servers: SandboxServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all([...servers.map((server) => server.close()), mailbox.close()]);
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await writeFile(caFile, certificate.cert);
    servers.push(await listen(handler, options.http ? undefined : certificate, options.port));
    if (options.http) servers.push(await listen(handler, certificate));
  } catch (thrown) {
    await close();
    throw thrown;
  }
  origin = servers[0]?.origin ?? '';
  authorityHost = servers.at(-1)?.origin ?? '';
  return {
    tenant,
    origin,
    authorityHost,
    ca: certificate.cert,
    caFile,
    behaviour,
    faults,
    requests,
    mailbox,
    maptician,
    issueToken: authority.issue,
    trust: () => tls.setDefaultCACertificates([...tls.getCACertificates(), certificate.cert]),
    environment: ({ maptician: store } = {}) => ({
      AZURE_TENANT_ID: tenant.id,
      AZURE_CLIENT_ID: tenant.worker.appId,
      AZURE_CLIENT_SECRET: clientSecret,
      AZURE_AUTHORITY_HOST: authorityHost,
      GRAPH_BASE_URL: origin,
      ENTRA_APP_ID: tenant.maptician.appId,
      SMTP_URL: mailbox.url,
      NOTIFICATION_EMAIL: `operator@${tenant.domain}`,
      MAIL_FROM: `maptician-sync@${tenant.domain}`,
      NODE_EXTRA_CA_CERTS: caFile,
      ...(store === 'scim' ? { MAPTICIAN_TENANT_URL: maptician.url, MAPTICIAN_SECRET_TOKEN: maptician.token } : {}),
    }),
    close,
    [Symbol.asyncDispose]: close,
  };
}
