/**
 * The sign-in to Entra: one @azure/identity credential for the whole process, because a credential caches its token.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  ClientCertificateCredential,
  ClientSecretCredential,
  DefaultAzureCredential,
  type TokenCredential,
  WorkloadIdentityCredential,
} from '@azure/identity';
import { SyncError, toError } from '../errors.ts';
import type { Settings } from '../settings.ts';

/** Authorities that answer instance discovery; any other one (an emulator, a private cloud) must not be asked. */
const microsoftAuthorities = new Set([
  'login.microsoftonline.com',
  'login.microsoftonline.us',
  'login.chinacloudapi.cn',
  'login.partner.microsoftonline.cn',
]);

/**
 * The credential that the settings name: secret, certificate, workload identity; without any of them Azure's default
 * chain, which covers managed identities.
 */
export function createCredential(settings: Settings): TokenCredential {
  const authorityHost = settings.AZURE_AUTHORITY_HOST;
  const options = {
    authorityHost,
    disableInstanceDiscovery: !microsoftAuthorities.has(new URL(authorityHost).hostname),
    // Must stay: retries of 5xx work only below the library's own cache, which keeps a 5xx for a minute.
    retryOptions: { maxRetries: 2, maxRetryDelayInMs: 2_000 },
  };
  const { AZURE_TENANT_ID: tenant, AZURE_CLIENT_ID: client } = settings;
  if (settings.AZURE_TOKEN_CREDENTIALS === undefined && tenant !== undefined && client !== undefined) {
    if (settings.AZURE_CLIENT_SECRET !== undefined) {
      return new ClientSecretCredential(tenant, client, settings.AZURE_CLIENT_SECRET, options);
    }
    if (settings.AZURE_CLIENT_CERTIFICATE_PATH !== undefined) {
      return new ClientCertificateCredential(
        tenant,
        client,
        {
          certificatePath: settings.AZURE_CLIENT_CERTIFICATE_PATH,
          ...(settings.AZURE_CLIENT_CERTIFICATE_PASSWORD === undefined
            ? {}
            : { certificatePassword: settings.AZURE_CLIENT_CERTIFICATE_PASSWORD }),
        },
        { ...options, sendCertificateChain: settings.AZURE_CLIENT_SEND_CERTIFICATE_CHAIN },
      );
    }
    if (settings.AZURE_FEDERATED_TOKEN_FILE !== undefined) {
      return new WorkloadIdentityCredential({
        ...options,
        tenantId: tenant,
        clientId: client,
        tokenFilePath: settings.AZURE_FEDERATED_TOKEN_FILE,
      });
    }
  }
  return new DefaultAzureCredential({
    ...options,
    ...(client === undefined ? {} : { managedIdentityClientId: client }),
    ...(tenant === undefined ? {} : { tenantId: tenant }),
  });
}

/** Pauses before another try of what the library does not retry: an answer that was cut off. */
const retryPauses = [300, 1_000];

/** Entra's own codes for "not now": retryable server errors, a spent budget, a throttled tenant. */
const passingCodes = new Set(['AADSTS90006', 'AADSTS90024', 'AADSTS90033', 'AADSTS90055']);

/**
 * A token for Graph. The error tells a refused sign-in (renew the secret) from an authority that does not answer, which
 * is tried a few times: Entra's own AADSTS code is kept, its text is not, since it can quote names.
 */
export async function fetchToken(credential: TokenCredential, scope: string, signal?: AbortSignal): Promise<string> {
  for (let attempt = 0; ; attempt++) {
    let token: Awaited<ReturnType<TokenCredential['getToken']>>;
    try {
      token = await credential.getToken(scope, signal === undefined ? {} : { abortSignal: signal });
    } catch (thrown) {
      signal?.throwIfAborted();
      const error = tokenError(toError(thrown));
      const pause = retryPauses[attempt];
      if (pause === undefined || !wasCutOff(toError(thrown))) throw error;
      await sleep(pause * (0.5 + Math.random()), undefined, signal === undefined ? {} : { signal });
      continue;
    }
    if (token === null) {
      throw new SyncError('Unauthorized', 'No credential of the app could be used to sign in to Entra');
    }
    return token.token;
  }
}

/** In the library's words; it says the same of an address that does not answer, which it has tried again already. */
function wasCutOff(error: Error): boolean {
  return /network_error|endpoints_resolution_error/.test(error.message);
}

/** The library throws one and the same error class for a refusal and for an outage, so the OAuth code decides. */
function tokenError(error: Error): SyncError {
  const code = /AADSTS\d+/.exec(error.message)?.[0];
  const reason = /\b[a-z]+(_[a-z]+)+\b/.exec(error.message)?.[0] ?? error.name;
  const refused =
    code === undefined
      ? /invalid_client|invalid_grant|unauthorized_client|invalid_request/.test(error.message)
      : !passingCodes.has(code);
  return refused
    ? new SyncError(
        'Unauthorized',
        `Entra refused to sign the app in${code === undefined ? '' : ` (${code})`}: check AZURE_TENANT_ID, AZURE_CLIENT_ID and its secret or certificate`,
        { cause: error },
      )
    : new SyncError(
        'Unreachable',
        `The authority (AZURE_AUTHORITY_HOST) gave no token (${reason}): check its address, the network, and whether its certificate is trusted`,
        { cause: error, detail: error.message },
      );
}
