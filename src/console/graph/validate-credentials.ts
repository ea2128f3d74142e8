/** `validateCredentials` (https://learn.microsoft.com/graph/api/synchronization-synchronizationjob-validatecredentials). */
import { createRoute, z } from '@hono/zod-openapi';
import { parseTenantUrl } from '../../maptician/scim/profile.ts';
import { tryCredentials } from '../../maptician/scim/try-credentials.ts';
import { type ApiApp, body, createApi, endOf, noContent, refusals } from '../api/openapi.ts';
import type { ConsoleContext } from '../context.ts';
import { badRequest } from '../errors.ts';
import { jobOf, jobPaths } from './paths.ts';

const request = z.object({
  useSavedCredentials: z.boolean().nullish(),
  credentials: z
    .array(z.object({ key: z.string().max(100), value: z.string().max(10_000).nullish() }))
    .max(100)
    .nullish()
    .openapi({ description: 'SecretToken, and BaseAddress where it is the Tenant URL of the settings.' }),
});

export function validateCredentialsRoutes(context: ConsoleContext): ApiApp {
  const { service } = context;
  const app = createApi();
  for (const { path, params, hide } of jobPaths) {
    const route = createRoute({
      method: 'post',
      path: `${path}/validateCredentials`,
      hide,
      tags: ['synchronization'],
      summary: 'Check whether Maptician takes the credentials: those in use, or a new Secret Token before it is in use',
      request: { params: z.object(params), body: body(request) },
      responses: { ...noContent, ...refusals },
    });
    app.openapi(route, async (c) => {
      await jobOf(c, context);
      const { useSavedCredentials, credentials } = c.req.valid('json');
      if (useSavedCredentials === true) await (await service.store()).check();
      else await tryGiven(context, credentials ?? [], endOf(c.req.raw, context));
      return c.body(null, 204);
    });
  }
  return app;
}

/**
 * A token is tried at the Tenant URL of the settings and nowhere else: a service that sends requests to any address it is
 * given lends its place in the network to whoever asks.
 */
async function tryGiven(
  { service }: ConsoleContext,
  credentials: readonly { readonly key: string; readonly value?: string | null | undefined }[],
  signal: AbortSignal,
): Promise<void> {
  const { MAPTICIAN_TENANT_URL: tenantUrl, MAPTICIAN_REQUESTS_PER_SECOND: ceiling } = service.settings;
  const given = (key: string) => credentials.find((one) => one.key.toLowerCase() === key.toLowerCase())?.value;
  if (tenantUrl === undefined) {
    throw badRequest(
      'Users are written to a database here, which has no credentials to try: send useSavedCredentials.',
    );
  }
  const token = given('SecretToken');
  if (token == null) throw badRequest('Send useSavedCredentials, or credentials with a SecretToken.');
  const address = given('BaseAddress');
  if (address != null && !isSameTenant(address, tenantUrl)) {
    throw badRequest('BaseAddress is not the Tenant URL of the settings: a token is tried there and nowhere else.');
  }
  await tryCredentials({ tenantUrl, token, pool: service.database.pool, ceiling, signal });
}

function isSameTenant(address: string, tenantUrl: string): boolean {
  return URL.canParse(address) && parseTenantUrl(address).url === parseTenantUrl(tenantUrl).url;
}
