/** The whole way to a strict SCIM server that is not ours. */
import { expect, it } from 'vitest';
import { readUser } from '../../src/maptician/scim/user-resource.ts';
import { startScimPeer } from '../support/scim-peer.ts';
import { readScimmySchemas } from '../support/scim-schema.ts';
import { everyProperty, mixedChanges } from './mixed-changes.ts';
import { createOracle } from './oracle.ts';
import { tenantOf } from './people.ts';
import { accountRow, openWorld } from './world.ts';

it.each([{ caseSensitive: false }, { caseSensitive: true }])(
  'everybody at first, everything that can change, and accounts in other case, with %j',
  async ({ caseSensitive }) => {
    const peer = await startScimPeer();
    peer.behaviour.caseSensitive = caseSensitive;
    try {
      const { tenant, ids } = tenantOf(28);
      for (const [index, id] of ids.entries()) tenant.users.update(id, everyProperty(index));
      await using world = await openWorld({
        sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
        settings: {
          MAPTICIAN_TENANT_URL: peer.url,
          MAPTICIAN_SECRET_TOKEN: peer.token,
          MAPTICIAN_REQUESTS_PER_SECOND: '1000',
          REMOVAL_LIMIT_PERCENT: '100',
        },
      });
      const oracle = createOracle(tenant);
      const settle = async (counts: Record<string, number>, { oneLook } = { oneLook: true }) => {
        const before = peer.requests.length;
        expect(await world.sync()).toMatchObject({ exit: 0, counts: { failed: 0, ...counts } });
        const rows = [...peer.users.values()].map((user) => {
          const { id, attributes } = readUser(user);
          return accountRow(id, attributes, user);
        });
        expect(oracle.check(rows, { oneLook })).toEqual([]);
        oracle.accept(rows);
        return peer.requests.slice(before).map(({ method }) => method);
      };
      expect(await settle({ created: 28 })).toHaveLength(30);
      expect(await settle({ created: 0, updated: 0 })).toEqual([]);
      const disabled = ids.slice(0, 4);
      for (const id of disabled) tenant.users.update(id, { accountEnabled: false });
      await settle({ deactivated: 4 });
      // Twice, so that those who were cleared get values again, and those who left come back.
      const next = mixedChanges(tenant, ids, 4);
      await settle({ created: 4, updated: 12, reactivated: 4, deactivated: 4, deleted: 4 });
      for (const id of next.slice(8, 16)) tenant.users.update(id, everyProperty(0));
      for (const id of next.slice(0, 4)) tenant.users.update(id, { accountEnabled: true, jobTitle: null });
      expect(await settle({ reactivated: 4, updated: 8 }), 'a request each').toEqual(Array(12).fill('PATCH'));

      const [returning = ''] = next;
      const account = [...peer.users.values()].find(({ externalId }) => externalId === returning);
      if (account === undefined) throw new Error('There is no such account.');
      // Another installation, which has no links yet, and names as somebody else typed them.
      for (const user of peer.users.values()) user.userName = user.userName.toUpperCase();
      const accounts = new Set(peer.users.keys());
      await world.pool.query('truncate maptician_sync.links, maptician_sync.cursors');
      await settle({ created: 0 }, { oneLook: false });
      expect(new Set(peer.users.keys())).toEqual(accounts);

      await world.pool.query('delete from maptician_sync.links where entra_id = $1', [returning]);
      const named = peer.users.get(account.id);
      if (named !== undefined) named.userName = named.userName.toUpperCase();
      tenant.users.update(returning, { jobTitle: 'Returned' });
      expect(await settle({ created: 0 })).toEqual(
        caseSensitive ? ['GET', 'POST', 'GET', 'GET', 'GET', 'PATCH'] : ['GET', 'PATCH'],
      );
      expect(new Set(peer.users.keys())).toEqual(accounts);

      const checks = readScimmySchemas();
      const problems = peer.requests.flatMap(({ method, body }) =>
        method === 'POST' ? checks.resourceProblems(body) : method === 'PATCH' ? checks.patchProblems(body) : [],
      );
      expect(problems).toEqual([]);
    } finally {
      await peer.close();
    }
  },
);

it('a value of a type that somebody has typed in by hand gives way to the one from Entra, and leaves no second', async () => {
  const peer = await startScimPeer();
  try {
    const { tenant, ids } = tenantOf(1);
    await using world = await openWorld({
      sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
      settings: { MAPTICIAN_TENANT_URL: peer.url, MAPTICIAN_SECRET_TOKEN: peer.token },
    });
    const [id = ''] = ids;
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1 } });
    const [account] = [...peer.users.values()];
    if (account === undefined) throw new Error('There is no account.');
    peer.users.set(account.id, { ...account, phoneNumbers: [{ type: 'mobile', value: 'by hand' }] });
    for (const mobilePhone of ['+1 555 0100', '+1 555 0101']) {
      tenant.users.update(id, { mobilePhone });
      expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 1 }, warnings: [] });
      expect(peer.users.get(account.id)?.phoneNumbers).toEqual([{ type: 'mobile', value: mobilePhone }]);
    }
  } finally {
    await peer.close();
  }
});
