import { afterAll, beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { createTenant } from '../../src/sandbox/tenant.ts';

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await startSandbox({ tenant: createTenant() });
  sandbox.trust();
});
afterAll(() => sandbox.close());

const answerSchema = z.looseObject({
  access_token: z.string().optional(),
  error: z.string().optional(),
  error_description: z.string().optional(),
  error_codes: z.array(z.number()).optional(),
});

const ask = async (
  changes: Record<string, string> = {},
  tenantId = sandbox.tenant.id,
): Promise<[number, z.infer<typeof answerSchema>]> => {
  const settings = sandbox.environment();
  const form = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: settings.AZURE_CLIENT_ID ?? '',
    client_secret: settings.AZURE_CLIENT_SECRET ?? '',
    scope: 'https://graph.microsoft.com/.default',
    ...changes,
  });
  const response = await fetch(`${sandbox.authorityHost}/${tenantId}/oauth2/v2.0/token`, {
    method: 'POST',
    body: form,
  });
  return [response.status, answerSchema.parse(await response.json())];
};

it('issues a token for the client secret, and Graph takes it', async () => {
  for (const scope of ['https://graph.microsoft.com/.default', `${sandbox.origin}/.default`]) {
    const [status, { access_token: token }] = await ask({ scope });
    expect(status).toBe(200);
    const response = await fetch(`${sandbox.origin}/v1.0/users/delta`, {
      headers: { authorization: `Bearer ${token}` },
    });
    expect(response.status).toBe(200);
  }
});

it.each([
  ['a wrong secret', { client_secret: 'wrong' }, 401, 'invalid_client', 7000215],
  ['an unknown client', { client_id: '00000000-0000-4000-8000-000000000000' }, 400, 'unauthorized_client', 700016],
  ['another scope', { scope: 'https://example.org/.default' }, 400, 'invalid_scope', 70011],
  ['another grant', { grant_type: 'password' }, 400, 'unsupported_grant_type', 70003],
])('refuses %s', async (_name, changes, status, error, code) => {
  const [answered, body] = await ask(changes);
  expect(answered).toBe(status);
  expect(body).toMatchObject({ error, error_codes: [code] });
  expect(body.error_description).toMatch(new RegExp(`^AADSTS${code}: .* Trace ID: .* Correlation ID: .* Timestamp: `));
});

it('knows no other tenant', async () => {
  expect(await ask({}, 'common')).toEqual([400, expect.objectContaining({ error_codes: [90002] })]);
});

it('has no secret in the log of requests', async () => {
  await ask();
  const log = JSON.stringify(sandbox.requests.entries);
  expect(log).toContain('/oauth2/v2.0/token');
  expect(log).not.toContain(sandbox.environment().AZURE_CLIENT_SECRET);
});
