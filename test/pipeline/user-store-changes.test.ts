import { afterEach, describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { openTestPool } from '../support/pool.ts';
import { tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function open(people: number) {
  const { tenant, ids } = tenantOf(people);
  const world: World = await openWorld({ sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  cleanups.push(() => world.close());
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: people } });
  return { world, tenant, ids };
}

describe('what was done to Maptician by somebody else', () => {
  it('is mended by a resync: changed values, accounts that are gone, and nothing else', async () => {
    const { world, ids } = await open(8);
    const [changed = '', deleted = '', untouched = ''] = ids;
    const before = await world.rows();
    await world.pool.query(`update maptician.users set active = false, title = 'by hand' where external_id = $1`, [
      changed,
    ]);
    await world.pool.query('delete from maptician.users where external_id = $1', [deleted]);

    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { created: 1, reactivated: 1 } });
    const after = await world.rows();
    const values = (rows: typeof after) =>
      rows.map(({ id: _id, xmin: _xmin, created_at: _created, updated_at: _updated, ...row }) => row);
    expect(values(after)).toEqual(values(before));
    const rowOf = (rows: typeof after, id: string) => rows.find((row) => row.external_id === id);
    expect(rowOf(after, changed)?.id).toBe(rowOf(before, changed)?.id);
    expect(rowOf(after, untouched)).toEqual(rowOf(before, untouched));
  });

  it('is mended in the same cycle where an account is missing when it is to be changed', async () => {
    const { world, tenant, ids } = await open(3);
    await world.pool.query('delete from maptician.users where external_id = $1', [ids[0]]);
    tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1 } });
    expect(await world.rows()).toHaveLength(3);
  });
});

describe('another user store', () => {
  it('gets everyone at the next cycle', async () => {
    const { world } = await open(6);
    const another = await createDatabase();
    const pool = openTestPool(another.url);
    cleanups.push(
      () => another.drop(),
      () => pool.end(),
    );
    await world.restart({ MAPTICIAN_DATABASE_URL: another.url });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 6 } });
    expect((await pool.query('select from maptician.users')).rowCount).toBe(6);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, updated: 0 } });
  });
});

describe('a row that somebody holds', () => {
  it('fails alone within a bounded time, and is written when it is free', async () => {
    const { world, tenant, ids } = await open(6);
    const holder = await world.pool.connect();
    await holder.query('begin');
    await holder.query('select from maptician.users where external_id = $1 for update', [ids[0]]);
    for (const id of ids) tenant.users.update(id, { jobTitle: 'Surveyor' });
    try {
      expect(await world.sync()).toMatchObject({ exit: 1, counts: { updated: 5, failed: 1 } });
    } finally {
      await holder.query('rollback');
      holder.release();
    }
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 1, failed: 0 } });
  }, 90_000);
});
