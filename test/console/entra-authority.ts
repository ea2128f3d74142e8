/**
 * An authority as Entra is one: a real OpenID provider over TLS, at `/{tenant}/v2.0`, which signs in whoever the test says without
 * asking. Tokens of its keys, right or wrong, can be made as well.
 */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import tls from 'node:tls';
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';
import { onTestFinished, vi } from 'vitest';
import { createCertificate } from '../../src/sandbox/certificate.ts';

const clientSecret = 'the-secret-of-the-console-0123456789';

export interface EntraAuthority {
  readonly origin: string;
  readonly tenant: string;
  readonly clientId: string;
  /** Of tokens of version 1.0. */
  readonly formerIssuer: string;
  /** Who signs in, by their claims. */
  person: Readonly<Record<string, unknown>>;
  /** Another name of the tenant, for which it answers as if it had been asked by its id. */
  answersFor: string;
  /** Does not answer. */
  down: boolean;
  /** Puts another id token in place of the one that the provider issues. */
  tamper: ((claims: Readonly<Record<string, unknown>>) => Promise<string>) | undefined;
  readonly settings: Readonly<Record<string, string>>;
  /** Takes up its work for a console at this address. */
  serve(consoleUrl: string): void;
  /** A token that the authority has signed, with the claims of an access token of version 2.0 for the console, and these. */
  accessToken(claims?: Readonly<Record<string, unknown>>): Promise<string>;
  sign(claims: JWTPayload): Promise<string>;
}

export async function startEntra(): Promise<EntraAuthority> {
  const certificate = await createCertificate();
  tls.setDefaultCACertificates([...tls.getCACertificates(), certificate.cert]);
  // What it says is for whoever would use it in earnest.
  const quiet = [vi.spyOn(console, 'info'), vi.spyOn(console, 'warn')].map((spy) => spy.mockReturnValue());
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  const key = { ...(await exportJWK(privateKey)), kid: 'test', alg: 'RS256', use: 'sig' };
  let answer: ReturnType<Provider['callback']> | undefined;
  let finish: ReturnType<Provider['callback']> | undefined;

  const server = createServer(certificate, (request, response) => {
    const base = `/${authority.tenant}`;
    const alias = `/${authority.answersFor}/`;
    const url = (request.url ?? '').replace(alias, `${base}/`);
    if (authority.down || answer === undefined) return void request.socket.destroy();
    if (url === `${base}/.well-known/openid-configuration`) {
      const metadata = { issuer: authority.formerIssuer, jwks_uri: `${authority.origin}${base}/v2.0/jwks` };
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify(metadata));
    } else if (url.startsWith(`${base}/interaction/`)) finish?.(request, response);
    else {
      request.url = url.replace(`${base}/v2.0`, '');
      answer(request, response);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const spy of quiet) spy.mockRestore();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const origin = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const tenant = '7f0c3a51-6f34-4c55-9d3f-0d2c0a6c1b11';
  const clientId = '5a1d6a3e-93a3-4f0e-8c5b-7a4b1f2e9d10';
  const sign: EntraAuthority['sign'] = (claims) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'test', typ: 'JWT' }).sign(privateKey);
  const authority: EntraAuthority = {
    origin,
    tenant,
    clientId,
    formerIssuer: `${origin}/sts/${tenant}/`,
    person: {},
    answersFor: 'contoso.example',
    down: false,
    tamper: undefined,
    settings: {
      AZURE_AUTHORITY_HOST: origin,
      AZURE_TENANT_ID: tenant,
      CONSOLE_CLIENT_ID: clientId,
      CONSOLE_CLIENT_SECRET: clientSecret,
    },
    serve: (consoleUrl) => {
      const provider = createProvider(authority, consoleUrl, key);
      answer = provider.callback();
      finish = (request, response) =>
        void provider.interactionFinished(request, response, { login: { accountId: 'somebody' } });
    },
    accessToken: (claims = {}) => {
      const now = Math.floor(Date.now() / 1000);
      const usual = { iss: `${origin}/${tenant}/v2.0`, aud: clientId, azp: 'a-script', iat: now, exp: now + 3600 };
      return sign({ ...usual, ...claims });
    },
    sign,
  };
  return authority;
}

function createProvider(authority: EntraAuthority, consoleUrl: string, key: object): Provider {
  const { origin, tenant, clientId } = authority;
  const provider: Provider = new Provider(`${origin}/${tenant}/v2.0`, {
    clients: [
      {
        client_id: clientId,
        client_secret: clientSecret,
        redirect_uris: [`${consoleUrl}/sign-in/callback`],
        token_endpoint_auth_method: 'client_secret_post',
      },
    ],
    jwks: { keys: [key] },
    cookies: { keys: ['a key of a test'] },
    claims: { openid: ['sub', 'oid', 'roles'], profile: ['preferred_username', 'name'] },
    conformIdTokenClaims: false,
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...authority.person }),
    }),
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/${tenant}/interaction/${uid}` },
    // Nobody is asked for consent, as where an administrator has given it.
    loadExistingGrant: async ({ oidc }: import('oidc-provider').ProviderContext) => {
      const grant = new provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
      grant.addOIDCScope('openid profile');
      await grant.save();
      return grant;
    },
  });
  provider.use(async (context, next) => {
    await next();
    const issued = context.body?.id_token;
    if (authority.tamper === undefined || typeof issued !== 'string') return;
    const claims = JSON.parse(Buffer.from(issued.split('.')[1] ?? '', 'base64url').toString('utf8'));
    context.body = { ...context.body, id_token: await authority.tamper(claims) };
  });
  return provider;
}
