import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openPostgresUserStore } from '../src/maptician/postgres/postgres-user-store.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { openTestPool } from './support/pool.ts';
import { bareUser, createAll } from './user-store-contract.ts';

let database: TestDatabase;
let pool: pg.Pool;
const roles: string[] = [];

beforeEach(async () => {
  database = await createDatabase();
  pool = openTestPool(database.url);
});
afterEach(async () => {
  for (const role of roles.splice(0)) await pool.query(`drop owned by ${role}; drop role ${role}`);
  await pool.end();
  await database.drop();
});

const prepare = () => openPostgresUserStore({ pool }).prepare();

/** A table that fits, and what a test changes about it. */
async function existing(change: string): Promise<void> {
  await prepare();
  await pool.query(change);
}

/** A pool of an ordinary role with these rights. */
async function poolOf(grants: (role: string) => string): Promise<pg.Pool> {
  const role = `role_${randomUUID().replaceAll('-', '')}`;
  await pool.query(`create role ${role} login password 'secret'; ${grants(role)}`);
  roles.push(role);
  const url = new URL(database.url);
  url.username = role;
  url.password = 'secret';
  return openTestPool(url.href);
}

describe('preparing an empty database', () => {
  test('creates the schema and the table, once, when eight processes start together', async () => {
    const pools = Array.from({ length: 8 }, () => openTestPool(database.url));
    await Promise.all(pools.map((each) => openPostgresUserStore({ pool: each }).prepare()));
    await Promise.all(pools.map((each) => each.end()));
    expect(await createAll(openPostgresUserStore({ pool }), [bareUser('ann@a.example')])).toHaveLength(1);
  });

  test('works in a schema that is already there, for a role that may not create schemas', async () => {
    const limited = await poolOf((role) => `create schema maptician authorization ${role}`);
    await openPostgresUserStore({ pool: limited }).prepare();
    await createAll(openPostgresUserStore({ pool: limited }), [bareUser('ann@a.example')]);
    await limited.end();
  });

  test('is refused to a role without the right, by prepare and by check', async () => {
    const limited = await poolOf(() => '');
    const store = openPostgresUserStore({ pool: limited });
    await expect(store.prepare()).rejects.toMatchObject({ code: 'InsufficientRights' });
    await expect(store.check()).rejects.toMatchObject({
      code: 'InsufficientRights',
      message: expect.stringContaining('grant it CREATE on database'),
    });
    await limited.end();
  });

  test('is announced by check, which creates nothing', async () => {
    expect(await openPostgresUserStore({ pool }).check()).toMatch(/^PostgreSQL .* is created at the first start$/);
    const { rows } = await pool.query(`select to_regnamespace('maptician') as schema`);
    expect(rows).toEqual([{ schema: null }]);
  });
});

describe('an existing table is taken as it is', () => {
  test('with users in it, which check counts', async () => {
    await existing(`insert into maptician.users (user_name, active) values ('old@a.example', true)`);
    await prepare();
    expect(await openPostgresUserStore({ pool }).check()).toMatch(
      /^PostgreSQL .*, table maptician\.users with 1 users$/,
    );
  });

  test('with columns of its own, other text types, and no defaults on ours', async () => {
    await pool.query(
      `create schema maptician;
       create table maptician.users (
         badge serial, note text, score int not null default 0,
         updated_at timestamptz not null, created_at timestamptz,
         id uuid unique, user_name varchar(200), active boolean,
         work_email varchar(100), title text, user_type text, given_name text, family_name text, work_locality text,
         work_region text, work_phone text, mobile_phone text, external_id text, employee_number text,
         organization text, department text);
       create unique index on maptician.users (lower(user_name))`,
    );
    await prepare();
    const store = openPostgresUserStore({ pool });
    const [a = '', b = ''] = await createAll(store, [bareUser('ann@a.example'), bareUser('bob@a.example')]);
    await store.update([
      { key: 'a', id: a, changes: { userName: 'BOB@a.example' } },
      { key: 'b', id: b, changes: { userName: 'ANN@a.example' } },
    ]);
    expect((await store.match('userName', ['bob@a.example'])).get('bob@a.example')).toMatchObject([{ id: a }]);
    expect(await store.create([{ key: 'k', attributes: bareUser('ann@A.example') }])).toMatchObject([
      { outcome: 'conflict' },
    ]);
  });

  test('by a role that may only read and write it', async () => {
    await prepare();
    const limited = await poolOf(
      (role) => `grant usage on schema maptician to ${role};
                 grant select, insert, update, delete on maptician.users to ${role}`,
    );
    const store = openPostgresUserStore({ pool: limited });
    await store.prepare();
    const [id = ''] = await createAll(store, [bareUser('ann@a.example')]);
    expect(await store.delete([{ key: 'k', id }])).toMatchObject([{ outcome: 'done' }]);
    await limited.end();
  });
});

