import { afterEach, describe, expect, it } from 'vitest';
import { readLog } from '../../src/state/provisioning-log.ts';
import { addPerson, tenantOf } from './people.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

const filterFile = (clauses: readonly string[], more = '') =>
  `filters:\n${clauses.map((clause, index) => `  - title: Filter ${index}\n    clauses: [${clause}]\n`).join('')}${more}`;
const engineers = filterFile(['{ attribute: department, operator: EQUALS, value: Engineering }']);

async function open(people: number, filters: string, options: WorldOptions = {}) {
  const { tenant, ids } = tenantOf(people);
  for (const [index, id] of ids.entries()) {
    tenant.users.update(id, { department: index % 2 === 0 ? 'Engineering' : 'Sales' });
  }
  const world = await openWorld({
    ...options,
    sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
    settings: { REMOVAL_LIMIT_PERCENT: '100', ...options.settings },
    config: { filters },
  });
  worlds.push(world);
  /** Who is active, by place in `ids`. */
  const active = async () => {
    const rows = (await world.rows()).filter((row) => row.active).map(({ external_id }) => `${external_id}`);
    return rows.map((id) => ids.indexOf(id)).sort((one, other) => one - other);
  };
  const log = async () => readLog((await world.service()).database.pool, { limit: 1000 });
  /** A cycle with this outcome, and one that has nothing to do. */
  const sync = async (expected: number[]) => {
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(await active()).toEqual(expected);
    const before = await world.rows();
    const nothing = { created: 0, updated: 0, deactivated: 0, reactivated: 0, deleted: 0, skipped: 0 };
    expect(await world.sync()).toMatchObject({ exit: 0, counts: nothing });
    expect(await world.rows()).toEqual(before);
  };
  return { world, tenant, ids, active, log, sync };
}

describe('scoping filters', () => {
  it('give accounts to those who pass, follow changes, and say why others have none', async () => {
    const { tenant, ids, log, sync } = await open(4, engineers);
    await sync([0, 2]);
    const skipped = (await log()).filter(({ status }) => status === 'skipped');
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'not created: does not pass the scoping filters',
      'not created: does not pass the scoping filters',
    ]);
    tenant.users.update(ids[0] ?? '', { department: 'Sales' });
    tenant.users.update(ids[1] ?? '', { department: 'Engineering' });
    await sync([1, 2]);
    expect((await log()).find(({ action }) => action === 'disable')).toMatchObject({
      entraId: ids[0],
      reason: 'does not pass the scoping filters',
    });
    tenant.users.update(ids[0] ?? '', { department: 'Engineering' });
    await sync([0, 1, 2]);
  });

  it('that change begin an initial cycle, and the links are kept', async () => {
    const { world, sync } = await open(4, engineers);
    await sync([0, 2]);
    const ids = new Map((await world.rows()).map(({ external_id, id }) => [external_id, id]));
    await world.restart({}, { filters: filterFile(['{ attribute: department, operator: EQUALS, value: Sales }']) });
    expect(await world.sync()).toMatchObject({ kind: 'initial', counts: { created: 2, deactivated: 2 } });
    await world.restart({}, { filters: 'filters: []\n' });
    await sync([0, 1, 2, 3]);
    for (const row of await world.rows()) expect(ids.get(row.external_id ?? '') ?? row.id).toBe(row.id);
  });

  it('that shut many out at once are held by the mass-removal guard', async () => {
    const { world, active } = await open(30, 'filters: []\n', { settings: { REMOVAL_LIMIT_PERCENT: '25' } });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 30 } });
    await world.restart({}, { filters: engineers });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 15, deactivated: 0 } });
    expect(await active()).toHaveLength(30);
    await world.restart({}, { filters: 'filters: []\n' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { held: 0, deactivated: 0 } });
  });

  it('select from everyone with SYNC_SCOPE=all, by groups too', async () => {
    const { tenant } = tenantOf(1);
    tenant.unassign([...tenant.users.all.values()][0]?.id ?? '');
    const ids = Array.from({ length: 4 }, (_, index) =>
      addPerson(tenant, { department: index % 2 === 0 ? 'Engineering' : 'Sales' }, false),
    );
    const group = tenant.groups.create({ displayName: 'Field' }).id;
    tenant.groups.addMember(group, ids[1] ?? '');
    const world = await openWorld({
      sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
      settings: { SYNC_SCOPE: 'all', REMOVAL_LIMIT_PERCENT: '100' },
      config: {
        filters: filterFile([
          '{ attribute: department, operator: EQUALS, value: Engineering }',
          `{ operator: MEMBER OF, value: ${group} }`,
        ]),
      },
    });
    worlds.push(world);
    const active = async () =>
      (await world.rows()).flatMap((row) => (row.active ? [ids.indexOf(`${row.external_id}`)] : [])).sort();
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(await active()).toEqual([0, 1, 2]);
    tenant.groups.removeMember(group, ids[1] ?? '');
    tenant.groups.addMember(group, ids[3] ?? '');
    tenant.users.update(ids[0] ?? '', { department: null });
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(await active()).toEqual([2, 3]);
  });
});

