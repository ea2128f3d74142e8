import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import { afterEach, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';
import { openDatabase } from '../src/state/database.ts';
import { readLog } from '../src/state/provisioning-log.ts';
import { tenantOf } from './pipeline/people.ts';
import { openWorld } from './pipeline/world.ts';
import { createDatabase } from './support/database.ts';
import { openTestPool } from './support/pool.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A state database as the first version made it. */
async function openFirst() {
  const { url, drop } = await createDatabase();
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
  const pool = openTestPool(url);
  cleanups.push(drop, () => pool.end());
  return { url, pool };
}

const columns = `select table_name || '.' || column_name as name from information_schema.columns
  where table_schema = 'maptician_sync' order by 1`;

it('a state database of the first version keeps its links and its log', async () => {
  const { url, pool } = await openFirst();
  const id = '6204c1d1-4712-4c46-a7d9-3ed63d992682';
  await pool.query(
    `insert into maptician_sync.links (entra_id, maptician_id, user_name, active, applied)
     values ($1, 'm1', 'ada@contoso.example', true, '{"title": "Chief"}')`,
    [id],
  );
  await pool.query(
    `insert into maptician_sync.provisioning_log (cycle_id, action, operation, status, entra_id, code, reason)
     values (1, 'create', 'create', 'failure', $1, 'Conflict', 'taken')`,
    [id],
  );
  const database = await openDatabase({ databaseUrl: url, home: '/nowhere', log: createLog('silent') });
  cleanups.push(() => database.close());
  expect((await database.pool.query('select user_name, applied, kept from links')).rows).toEqual([
    { user_name: 'ada@contoso.example', applied: { title: 'Chief' }, kept: {} },
  ]);
  expect(await readLog(database.pool, { limit: 10 })).toMatchObject([
    { entraId: id, code: 'Conflict', reason: 'taken', httpStatus: null, attempt: null },
  ]);
});

it('the worker goes on with a state database of the first version, and an idle cycle does nothing', async () => {
  const { tenant, ids } = tenantOf(3);
  const world = await openWorld({ sandbox: { tenant } });
  cleanups.push(() => world.close());
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
  await world.restart();
  // Back to where the first version left it.
  await world.pool.query(`
    set search_path = maptician_sync;
    alter table users drop column filtered_out, drop column roles;
    drop index users_manager;
    alter table links drop column kept, drop column redacted;
    alter table operations drop column redacted, drop column flow_rules;
    alter table provisioning_log drop column http_status, drop column attempt;
    alter table escrow drop column http_status, drop column payload, drop column waits_for;
    alter table to_compare drop column contested;
    alter table operations drop column contested;
    alter table cycles drop column progress_done, drop column progress_total, drop column progress_at;
    alter table escrow alter column next_retry_at set not null;
    drop index links_work_email, escrow_last_cycle;
    drop table job;
    drop table request_pace, listed_accounts, account_listing;
    delete from migrations where name <> '0001_initial';
    reset search_path`);
  const first = await openFirst();
  expect((await world.pool.query(columns)).rows).toEqual((await first.pool.query(columns)).rows);

  const before = await world.rows();
  expect(await world.sync()).toMatchObject({ exit: 0, kind: 'incremental', counts: { created: 0, updated: 0 } });
  expect(await world.rows()).toEqual(before);
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 1 } });
});
