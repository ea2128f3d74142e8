/** People whom a version without a search has read are found after the upgrade, at once by name and soon by all the rest. */
import { expect, it, onTestFinished } from 'vitest';
import { createLog } from '../src/log.ts';
import { openDatabase } from '../src/state/database.ts';
import { fillSearch } from '../src/state/fill-search.ts';
import { readUserList } from '../src/state/user-list.ts';
import { createDatabase } from './support/database.ts';
import { migrateTo, migrations } from './support/older-schema.ts';
import { openTestPool } from './support/pool.ts';

it('finds them by a name without its accents, then by whatever is not hidden', async () => {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  await migrateTo(url, migrations.indexOf('0011_search') + 1);
  const older = openTestPool(url);
  onTestFinished(() => older.end());
  await older.query(
    `insert into maptician_sync.users (id, user_name, attributes)
     select gen_random_uuid(), 'Björn' || n || '@contoso.example',
       jsonb_build_object('mail', 'Zoë' || n || '@mail.example', 'surname', 'Óskar' || n) from generate_series(1, 4500) as n`,
  );
  await older.query(`insert into maptician_sync.users (id, needs_read) values (gen_random_uuid(), true)`);

  const database = await openDatabase({ databaseUrl: url, home: '/nowhere', log: createLog('silent') });
  onTestFinished(() => database.close());
  const { pool } = database;
  const found = async (search: string) =>
    (await readUserList(pool, { search }, { limit: 10 })).users.map((u) => u.userName);
  expect(await found('bjorn4499@')).toEqual(['Björn4499@contoso.example']);
  expect(await found('BJÖRN4499@')).toEqual(['Björn4499@contoso.example']);
  expect(await found('zoe4499')).toEqual([]);

  // Somebody is being written elsewhere meanwhile: nobody waits for that.
  const elsewhere = await older.connect();
  await elsewhere.query('begin');
  await elsewhere.query(`update maptician_sync.users set suspect = null where user_name like 'Björn7@%'`);
  const { run } = fillSearch(pool, new Set(['surname']));
  await run(new AbortController().signal);
  const without = async () =>
    (await pool.query('select user_name from users where search is null and not needs_read')).rows.length;
  expect(await without()).toBe(1);
  await elsewhere.query('commit');
  elsewhere.release();
  await run(new AbortController().signal);
  expect(await without()).toBe(0);

  expect(await found('zoe4499')).toEqual(['Björn4499@contoso.example']);
  expect(await found('bjorn7@ zoe')).toEqual(['Björn7@contoso.example']);
  expect(await found('oskar4499')).toEqual([]);
});
