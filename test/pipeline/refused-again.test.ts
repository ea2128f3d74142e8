import { afterEach, describe, expect, it } from 'vitest';
import type { Foreseen } from '../../src/cycle/foresee.ts';
import { planOnly } from '../../src/cycle/plan-only.ts';
import { type ErrorCode, SyncError } from '../../src/errors.ts';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import { readLog } from '../../src/state/provisioning-log.ts';
import { tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

interface Refusal {
  readonly code: ErrorCode;
  readonly httpStatus: number;
  readonly of: (attributes: UserAttributes) => boolean;
}

const chiefs: Refusal = { code: 'UnprocessableEntity', httpStatus: 400, of: ({ title }) => title === 'Chief' };

/** A world whose user store refuses some writes, as a SCIM server does, and counts what it was sent. */
async function open(people: number, refusal: Refusal = chiefs) {
  const { tenant, ids } = tenantOf(people);
  const world = await openWorld({ sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  worlds.push(world);
  const refused: { current: Refusal | undefined; sent: number } = { current: refusal, sent: 0 };
  const resist = async () => {
    const store = await (await world.service()).store();
    const { create, update } = store;
    const fail = (key: string) => {
      const { code = 'InternalError', httpStatus = 500 } = refused.current ?? {};
      const error = new SyncError(code, `Maptician answered ${httpStatus}`, { httpStatus, detail: 'it says no' });
      return { key, outcome: 'failed' as const, error };
    };
    const isRefused = (attributes: UserAttributes) => {
      const no = refused.current?.of(attributes) === true;
      if (no) refused.sent += 1;
      return no;
    };
    Object.assign(store, {
      create: async (...[requests, lookUp]: Parameters<typeof create>) => {
        const bad = requests.filter(({ attributes }) => isRefused(attributes));
        const good = requests.filter((request) => !bad.includes(request));
        return [...(await create(good, lookUp)), ...bad.map(({ key }) => fail(key))];
      },
      update: async (...[requests]: Parameters<typeof update>) => {
        const bad = requests.filter(({ changes }) => isRefused(changes));
        const good = requests.filter((request) => !bad.includes(request));
        return [...(await update(good)), ...bad.map(({ key }) => fail(key))];
      },
    });
  };
  await resist();
  const compareEveryone = () =>
    world.pool.query(
      'insert into maptician_sync.to_compare select id from maptician_sync.users on conflict do nothing',
    );
  const escrow = async () =>
    (await world.pool.query('select code, http_status, attempts, payload from maptician_sync.escrow')).rows;
  const failures = async () => readLog((await world.service()).database.pool, { status: 'failure', limit: 100 });
  return { world, tenant, ids, id: ids[0] ?? '', refused, resist, compareEveryone, escrow, failures };
}

describe('what Maptician refused', () => {
  it('is not sent again while it is the same, and goes out at once when it changes', async () => {
    const { world, tenant, id, refused, compareEveryone, escrow, failures } = await open(3);
    tenant.users.update(id, { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 2, failed: 1 } });
    expect(refused.sent).toBe(1);
    expect(await escrow()).toEqual([
      { code: 'UnprocessableEntity', http_status: 400, attempts: 1, payload: expect.stringMatching(/^[0-9a-f]{32}$/) },
    ]);

    for (let cycle = 1; cycle <= 2; cycle++) {
      await compareEveryone();
      expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 0, failed: 1 } });
    }
    expect(refused.sent, 'the very same').toBe(1);
    expect(await escrow()).toEqual([expect.objectContaining({ attempts: 1 })]);
    expect(await failures(), 'and no word more of it').toHaveLength(1);
    expect((await world.pool.query('select from maptician_sync.to_compare')).rowCount).toBe(0);

    tenant.users.update(id, { givenName: 'Ada' });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    expect(refused.sent, 'another payload').toBe(2);
    expect((await failures()).map(({ attempt, httpStatus, reason }) => ({ attempt, httpStatus, reason }))).toEqual([
      { attempt: 2, httpStatus: 400, reason: 'it says no' },
      { attempt: 1, httpStatus: 400, reason: 'it says no' },
    ]);

    tenant.users.update(id, { jobTitle: 'Surveyor' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, failed: 0 } });
    expect(await escrow()).toEqual([]);
  });

  it('is sent again when its retry comes due, and by a resync', async () => {
    const { world, tenant, id, refused } = await open(2);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    tenant.users.update(id, { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    await world.pool.query('update maptician_sync.escrow set next_retry_at = now()');
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    expect(refused.sent).toBe(2);
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    expect(refused.sent).toBe(2);
    refused.current = undefined;
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { updated: 1, failed: 0 } });
  });

  it('is left alone where everyone is compared anew, too, and the dry run says why', async () => {
    const { world, tenant, id, refused, resist } = await open(2);
    tenant.users.update(id, { jobTitle: 'Chief' });
    await world.sync();
    await world.restart({ FLOW_NULL_VALUES: 'false' });
    await resist();
    const planned: Foreseen[] = [];
    await planOnly(await (await world.service()).cycleContext(), { each: (batch) => void planned.push(...batch) });
    expect(planned.map(({ decision }) => decision)).toEqual([
      { kind: 'refused', reason: expect.stringMatching(/UnprocessableEntity.*create/) },
    ]);
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 0, failed: 1 } });
    expect(refused.sent).toBe(1);
  });

  it('leaves escrow when it is not wanted any more', async () => {
    const { world, tenant, id, escrow } = await open(3);
    await world.sync();
    tenant.users.update(id, { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    tenant.users.update(id, { jobTitle: null });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { failed: 0 } });
    expect(await escrow()).toEqual([]);
  });

  it('and may pass by itself is sent again in the next cycle', async () => {
    const { world, tenant, id, refused, escrow, failures } = await open(1, {
      ...chiefs,
      code: 'InternalServerError',
      httpStatus: 503,
    });
    tenant.users.update(id, { jobTitle: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
    expect(await escrow()).toEqual([expect.objectContaining({ http_status: 503, payload: null })]);
    expect(await failures()).toEqual([expect.objectContaining({ attempt: 1, httpStatus: 503 })]);
    refused.current = undefined;
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1 } });
  });
});