describe('an existing table is refused', () => {
  test.each([
    [
      'a missing column',
      'drop column title',
      'column title is missing: alter table maptician.users add column title text',
    ],
    ['a missing id', 'drop column id', 'column id is missing: alter table maptician.users add column id uuid'],
    ['a wrong type', 'alter title type int using 1', 'column title is integer; it must be text'],
    ['an active that is text', 'alter active type text', 'column active is text; it must be boolean'],
    ['an id that is text', 'alter id drop default, alter id type text', 'column id is text; it must be uuid'],
    [
      'a local time',
      'alter created_at type timestamp',
      'column created_at is timestamp without time zone; it must be timestamptz',
    ],
    ['a column that must not be empty', 'alter title set not null', 'column title must allow NULL'],
    [
      'a generated column',
      'drop title, add title text generated always as (user_name) stored',
      'column title is generated',
    ],
    [
      'a column of others that we would have to fill',
      'add shoe_size int not null',
      'column shoe_size is not written by maptician-sync',
    ],
    ['no key', 'drop constraint users_pkey', 'id is not unique'],
  ])('for %s', async (_, change, problem) => {
    await existing(`alter table maptician.users ${change}`);
    await expect(prepare()).rejects.toMatchObject({ code: 'Misconfigured', message: expect.stringContaining(problem) });
  });

  test.each([
    ['no unique user_name', ''],
    ['one that is unique with its case only', 'create unique index on maptician.users (user_name)'],
    ['one that is unique among some', 'create unique index on maptician.users (lower(user_name)) where active'],
    ['one that is unique with another column', 'create unique index on maptician.users (lower(user_name), title)'],
  ])('for %s', async (_, index) => {
    await existing(`drop index maptician.users_user_name_key; ${index}`);
    await expect(prepare()).rejects.toMatchObject({
      code: 'Misconfigured',
      message: expect.stringContaining('create unique index on maptician.users (lower(user_name))'),
    });
  });

  test('for everything that does not fit, in one message', async () => {
    await existing('alter table maptician.users drop column title, drop column id, alter active type text');
    await expect(prepare()).rejects.toThrow(
      /id is missing[\s\S]*active is text[\s\S]*title is missing[\s\S]*id is not unique/,
    );
  });

  test('when it is a view', async () => {
    await pool.query('create schema maptician; create view maptician.users as select 1 as id');
    await expect(prepare()).rejects.toMatchObject({
      code: 'Misconfigured',
      message: expect.stringContaining('not a table'),
    });
  });

  test('with the missing rights by name', async () => {
    await prepare();
    const limited = await poolOf(
      (role) => `grant usage on schema maptician to ${role}; grant select, insert on maptician.users to ${role}`,
    );
    await expect(openPostgresUserStore({ pool: limited }).prepare()).rejects.toMatchObject({
      code: 'InsufficientRights',
      message: expect.stringContaining('grant it UPDATE, DELETE on that table'),
    });
    await limited.end();
  });
});
