import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPostgresUserStore } from '../src/maptician/postgres/postgres-user-store.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { openTestPool } from './support/pool.ts';
import { bareUser, createAll, resultOf } from './user-store-contract.ts';

let database: TestDatabase;
let pool: pg.Pool;
const store = () => openPostgresUserStore({ pool });

beforeEach(async () => {
  database = await createDatabase();
  pool = openTestPool(database.url);
  await store().prepare();
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

const people = (count: number) => Array.from({ length: count }, (_, index) => bareUser(`user${index}@a.example`));

async function statementsOf(work: () => Promise<unknown>): Promise<number> {
  const query = pg.Client.prototype.query;
  let count = 0;
  pg.Client.prototype.query = function (this: pg.Client, ...args: unknown[]) {
    count++;
    return Reflect.apply(query, this, args);
  } as typeof query;
  try {
    await work();
  } finally {
    pg.Client.prototype.query = query;
  }
  return count;
}

const rules = [
  ['a CHECK constraint', `alter table maptician.users add constraint no_boss check (title <> 'Boss')`],
  [
    'a trigger of the owner',
    `create function no_boss() returns trigger language plpgsql as $$ begin
       if new.title = 'Boss' then raise exception 'no_boss: % is not allowed', new.title using errcode = 'MY001'; end if;
       return new;
     end $$;
     create trigger no_boss before insert or update on maptician.users for each row execute function no_boss()`,
  ],
  [
    'a constraint trigger that is checked at the commit',
    `create function no_boss() returns trigger language plpgsql as $$ begin
       if new.title = 'Boss' then raise exception 'no_boss'; end if;
       return null;
     end $$;
     create constraint trigger no_boss after insert or update on maptician.users
       deferrable initially deferred for each row execute function no_boss()`,
  ],
] as const;

describe.each(rules)('one bad user in 500, by %s,', (_, rule) => {
  beforeEach(async () => {
    await pool.query(rule);
  });

  test('is refused alone when they are created, at the price of a few statements', async () => {
    const requests = people(500).map((user, index) => ({
      key: String(index),
      attributes: index === 321 ? { ...user, title: 'Boss' } : user,
    }));
    let results = await store().create([]);
    const statements = await statementsOf(async () => {
      results = await store().create(requests);
    });
    expect(resultOf(results, '321')).toMatchObject({ outcome: 'failed', error: { code: 'UnprocessableEntity' } });
    expect(resultOf(results, '321')).toHaveProperty('error.detail', expect.stringContaining('no_boss'));
    expect(results.filter((result) => result.outcome === 'done')).toHaveLength(499);
    expect((await pool.query('select from maptician.users')).rowCount).toBe(499);
    expect(statements).toBeLessThan(60);
  });

  test('is refused alone when they are updated', async () => {
    const ids = await createAll(store(), people(500));
    const requests = ids.map((id, index) => ({ key: id, id, changes: { title: index === 7 ? 'Boss' : 'Staff' } }));
    const results = await store().update(requests);
    expect(resultOf(results, ids[7] ?? '')).toMatchObject({
      outcome: 'failed',
      error: { code: 'UnprocessableEntity' },
    });
    expect(results.filter((result) => result.outcome === 'done')).toHaveLength(499);
    expect((await pool.query(`select from maptician.users where title = 'Staff'`)).rowCount).toBe(499);
  });
});

describe('a batch of renames with a bad user in it', () => {
  test('still swaps those who have nothing to do with it', async () => {
    await pool.query(`alter table maptician.users add constraint no_boss check (title <> 'Boss')`);
    const [a = '', b = '', c = '', d = '', e = ''] = await createAll(store(), people(5));
    const results = await store().update([
      { key: 'a', id: a, changes: { userName: 'user1@a.example' } },
      { key: 'b', id: b, changes: { userName: 'user0@a.example' } },
      { key: 'c', id: c, changes: { userName: 'user3@a.example', title: 'Boss' } },
      { key: 'd', id: d, changes: { userName: 'user2@a.example' } },
      { key: 'e', id: e, changes: { userName: 'new@a.example' } },
    ]);
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => resultOf(results, key).outcome)).toEqual([
      'done',
      'done',
      'failed',
      'conflict',
      'done',
    ]);
    const { rows } = await pool.query<{ user_name: string }>('select user_name from maptician.users');
    expect(rows.map((row) => row.user_name).sort()).toEqual([
      'new@a.example',
      'user0@a.example',
      'user1@a.example',
      'user2@a.example',
      'user3@a.example',
    ]);
  });

  test('leaves a ring of names as it was, because nobody can move up while one stays', async () => {
    await pool.query(`alter table maptician.users add constraint no_boss check (title <> 'Boss')`);
    const ids = await createAll(store(), people(20));
    const results = await store().update(
      ids.map((id, index) => ({
        key: id,
        id,
        changes: { userName: `user${(index + 1) % 20}@a.example`, title: index === 7 ? 'Boss' : 'Staff' },
      })),
    );
    expect(ids.map((id) => resultOf(results, id).outcome)).toEqual(
      ids.map((_, index) => (index === 7 ? 'failed' : 'conflict')),
    );
    const { rows } = await pool.query('select user_name, title from maptician.users order by created_at, id');
    expect(rows).toHaveLength(20);
    for (const row of rows) expect(row).toMatchObject({ user_name: expect.stringMatching(/^user\d+@/), title: null });
  });

  test('swaps names where a check allows addresses only', async () => {
    await pool.query(`alter table maptician.users add check (user_name ~ '^[a-z0-9.-]+@[a-z.]+$')`);
    const [a = '', b = ''] = await createAll(store(), people(2));
    const results = await store().update([
      { key: 'a', id: a, changes: { userName: 'user1@a.example' } },
      { key: 'b', id: b, changes: { userName: 'user0@a.example' } },
    ]);
    expect(results.map((result) => result.outcome)).toEqual(['done', 'done']);
  });
});