describe('whoever falls out of scope', () => {
  const skipping = (clause: string) => filterFile([clause], 'skipOutOfScopeDeletions: true\n');

  it('keeps the account with skipOutOfScopeDeletions, and loses it by a deletion or disabling in Entra', async () => {
    const { world, tenant, ids, sync } = await open(5, skipping('{ attribute: department, operator: IS NOT NULL }'));
    await sync([0, 1, 2, 3, 4]);
    tenant.users.update(ids[0] ?? '', { department: null, jobTitle: 'Elsewhere' });
    tenant.unassign(ids[1] ?? '');
    await sync([0, 1, 2, 3, 4]);
    tenant.users.update(ids[0] ?? '', { accountEnabled: false });
    tenant.users.delete(ids[1] ?? '');
    tenant.unassign(ids[2] ?? '');
    await sync([2, 3, 4]);
    tenant.purgeUser(ids[2] ?? '');
    await sync([3, 4]);
    expect(await world.rows()).toHaveLength(4);
  });
});

describe('filters that look at the time', () => {
  it('let people in when their day has come, though nothing told of them', async () => {
    const { tenant, ids } = tenantOf(2);
    const hired = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
    tenant.users.update(ids[0] ?? '', { employeeHireDate: hired(30) });
    tenant.users.update(ids[1] ?? '', { employeeHireDate: hired(1) });
    const world = await openWorld({
      sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
      config: { filters: filterFile(['{ attribute: employeeHireDate, operator: BEFORE, value: now+14d }']) },
    });
    worlds.push(world);
    expect(await world.sync()).toMatchObject({ counts: { created: 1, skipped: 1 } });
    expect(await world.sync()).toMatchObject({ counts: { created: 0, skipped: 0 } });
    // Two weeks and a few days later.
    const pool = (await world.service()).database.pool;
    await pool.query(
      `update users set attributes = jsonb_set(attributes, '{employeeHireDate}', to_jsonb($2::text)) where id = $1`,
      [ids[0], hired(13)],
    );
    expect(await world.sync()).toMatchObject({ kind: 'incremental', counts: { created: 1 } });
  });
});

describe('filters that look at groups', () => {
  it('follow the members of a group that gives no access by itself', async () => {
    const { tenant, ids } = tenantOf(3);
    const group = tenant.groups.create({ displayName: 'Field' }).id;
    const outsider = addPerson(tenant, {}, false);
    for (const id of [ids[0], outsider]) tenant.groups.addMember(group, id ?? '');
    const world = await openWorld({
      sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
      settings: { REMOVAL_LIMIT_PERCENT: '100' },
      config: { filters: filterFile([`{ operator: MEMBER OF, value: ${group} }`]) },
    });
    worlds.push(world);
    const active = async () => (await world.rows()).flatMap((row) => (row.active ? [`${row.external_id}`] : [])).sort();
    const sync = async (expected: (string | undefined)[]) => {
      expect(await world.sync()).toMatchObject({ exit: 0 });
      expect(await active()).toEqual([...expected].sort());
    };
    await sync([ids[0]]);
    tenant.groups.addMember(group, ids[1] ?? '');
    tenant.groups.removeMember(group, ids[0] ?? '');
    await sync([ids[1]]);
    // Assigned, it gives access, too, also to those who were its members before.
    tenant.assign(group);
    await sync([ids[1], outsider]);
    tenant.unassign(group);
    await sync([ids[1]]);
    tenant.groups.addMember(group, ids[2] ?? '');
    await sync([ids[1], ids[2]]);
  });
});

describe('a group that filters ask about and that cannot be read', () => {
  it.each(['MEMBER OF', 'NOT MEMBER OF'])(
    'stops the cycle before anybody gets or loses access by it: %s',
    async (operator) => {
      const { tenant, ids } = tenantOf(4);
      const group = tenant.groups.create({ displayName: 'Field' }).id;
      for (const id of ids) tenant.groups.addMember(group, id);
      const world = await openWorld({
        sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
        settings: { REMOVAL_LIMIT_PERCENT: '100' },
      });
      worlds.push(world);
      await (await world.service()).store();
      if (operator === 'MEMBER OF') expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 4 } });
      const before = await world.rows();
      await world.restart({}, { filters: filterFile([`{ operator: ${operator}, value: ${group} }`]) });
      world.sandbox.faults.inject({
        path: `/groups/${group}/*`,
        probability: 1,
        fault: { kind: 'status', status: 403 },
      });
      expect(await world.sync()).toMatchObject({ exit: 2 });
      expect(await world.rows()).toEqual(before);
      world.sandbox.faults.clear();
      const active = operator === 'MEMBER OF' ? 4 : 0;
      expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, deactivated: 0 } });
      expect((await world.rows()).filter((row) => row.active)).toHaveLength(active);
    },
  );

  it('because Entra does not have it, is named, and nobody loses access', async () => {
    const unknown = '0190f3b4-0000-7000-8000-000000000000';
    const { tenant } = tenantOf(3);
    const world = await openWorld({ sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
    worlds.push(world);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
    await world.restart({}, { filters: filterFile([`{ operator: MEMBER OF, value: ${unknown} }`]) });
    const { exit, error } = await world.sync();
    expect({ exit, code: error?.code }).toEqual({ exit: 2, code: 'Misconfigured' });
    expect(error?.message).toContain(unknown);
    expect((await world.rows()).filter((row) => row.active)).toHaveLength(3);
  });
});
