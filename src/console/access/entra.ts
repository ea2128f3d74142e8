/**
 * What is known of the authority that people sign in at, and its keys. It is asked when first needed and again after it did not
 * answer, so that one that is down keeps nobody from using a token.
 */
import { createRemoteJWKSet, type JWTVerifyGetKey } from 'jose';
import * as client from 'openid-client';
import { once } from '../../once.ts';
import type { Settings } from '../../settings.ts';

/** Of one version of Entra's tokens. */
interface Issuer {
  readonly issuer: string;
  readonly keys: JWTVerifyGetKey;
}

export interface Entra {
  /** The host, for messages. */
  readonly host: string;
  readonly tenant: string;
  readonly clientId: string;
  /** For the authorization code flow. */
  configuration(): Promise<client.Configuration>;
  /** Who issues access tokens of version 2.0, and of 1.0: an API gets the version that its app registration asks for. */
  issuer(version: '1.0' | '2.0'): Promise<Issuer>;
}

/** Seconds until a request to the authority is given up. */
const timeout = 10;
const guid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Undefined where the settings name no app registration to sign in with. */
export function openEntra(settings: Settings): Entra | undefined {
  const { AZURE_AUTHORITY_HOST: authority, AZURE_TENANT_ID: tenant } = settings;
  const { CONSOLE_CLIENT_ID: clientId, CONSOLE_CLIENT_SECRET: secret } = settings;
  if (tenant === undefined || clientId === undefined || secret === undefined) return undefined;

  const configuration = once(async () => {
    const found = await client.discovery(
      new URL(`${authority}/${tenant}/v2.0/.well-known/openid-configuration`),
      clientId,
      undefined,
      client.ClientSecretPost(secret),
      { timeout },
    );
    const { issuer } = found.serverMetadata();
    if (!isOfTenant(issuer, authority, tenant)) throw new Error(`The authority says that it is ${issuer}.`);
    client.enableNonRepudiationChecks(found);
    return found;
  });
  const current = once(async () => issuerOf((await configuration()).serverMetadata()));
  // Not of the same name: https://sts.windows.net/{tenant}/ for the global cloud.
  const former = once(async () => {
    const url = new URL(`${authority}/${tenant}/.well-known/openid-configuration`);
    return issuerOf((await client.discovery(url, clientId, undefined, undefined, { timeout })).serverMetadata());
  });
  return {
    host: new URL(authority).host,
    tenant,
    clientId,
    configuration,
    issuer: (version) => (version === '2.0' ? current() : former()),
  };
}

/**
 * Whether the issuer is of this one tenant. For a domain's name the authority answers with the tenant's id; for `common` it does
 * not: there anybody's administrator could give themselves a role.
 */
function isOfTenant(issuer: string, authority: string, tenant: string): boolean {
  const id = issuer.startsWith(`${authority}/`) ? issuer.slice(authority.length + 1).replace(/\/v2\.0$/, '') : '';
  return issuer === `${authority}/${id}/v2.0` && (guid.test(tenant) ? id === tenant.toLowerCase() : guid.test(id));
}

function issuerOf({ issuer, jwks_uri: keys }: client.ServerMetadata): Issuer {
  if (keys === undefined) throw new Error('The authority does not say where its keys are.');
  return { issuer, keys: createRemoteJWKSet(new URL(keys), { timeoutDuration: timeout * 1000 }) };
}