it('a removal that was refused is sent again when an operator approves it, and not before its retry', async () => {
  const { world, tenant, ids, refused, compareEveryone } = await open(12, {
    code: 'MethodNotAllowed',
    httpStatus: 405,
    of: ({ active }) => active === false,
  });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 12 } });
  const { rows } = await world.pool.query<{ id: string }>('select id from maptician_sync.users order by id limit 1');
  const leaver = rows[0]?.id ?? '';
  tenant.users.update(leaver, { accountEnabled: false });
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1, held: 0 } });
  await compareEveryone();
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1, held: 0 } });
  expect(refused.sent).toBe(1);
  expect(ids).toContain(leaver);

  // As it stands after a removal was held, tried and held again.
  await world.pool.query(
    `insert into maptician_sync.operations (cycle_id, entra_id, kind, maptician_id, attributes, state)
     select 1, entra_id, 'deactivate', maptician_id, '{"active": false}', 'approved'
     from maptician_sync.links where entra_id = $1`,
    [leaver],
  );
  refused.current = undefined;
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1, failed: 0 } });
});

it('a name that an account was refused to yield is not sent again in every cycle that waits for it', async () => {
  const { world, tenant, ids, refused } = await open(2, {
    code: 'Conflict',
    httpStatus: 409,
    of: ({ userName }) => typeof userName === 'string' && /^[0-9a-f]{32}/.test(userName),
  });
  const [leaver = '', heir = ''] = ids;
  await world.sync();
  const name = tenant.users.find(leaver)?.properties.userPrincipalName ?? '';
  tenant.users.delete(leaver);
  tenant.users.update(heir, { userPrincipalName: name });
  expect(await world.sync()).toMatchObject({ exit: 1 });
  expect(refused.sent).toBe(1);
  expect(await world.sync()).toMatchObject({ exit: 1 });
  expect(refused.sent).toBe(1);
  refused.current = undefined;
  await world.pool.query('update maptician_sync.escrow set next_retry_at = now()');
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { failed: 0 } });
  expect((await world.rows()).find((row) => row.external_id === heir)?.user_name).toBe(name);
});
