/** The contract of a user store: on a strict SCIM server that is not ours, and on a sloppy one. */
import { afterAll, describe, expect, test } from 'vitest';
import { createRequestPace } from '../../src/maptician/scim/request-pace.ts';
import { createScimClient } from '../../src/maptician/scim/scim-client.ts';
import { openScimUserStore } from '../../src/maptician/scim/scim-user-store.ts';
import { readUser } from '../../src/maptician/scim/user-resource.ts';
import { startSandbox } from '../../src/sandbox/sandbox.ts';
import { startScimPeer } from '../support/scim-peer.ts';
import { readSchemas } from '../support/scim-schema.ts';
import { openTestState } from '../support/state-database.ts';
import { describeUserStore, matchedBy } from '../user-store-contract.ts';

async function openStore(url: string, token: string) {
  const state = await openTestState();
  const { signal } = new AbortController();
  const pace = createRequestPace({ pool: state.pool, store: url, ceiling: 1000, signal });
  const client = createScimClient({ url, token, pace, signal });
  const store = await openScimUserStore({
    client,
    url,
    store: url,
    pool: state.pool,
    dialect: undefined,
    instance: 'test',
    matching: matchedBy,
  });
  return { store, client, state };
}

/** Every body that was sent, for the check against the server's schemas. */
const sent: { readonly method: string; readonly body: unknown; readonly schemas: unknown }[] = [];

describeUserStore('scim, strict', async () => {
  const peer = await startScimPeer();
  const { store, client, state } = await openStore(peer.url, peer.token);
  return {
    store,
    users: async () => [...peer.users.values()].map(readUser),
    clear: async () => peer.users.clear(),
    refuse: async (title) => {
      peer.behaviour.refusedTitle = title;
    },
    cleanup: async () => {
      const { body: schemas } = await client.request('GET', '/Schemas');
      for (const { method, body } of peer.requests) {
        if (method === 'POST' || method === 'PATCH') sent.push({ method, body, schemas });
      }
      await store.close();
      await state.close();
      await peer.close();
    },
  };
});

describeUserStore('scim, sloppy', async () => {
  const sandbox = await startSandbox({
    users: 0,
    http: true,
    maptician: { conflictWithoutScimType: true, activeAsText: true, deleteAnswersBody: true },
  });
  const { maptician } = sandbox;
  const { store, client, state } = await openStore(maptician.url, maptician.token);
  return {
    store,
    users: async () => maptician.users().map(({ resource }) => readUser(resource)),
    clear: async () => maptician.clear(),
    refuse: async (title) => {
      maptician.behaviour.refusedTitle = title;
    },
    cleanup: async () => {
      const { body: schemas } = await client.request('GET', '/Schemas');
      for (const { service, method, body } of sandbox.requests.entries) {
        if (service === 'maptician' && (method === 'POST' || method === 'PATCH')) sent.push({ method, body, schemas });
      }
      await state.close();
      await sandbox.close();
    },
  };
});

describe('what was sent in all of this', () => {
  afterAll(() => {
    sent.length = 0;
  });

  test('is valid by the schemas of the server it was sent to', () => {
    expect(new Set(sent.map(({ method }) => method))).toEqual(new Set(['POST', 'PATCH']));
    const problems = sent.flatMap(({ method, body, schemas }) => {
      const checks = readSchemas(schemas);
      return method === 'POST' ? checks.resourceProblems(body) : checks.patchProblems(body);
    });
    expect(problems).toEqual([]);
  });
});