describe('a value that must be unique by a rule of the owner', () => {
  test('is a refusal of that user and not a conflict of names', async () => {
    await pool.query('create unique index on maptician.users (work_email)');
    const mail = { 'emails[type eq "work"].value': 'ann@a.example' };
    const results = await store().create([
      { key: '1', attributes: { ...bareUser('ann@a.example'), ...mail } },
      { key: '2', attributes: { ...bareUser('bob@a.example'), ...mail } },
      { key: '3', attributes: bareUser('eve@a.example') },
    ]);
    const failed = results.filter((result) => result.outcome !== 'done');
    expect(failed).toMatchObject([{ outcome: 'failed', error: { code: 'Conflict' } }]);
    expect(failed[0]).toHaveProperty('error.detail', expect.stringContaining('work_email'));
    expect(failed[0]).toHaveProperty('error.message', expect.not.stringContaining('ann@'));
  });
});

describe('a delete', () => {
  test('that a foreign key forbids is refused alone', async () => {
    const [a = '', b = ''] = await createAll(store(), people(2));
    await pool.query(`create table desks (user_id uuid references maptician.users); insert into desks values ('${a}')`);
    const results = await store().delete([
      { key: 'a', id: a },
      { key: 'b', id: b },
    ]);
    expect(resultOf(results, 'a')).toMatchObject({ outcome: 'failed', error: { code: 'UnprocessableEntity' } });
    expect(resultOf(results, 'b')).toMatchObject({ outcome: 'done', changed: true });
  });
});

describe('a whole call is rejected, and nothing of it is written,', () => {
  const requests = people(3).map((attributes, index) => ({ key: String(index), attributes }));

  test('as passing when the connection is cut in the middle of it', async () => {
    await pool.query(
      `create function cut() returns trigger language plpgsql as $$ begin
         if new.user_name = 'user2@a.example' then perform pg_terminate_backend(pg_backend_pid()); end if;
         return new;
       end $$;
       create trigger cut before insert on maptician.users for each row execute function cut()`,
    );
    await expect(store().create(requests)).rejects.toMatchObject({ code: 'WebExceptionProtocolError' });
    expect((await pool.query('select from maptician.users')).rowCount).toBe(0);
  });

  test('as passing when a statement takes too long', async () => {
    await pool.query(`alter database ${new URL(database.url).pathname.slice(1)} set statement_timeout = '100ms'`);
    const slow = openTestPool(database.url);
    const blocker = await pool.connect();
    await blocker.query('begin; lock table maptician.users');
    await expect(openPostgresUserStore({ pool: slow }).create(requests)).rejects.toMatchObject({ code: 'Timeout' });
    await blocker.query('rollback');
    blocker.release();
    await slow.end();
    expect((await pool.query('select from maptician.users')).rowCount).toBe(0);
  });

  test('when the table lost a column meanwhile', async () => {
    await pool.query('alter table maptician.users drop column title');
    await expect(store().create(requests)).rejects.toMatchObject({ code: 'SchemaAttributeNotFound' });
  });

  test.each([
    ['nothing listens at the address', 'postgres://u:p@127.0.0.1:1/db', 'Unreachable'],
    ['the host has no address', 'postgres://u:p@nowhere.invalid/db', 'Unreachable'],
  ])('when %s', async (_, connectionString, code) => {
    const away = openTestPool(connectionString);
    await expect(openPostgresUserStore({ pool: away }).create(requests)).rejects.toMatchObject({ code });
    await away.end();
  });

  test('when the database does not exist', async () => {
    const connectionString = Object.assign(new URL(database.url), { pathname: '/no_such_database' }).href;
    const away = openTestPool(connectionString);
    await expect(openPostgresUserStore({ pool: away }).prepare()).rejects.toMatchObject({ code: 'Misconfigured' });
    await away.end();
  });
});
