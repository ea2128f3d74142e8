import { ClientSecretCredential } from '@azure/identity';
import { Client, PageIterator } from '@microsoft/microsoft-graph-client';
import { TokenCredentialAuthenticationProvider } from '@microsoft/microsoft-graph-client/authProviders/azureTokenCredentials/index.js';
import { expect, it } from 'vitest';
import { startSandbox } from '../../src/sandbox/sandbox.ts';

it('is read to the end over TLS by the official SDK with a client secret', async () => {
  await using sandbox = await startSandbox({ users: 1000, assigned: 10 });
  sandbox.trust();
  const settings = sandbox.environment();
  const credential = new ClientSecretCredential(
    settings.AZURE_TENANT_ID ?? '',
    settings.AZURE_CLIENT_ID ?? '',
    settings.AZURE_CLIENT_SECRET ?? '',
    { authorityHost: sandbox.authorityHost, disableInstanceDiscovery: true },
  );
  const client = Client.initWithMiddleware({
    authProvider: new TokenCredentialAuthenticationProvider(credential, {
      scopes: ['https://graph.microsoft.com/.default'],
    }),
    baseUrl: sandbox.origin,
    customHosts: new Set([new URL(sandbox.origin).hostname]),
  });
  const read = async (path: string): Promise<{ ids: string[]; deltaLink: string }> => {
    const ids: string[] = [];
    const iterator = new PageIterator(
      client,
      await client.api(path).get(),
      (user: { id: string }) => ids.push(user.id) > 0,
    );
    await iterator.iterate();
    expect(iterator.isComplete()).toBe(true);
    return { ids, deltaLink: iterator.getDeltaLink() ?? '' };
  };

  const initial = await read('/users/delta?$select=id,displayName,accountEnabled');
  expect(initial.ids).toEqual([...sandbox.tenant.users.all.values()].map(({ id }) => id));
  const [changed = ''] = initial.ids;
  sandbox.tenant.users.update(changed, { accountEnabled: false, displayName: 'Somebody else' });
  expect((await read(initial.deltaLink)).ids).toEqual([changed]);

  const delta = sandbox.requests.entries.filter(({ path }) => path === '/users/delta');
  expect(delta).toHaveLength(6);
  expect(delta.every(({ authorized }) => authorized)).toBe(true);
});
