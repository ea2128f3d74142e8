/**
 * The sign-in to Entra: one @azure/identity credential for the whole process, because a credential caches its token.
 */
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
    // Our own retry decides; three silent tries with growing pauses would only delay the one clear message.
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

/**
 * A token for Graph. The error tells a refused sign-in (renew the secret) from an authority that does not answer
 * (check the network): Entra's own AADSTS code is kept, its text is not, since it can quote names.
 */
export async function fetchToken(credential: TokenCredential, scope: string, signal?: AbortSignal): Promise<string> {
  let token: Awaited<ReturnType<TokenCredential['getToken']>>;
  try {
    token = await credential.getToken(scope, signal === undefined ? {} : { abortSignal: signal });
  } catch (thrown) {
    const error = toError(thrown);
    const code = /AADSTS\d+/.exec(error.message)?.[0];
    const reason = /\b[a-z]+(_[a-z]+)+\b/.exec(error.message)?.[0] ?? error.name;
    const refused =
      code !== undefined ||
      error.name === 'AuthenticationRequiredError' ||
      /invalid_client|invalid_grant|unauthorized_client|invalid_request/.test(error.message);
    throw refused
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
  if (token === null) throw new SyncError('Unauthorized', 'No credential of the app could be used to sign in to Entra');
  return token.token;
}
