import { afterEach, describe, expect, it } from 'vitest';
import { addPerson, tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

/** Without it the assignments of one user cannot be read, and the list of the app is read once more instead. */
const directRead = ['Directory.Read.All'];

/** Everybody provisioned, and twenty more in an assigned group. */
async function openProvisioned(people: number, permissions: readonly string[] = []) {
  const { tenant, ids } = tenantOf(people, permissions);
  const group = tenant.groups.create({ displayName: 'Assigned group' }).id;
  tenant.assign(group);
  const members = Array.from({ length: 20 }, () => addPerson(tenant, {}, false));
  for (const id of members) tenant.groups.addMember(group, id);
  const world = await openWorld({ sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  worlds.push(world);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: people + 20 } });
  return { world, tenant, ids, members, group };
}

async function inactiveIds(world: World): Promise<unknown[]> {
  return (await world.rows()).filter((row) => !row.active).map((row) => row.external_id);
}

describe.each([
  ['with the three least permissions', []],
  ['with Directory.Read.All too', directRead],
])('%s', (_, permissions) => {
  it('ends access in the cycle in which it ended: unassigned, left the group, disabled, deleted, purged', async () => {
    const { world, tenant, ids, members, group } = await openProvisioned(10, permissions);
    const [unassigned = '', disabled = '', deleted = '', purged = ''] = ids;
    const [left = '', leftAndAssigned = ''] = members;
    tenant.unassign(unassigned);
    tenant.users.update(disabled, { accountEnabled: false });
    tenant.users.delete(deleted);
    tenant.purgeUser(purged);
    tenant.groups.removeMember(group, left);
    tenant.groups.removeMember(group, leftAndAssigned);
    tenant.assign(leftAndAssigned);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 4, deleted: 1 } });
    expect((await inactiveIds(world)).toSorted()).toEqual([unassigned, disabled, deleted, left].toSorted());
  });

  it('ends the access of a whole group that is unassigned or deleted', async () => {
    const { world, tenant, members, group } = await openProvisioned(60, permissions);
    const second = tenant.groups.create({ displayName: 'Second' }).id;
    tenant.assign(second);
    for (const id of members.slice(0, 5)) tenant.groups.addMember(second, id);
    expect((await world.sync()).exit).toBe(0);
    tenant.unassign(group);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 15 } });
    tenant.deleteGroup(second);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 5 } });
  });
});

describe('nobody loses access by mistake', () => {
  it('when the list of assignments lags behind: a direct read shows that they are there still', async () => {
    const { world } = await openProvisioned(9, directRead);
    world.sandbox.behaviour.assignmentLag = 60_000;
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0, held: 0 } });
    expect(await inactiveIds(world)).toEqual([]);
  });

  it('when the list lags at one read only, and the direct read is not permitted', async () => {
    const { world } = await openProvisioned(9);
    world.sandbox.behaviour.assignmentLag = 60_000;
    world.onRequest = () => {
      const listed = world.sandbox.requests.entries.at(-1)?.path.endsWith('/appRoleAssignedTo');
      if (listed) world.sandbox.behaviour.assignmentLag = 0;
    };
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0, held: 0 } });
    expect(await inactiveIds(world)).toEqual([]);
  });

  it.each([429, 503])('when the direct read answers %i again and again: it waits, and says so', async (status) => {
    const { world, tenant, ids } = await openProvisioned(9, directRead);
    tenant.unassign(ids[0] ?? '');
    const fault = { kind: 'status', status, retryAfter: 0.01 } as const;
    world.sandbox.faults.inject({ path: '/users/*/appRoleAssignments', times: 1000, fault });
    const result = await world.sync();
    expect(result.counts.deactivated).toBe(0);
    expect(result.warnings.join()).toContain('could not be confirmed');
    world.sandbox.faults.clear();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 }, warnings: [] });
  });

  it.each([429, 503])('when a user cannot be read in a batch because of %i: only that one waits', async (status) => {
    const { world, tenant, ids } = await openProvisioned(9);
    // So many that the assigned are read one by one, in batches, also when all are read.
    for (let other = 0; other < 500; other++) addPerson(tenant, {}, false);
    const [unreadable, readable] = [addPerson(tenant), addPerson(tenant)];
    const fault = { kind: 'status', status, retryAfter: 0.01 } as const;
    for (const id of [unreadable, ...ids.slice(0, 3)])
      world.sandbox.faults.inject({ path: `/users/${id}`, times: 1000, fault });
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 1, counts: { deactivated: 0, deleted: 0 } });
    expect(await inactiveIds(world)).toEqual([]);
    expect((await world.rows()).map((row) => row.external_id)).toContain(readable);
    world.sandbox.faults.clear();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, failed: 0 } });
  });

  it('when somebody is restored just between the two reads that tell the deleted from the purged', async () => {
    const { world, tenant, ids } = await openProvisioned(9);
    const [id = ''] = ids;
    const before = (await world.rows()).find((row) => row.external_id === id);
    tenant.users.delete(id);
    world.onRequest = () => {
      const missed = world.sandbox.requests.entries.some(
        ({ path, status }) => path === `/users/${id}` && status === 404,
      );
      if (missed && tenant.users.find(id) === undefined) tenant.restoreUser(id);
    };
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { deleted: 0 } });
    world.onRequest = undefined;
    expect(tenant.users.find(id), 'restored in the middle of the cycle').toBeDefined();
    expect((await world.sync()).exit).toBe(0);
    expect((await world.rows()).find((row) => row.external_id === id)).toMatchObject({ id: before?.id, active: true });
  });

  it('when the members of a group cannot be read: they stay as they were', async () => {
    const { world, tenant, group } = await openProvisioned(9);
    tenant.groups.addMember(group, addPerson(tenant, {}, false));
    const fault = { kind: 'status', status: 400, code: 'Request_UnsupportedQuery' } as const;
    world.sandbox.faults.inject({ path: '/groups*', times: 1000, fault });
    const result = await world.sync();
    expect(result).toMatchObject({ exit: 1, counts: { created: 0, deactivated: 0 } });
    expect(result.warnings.join()).toContain('could not be read');
    world.sandbox.faults.clear();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, deactivated: 0 } });
  });
});

describe('a list of assignments that ends at 999', () => {
  it('is read in smaller pages, which show that there is more', async () => {
    const { world } = await openProvisioned(1005);
    world.sandbox.behaviour.assignmentCap = true;
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0, held: 0 }, warnings: [] });
  });

  it('removes nobody and warns where it has 999 rows however it is read', async () => {
    // With the group there are a thousand rows, and one too few after this.
    const { world, tenant, ids } = await openProvisioned(999);
    tenant.unassign(ids[0] ?? '');
    const result = await world.sync();
    expect(result.counts).toMatchObject({ deactivated: 0, held: 0 });
    expect(result.warnings.join()).toContain('exactly 999');
    expect(await inactiveIds(world)).toEqual([]);
    await world.sandbox.mailbox.waitFor((mail) => mail.text.includes('exactly 999'));
  });
});
