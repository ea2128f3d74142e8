import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';
import { afterEach, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';
import { openDatabase } from '../src/state/database.ts';
import { readLog, writeLog } from '../src/state/provisioning-log.ts';
import { tenantOf } from './pipeline/people.ts';
import { openWorld } from './pipeline/world.ts';
import { entryOf } from './provisioning-log/entries.ts';
import { createDatabase } from './support/database.ts';
import { openTestPool } from './support/pool.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Makes the schema of the first version. */
async function migrateToFirst(url: string): Promise<void> {
  await runner({
    databaseUrl: url,
    dir: join(import.meta.dirname, '../src/state/migrations'),
    direction: 'up',
    count: 1,
    migrationsTable: 'migrations',
    migrationsSchema: 'maptician_sync',
    schema: 'maptician_sync',
    createSchema: true,
    createMigrationsSchema: true,
    log: () => undefined,
  });
}

/** A state database as the first version made it. */
async function openFirst() {
  const { url, drop } = await createDatabase();
  await migrateToFirst(url);
  const pool = openTestPool(url);
  cleanups.push(drop, () => pool.end());
  return { url, pool };
}

/** Leaves of a state database what the first version would have of it. */
async function backToFirst(url: string, pool: pg.Pool): Promise<void> {
  await pool.query('alter schema maptician_sync rename to later');
  await migrateToFirst(url);
  const { rows } = await pool.query<{ name: string; columns: string }>(
    `select table_name as name, string_agg(quote_ident(column_name), ', ') as columns from information_schema.columns first
     where table_schema = 'maptician_sync' and table_name <> 'migrations' and exists (
       select from information_schema.columns l
       where l.table_schema = 'later' and l.table_name = first.table_name and l.column_name = first.column_name)
     group by 1`,
  );
  for (const { name, columns } of rows) {
    await pool.query(
      `insert into maptician_sync.${name} (${columns}) overriding system value select ${columns} from later.${name}`,
    );
  }
  for (const name of ['cycles', 'operations', 'provisioning_log', 'notifications']) {
    await pool.query(`select setval(pg_get_serial_sequence('maptician_sync.${name}', 'id'), 1000)`);
  }
  await pool.query('drop schema later cascade');
}

it('a state database of the first version keeps its links and its log', async () => {
  const { url, pool } = await openFirst();
  const id = '6204c1d1-4712-4c46-a7d9-3ed63d992682';
  await pool.query(
    `insert into maptician_sync.links (entra_id, maptician_id, user_name, active, applied)
     values ($1, 'm1', 'ada@contoso.example', true, '{"title": "Chief"}')`,
    [id],
  );
  await pool.query(
    `insert into maptician_sync.provisioning_log
       (activity_at, cycle_id, action, operation, status, entra_id, code, reason)
     select at::timestamptz, 1, 'create', 'create', 'failure', $1, 'Conflict', 'taken'
     from unnest(array['2026-03-31 23:59:59+00', '2026-05-01 00:00:00+00']) as at`,
    [id],
  );
  const database = await openDatabase({ databaseUrl: url, home: '/nowhere', log: createLog('silent') });
  cleanups.push(() => database.close());
  expect((await database.pool.query('select user_name, applied, kept from links')).rows).toEqual([
    { user_name: 'ada@contoso.example', applied: { title: 'Chief' }, kept: {} },
  ]);
  expect(await readLog(database.pool, { limit: 10 })).toMatchObject([
    { id: 2, entraId: id, code: 'Conflict', reason: 'taken', httpStatus: null, attempt: null, durationMs: null },
    { id: 1, activityAt: new Date('2026-03-31T23:59:59Z') },
  ]);
  const months = await database.pool.query<{ name: string; rows: number }>(
    'select tableoid::regclass::text as name, count(*)::integer as rows from provisioning_log group by 1 order by 1',
  );
  expect(months.rows).toEqual([
    { name: 'provisioning_log_2026_03', rows: 1 },
    { name: 'provisioning_log_2026_05', rows: 1 },
  ]);
  await writeLog(database.pool, 1, [entryOf({ entraId: id })]);
  expect(await readLog(database.pool, { limit: 1 })).toMatchObject([{ id: 3, entraId: id }]);
});

it('the worker goes on with a state database of the first version, and an idle cycle does nothing', async () => {
  const { tenant, ids } = tenantOf(3);
  const world = await openWorld({ sandbox: { tenant } });
  cleanups.push(() => world.close());
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
  await world.restart();
  await backToFirst(world.databaseUrl, world.pool);

  const before = await world.rows();
  expect(await world.sync()).toMatchObject({ exit: 0, kind: 'incremental', counts: { created: 0, updated: 0 } });
  expect(await world.rows()).toEqual(before);
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 1 } });
});
