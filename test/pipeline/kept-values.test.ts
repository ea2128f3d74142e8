import { afterEach, expect, it } from 'vitest';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import type { StoreResult, UserStore } from '../../src/maptician/user-store.ts';
import { keptWarnings } from '../../src/state/kept-warnings.ts';
import { readLog } from '../../src/state/provisioning-log.ts';
import { tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const mobile = 'phoneNumbers[type eq "mobile"].value';
const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

/** Has the service's user store write titles in capitals and drop mobile phones, and say so, as a SCIM server may. */
async function makeWilful(store: UserStore): Promise<void> {
  const { create, update } = store;
  const bent = (given: UserAttributes): UserAttributes => ({
    ...given,
    ...(typeof given.title === 'string' ? { title: given.title.toUpperCase() } : {}),
    ...(typeof given[mobile] === 'string' ? { [mobile]: null } : {}),
  });
  const told = (results: readonly StoreResult[], sent: ReadonlyMap<string, UserAttributes>): StoreResult[] =>
    results.map((result) => {
      const given = sent.get(result.key) ?? {};
      const kept = Object.entries(bent(given)).filter(([path, value]) => given[path as keyof UserAttributes] !== value);
      return result.outcome === 'done' && kept.length > 0 ? { ...result, kept: Object.fromEntries(kept) } : result;
    });
  Object.assign(store, {
    create: async (...[requests, lookUp]: Parameters<typeof create>) =>
      told(
        await create(
          requests.map((request) => ({ ...request, attributes: bent(request.attributes) })),
          lookUp,
        ),
        new Map(requests.map(({ key, attributes }) => [key, attributes])),
      ),
    update: async (...[requests]: Parameters<typeof update>) =>
      told(
        await update(requests.map((request) => ({ ...request, changes: bent(request.changes) }))),
        new Map(requests.map(({ key, changes }) => [key, changes])),
      ),
  });
}

async function open(people: number) {
  const { tenant, ids } = tenantOf(people);
  for (const id of ids) tenant.users.update(id, { jobTitle: 'Surveyor', mobilePhone: '+49 1' });
  const world = await openWorld({ sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  worlds.push(world);
  const service = await world.service();
  await makeWilful(await service.store());
  const first = await world.sync();
  const [id = ''] = ids;
  const keptOf = async () => {
    const { rows } = await world.pool.query('select kept from maptician_sync.links where entra_id = $1', [id]);
    return rows[0]?.kept;
  };
  const reports = () => readLog(service.database.pool, { status: 'warning', limit: 1000 });
  return { world, tenant, ids, id, first, keptOf, reports, pool: service.database.pool };
}

const nothing = { created: 0, updated: 0, reactivated: 0, deactivated: 0, deleted: 0, skipped: 0, failed: 0 };

it('what Maptician keeps otherwise is reported once a user, and not sent again, by a resync neither', async () => {
  const { world, ids, id, first, keptOf, reports, pool } = await open(12);
  expect(first).toMatchObject({ exit: 0, counts: { ...nothing, created: 12 } });
  const before = await world.rows();
  expect(before[0]).toMatchObject({ title: 'SURVEYOR', mobile_phone: null });
  expect(await keptOf()).toEqual({ title: 'SURVEYOR', [mobile]: null });

  const told = await reports();
  expect(told).toHaveLength(ids.length);
  expect(told.find(({ entraId }) => entraId === id)).toMatchObject({
    operation: 'kept',
    action: 'other',
    code: null,
    reason: expect.stringMatching(/another value than it was given for title; .*nothing .* for phoneNumbers/),
    modified: expect.arrayContaining([
      { displayName: 'title', oldValue: 'Surveyor', newValue: 'SURVEYOR' },
      { displayName: mobile, oldValue: '+49 1', newValue: null },
    ]),
  });
  const warnings = await keptWarnings(pool, first.cycleId, false);
  expect(warnings).toEqual([
    'Maptician keeps another value than it was given for title (12 users): see "log --status warning"',
    `Maptician keeps another value than it was given for ${mobile} (12 users): see "log --status warning"`,
  ]);

  for (const resync of [false, true, true]) {
    const { counts, exit, cycleId } = await world.sync({ resync });
    expect({ counts, exit }).toMatchObject({ exit: 0, counts: nothing });
    expect(await keptWarnings(pool, cycleId, false)).toEqual([]);
  }
  expect(await world.rows()).toEqual(before);
  expect(await reports()).toHaveLength(ids.length);
});

it('a change at the source is sent, and told of again only where Maptician keeps something new', async () => {
  const { world, tenant, id, keptOf, reports, pool, first } = await open(1);
  await pool.query('update cycles set warnings = $2 where id = $1', [
    first.cycleId,
    JSON.stringify(await keptWarnings(pool, first.cycleId, false)),
  ]);

  tenant.users.update(id, { mobilePhone: '+49 2' });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { ...nothing, updated: 1 } });
  expect(await reports(), 'dropped as ever').toHaveLength(1);

  tenant.users.update(id, { jobTitle: 'Chief' });
  const { cycleId, counts } = await world.sync();
  expect(counts).toMatchObject({ ...nothing, updated: 1 });
  expect(await keptOf()).toEqual({ title: 'CHIEF', [mobile]: null });
  const [news] = await reports();
  expect(news?.modified).toEqual([{ displayName: 'title', oldValue: 'Chief', newValue: 'CHIEF' }]);
  expect(await keptWarnings(pool, cycleId, false), 'an earlier cycle has warned of the attribute').toEqual([]);

  tenant.users.update(id, { jobTitle: 'CEO', mobilePhone: null });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { ...nothing, updated: 1 } });
  expect(await keptOf(), 'what it now holds as given').toEqual({});
  expect(await reports()).toHaveLength(2);
});

it('a resync mends what was changed by hand, beside what is kept, and sees where Maptician holds the wanted value', async () => {
  const { world, id, ids, keptOf } = await open(2);
  await world.pool.query(`update maptician.users set title = 'Surveyor' where external_id = $1`, [id]);
  await world.pool.query(`update maptician.users set title = 'by hand' where external_id = $1`, [ids[1]]);
  expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { ...nothing, updated: 1 } });
  expect(await keptOf()).toEqual({ [mobile]: null });
  const { rows } = await world.pool.query('select title from maptician.users order by title collate "C"');
  expect(rows).toEqual([{ title: 'SURVEYOR' }, { title: 'Surveyor' }]);
  expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: nothing });
});

it('an adopted account keeps its values, too', async () => {
  const { tenant, ids } = tenantOf(1);
  const { properties } = tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
  const world = await openWorld({ sandbox: { tenant } });
  worlds.push(world);
  const service = await world.service();
  await makeWilful(await service.store());
  await world.pool.query('insert into maptician.users (user_name, active) values ($1, true)', [
    properties.userPrincipalName,
  ]);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { ...nothing, updated: 1 } });
  const { rows } = await world.pool.query('select kept from maptician_sync.links');
  expect(rows).toEqual([{ kept: { title: 'SURVEYOR' } }]);
  const log = await readLog(service.database.pool, { limit: 10 });
  expect(log.map(({ operation, status }) => [operation, status])).toEqual([
    ['kept', 'warning'],
    ['adopt', 'success'],
  ]);
  expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: nothing });
});
