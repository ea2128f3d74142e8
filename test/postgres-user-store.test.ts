import type pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { attributePaths, type UserAttributes } from '../src/mapping/maptician-user.ts';
import { openPostgresUserStore } from '../src/maptician/postgres/postgres-user-store.ts';
import type { StoredUser } from '../src/maptician/user-store.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { openTestPool } from './support/pool.ts';
import { bareUser, completeUser, createAll, describeUserStore, resultOf } from './user-store-contract.ts';

/** The contract's columns, said a second time on purpose. */
const columns = [
  ['userName', 'user_name'],
  ['emails[type eq "work"].value', 'work_email'],
  ['active', 'active'],
  ['title', 'title'],
  ['userType', 'user_type'],
  ['name.givenName', 'given_name'],
  ['name.familyName', 'family_name'],
  ['addresses[type eq "work"].locality', 'work_locality'],
  ['addresses[type eq "work"].region', 'work_region'],
  ['phoneNumbers[type eq "work"].value', 'work_phone'],
  ['phoneNumbers[type eq "mobile"].value', 'mobile_phone'],
  ['externalId', 'external_id'],
  ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber', 'employee_number'],
  ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization', 'organization'],
  ['urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department', 'department'],
] as const;

async function readUsers(pool: pg.Pool): Promise<StoredUser[]> {
  const { rows } = await pool.query<Record<string, string | boolean | null>>(
    'select * from maptician.users order by id',
  );
  return rows.map((row) => ({
    id: String(row.id),
    attributes: Object.fromEntries(columns.map(([path, column]) => [path, row[column]])),
  }));
}

describeUserStore('postgres', async () => {
  const database = await createDatabase();
  const pool = openTestPool(database.url);
  return {
    store: openPostgresUserStore({ pool }),
    users: () => readUsers(pool),
    clear: async () => {
      await pool.query('truncate maptician.users');
    },
    refuse: async (title) => {
      await pool.query(
        `create function refuse() returns trigger language plpgsql as $$ begin
           if new.title = '${title}' then raise exception 'The title "%" is not allowed.', new.title; end if;
           return new;
         end $$;
         create trigger refuse before insert or update on maptician.users for each row execute function refuse()`,
      );
    },
    cleanup: async () => {
      await pool.end();
      await database.drop();
    },
  };
});

describe('the table maptician.users', () => {
  let database: TestDatabase;
  let pool: pg.Pool;
  const store = () => openPostgresUserStore({ pool });

  beforeAll(async () => {
    database = await createDatabase();
    pool = openTestPool(database.url);
    await store().prepare();
  });
  beforeEach(async () => {
    await pool.query('truncate maptician.users');
  });
  afterAll(async () => {
    await pool.end();
    await database.drop();
  });

  const names = async () => (await readUsers(pool)).map((user) => [user.id, user.attributes.userName] as const);
  const versions = async () =>
    (await pool.query('select id, xmin::text, created_at, updated_at from maptician.users order by id')).rows;
  const rename = (id: string | undefined, userName: string) => ({ key: `${id}`, id: `${id}`, changes: { userName } });
  const people = (count: number) => Array.from({ length: count }, (_, index) => bareUser(`user${index}@a.example`));

  test('has the columns of the contract', async () => {
    const { rows } = await pool.query(
      `select column_name || ' ' || data_type || case is_nullable when 'NO' then ' not null' else '' end as column
       from information_schema.columns where table_schema = 'maptician' order by ordinal_position`,
    );
    expect(rows.map((row) => row.column)).toEqual([
      'id uuid not null',
      'user_name text not null',
      'work_email text',
      'active boolean not null',
      ...columns.slice(3).map(([, column]) => `${column} text`),
      'created_at timestamp with time zone not null',
      'updated_at timestamp with time zone not null',
    ]);
    expect(columns.map(([path]) => path)).toEqual(attributePaths);
  });

  test('moves updated_at with a change, and keeps created_at and the id', async () => {
    const [id = ''] = await createAll(store(), [bareUser('ann@a.example')]);
    const [before] = await versions();
    expect(before.updated_at).toEqual(before.created_at);
    await store().update([{ key: 'k', id, changes: { title: 'Chief' } }]);
    const [after] = await versions();
    expect(after).toMatchObject({ id, created_at: before.created_at });
    expect(after.updated_at.getTime()).toBeGreaterThan(before.updated_at.getTime());
  });

  test('has the very same row versions after every write is repeated', async () => {
    const users = [completeUser('ann@a.example'), completeUser('bob@a.example'), completeUser('eve@a.example')];
    const [ann = '', bob = '', eve = ''] = await createAll(store(), users);
    const updates = [
      { key: '1', id: ann, changes: { userName: 'bob@a.example', title: null } },
      { key: '2', id: bob, changes: { userName: 'ann@a.example', active: false } },
    ];
    await store().update(updates);
    await store().delete([{ key: '3', id: eve }]);
    const before = await versions();
    expect(await store().update(updates)).toMatchObject([{ changed: false }, { changed: false }]);
    expect(await store().delete([{ key: '3', id: eve }])).toMatchObject([{ outcome: 'missing' }]);
    expect(await store().create([{ key: '4', attributes: completeUser('ann@a.example') }])).toMatchObject([
      { outcome: 'conflict' },
    ]);
    expect(await versions()).toEqual(before);
  });

  test('lets two users swap names in one call', async () => {
    const [ann, bob] = await createAll(store(), [bareUser('ann@a.example'), bareUser('bob@a.example')]);
    const results = await store().update([rename(ann, 'Bob@a.example'), rename(bob, 'Ann@a.example')]);
    expect(results).toMatchObject([
      { outcome: 'done', changed: true },
      { outcome: 'done', changed: true },
    ]);
    expect(new Map(await names())).toEqual(
      new Map([
        [ann, 'Bob@a.example'],
        [bob, 'Ann@a.example'],
      ]),
    );
  });

  test('lets names go round among three, and move down a chain of 500', async () => {
    const ids = await createAll(store(), people(500));
    const cycle = [
      rename(ids[0], 'user1@a.example'),
      rename(ids[1], 'user2@a.example'),
      rename(ids[2], 'user0@a.example'),
    ];
    expect((await store().update(cycle)).map((result) => result.outcome)).toEqual(['done', 'done', 'done']);
    const now = new Map(await names());
    expect(ids.slice(0, 3).map((id) => now.get(id))).toEqual(['user1@a.example', 'user2@a.example', 'user0@a.example']);

    const chain = [...now].map(([id, name]) =>
      rename(id, `user${Number(/\d+/.exec(String(name))?.[0]) + 1}@a.example`),
    );
    expect(new Set((await store().update(chain)).map((result) => result.outcome))).toEqual(new Set(['done']));
    expect(new Map(await names())).toEqual(new Map(chain.map((request) => [request.id, request.changes.userName])));
  });

  test('gives a name that two want in one call to the first', async () => {
    const [ann, bob] = await createAll(store(), [bareUser('ann@a.example'), bareUser('bob@a.example')]);
    const results = await store().update([rename(ann, 'new@a.example'), rename(bob, 'NEW@a.example')]);
    expect([resultOf(results, `${ann}`).outcome, resultOf(results, `${bob}`).outcome]).toEqual(['done', 'conflict']);
    const created = await store().create([
      { key: '1', attributes: bareUser('eve@a.example') },
      { key: '2', attributes: bareUser('EVE@a.example') },
    ]);
    expect([resultOf(created, '1').outcome, resultOf(created, '2').outcome]).toEqual(['done', 'conflict']);
  });

  test('stops a chain of renames at a name that somebody outside it keeps', async () => {
    const [a, b, c, d] = await createAll(store(), people(4));
    const before = await names();
    const results = await store().update([
      rename(a, 'user1@a.example'),
      rename(b, 'user2@a.example'),
      rename(c, 'user3@a.example'),
      { key: `${d}`, id: `${d}`, changes: { title: 'stays' } },
    ]);
    expect([a, b, c, d].map((id) => resultOf(results, `${id}`).outcome)).toEqual([
      'conflict',
      'conflict',
      'conflict',
      'done',
    ]);
    expect(await names()).toEqual(before);
  });

  test('carries out two updates of one user in one call one after the other', async () => {
    const [id = ''] = await createAll(store(), [bareUser('ann@a.example')]);
    const results = await store().update([
      { key: '1', id, changes: { title: 'first', userType: 'Member' } },
      { key: '2', id: id.toUpperCase(), changes: { title: 'second' } },
    ]);
    expect(results.map((result) => [result.key, result.outcome])).toEqual([
      ['1', 'done'],
      ['2', 'done'],
    ]);
    expect((await readUsers(pool))[0]?.attributes).toMatchObject({ title: 'second', userType: 'Member' });
  });

  test('refuses a user without a userName, and a value Postgres cannot store, alone', async () => {
    const nameless: UserAttributes = { ...bareUser('x'), userName: null };
    const results = await store().create([
      { key: '1', attributes: bareUser('ann@a.example') },
      { key: '2', attributes: nameless },
      { key: '3', attributes: { ...bareUser('nul@a.example'), title: 'a\0b' } },
      { key: '4', attributes: bareUser('x'.repeat(3000).replaceAll('x', () => Math.random().toString(36))) },
    ]);
    expect(resultOf(results, '1').outcome).toBe('done');
    expect(resultOf(results, '2')).toMatchObject({ outcome: 'failed', error: { code: 'MandatoryFieldsMissing' } });
    expect(resultOf(results, '3')).toMatchObject({ outcome: 'failed', error: { code: 'UnprocessableEntity' } });
    expect(resultOf(results, '4')).toMatchObject({ outcome: 'failed', error: { code: 'UnprocessableEntity' } });
    expect(await store().match('userName', ['a\0b', 'ann@a.example'])).toEqual(
      new Map([
        ['a\0b', []],
        ['ann@a.example', [expect.anything()]],
      ]),
    );
  });

  test('has each name once when several processes create the same users at the same time, in different orders', async () => {
    const pools = Array.from({ length: 4 }, () => openTestPool(database.url));
    // Connected beforehand, so that they truly meet.
    await Promise.all(pools.map((each) => each.query('select 1')));
    for (let round = 0; round < 8; round++) {
      await pool.query('truncate maptician.users');
      const requests = people(500).map((attributes, index) => ({ key: String(index), attributes }));
      const answers = await Promise.all(
        pools.map((each, index) =>
          openPostgresUserStore({ pool: each }).create(index % 2 === 0 ? requests : requests.toReversed()),
        ),
      );
      const outcomes = answers.flat().map((result) => result.outcome);
      expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(500);
      expect(outcomes.filter((outcome) => outcome === 'conflict')).toHaveLength(1500);
      expect(await names()).toHaveLength(500);
    }
    await Promise.all(pools.map((each) => each.end()));
  });

  test('takes opposite updates of the same users from two processes at the same time', async () => {
    const ids = await createAll(store(), people(200));
    const other = openTestPool(database.url);
    await other.query('select 1');
    const updates = (title: string) => ids.map((id) => ({ key: id, id, changes: { title } }));
    for (let round = 0; round < 8; round++) {
      const answers = await Promise.all([
        store().update(updates(`a${round}`)),
        openPostgresUserStore({ pool: other }).update(updates(`b${round}`).toReversed()),
      ]);
      expect(answers.flat().every((result) => result.outcome === 'done')).toBe(true);
      expect(new Set((await readUsers(pool)).map((user) => user.attributes.title)).size).toBe(1);
    }
    await other.end();
  });

  test('takes 10,000 users through their lives in batches', async () => {
    const ids = await createAll(store(), people(10_000));
    const batches = Array.from({ length: 20 }, (_, index) => ids.slice(index * 500, index * 500 + 500));
    for (const batch of batches) {
      const results = await store().update(batch.map((id) => ({ key: id, id, changes: { title: 'Ⅻ' } })));
      expect(results.every((result) => result.outcome === 'done' && result.changed)).toBe(true);
    }
    expect((await readUsers(pool)).filter((user) => user.attributes.title === 'Ⅻ')).toHaveLength(10_000);
    for (const batch of batches) await store().delete(batch.map((id) => ({ key: id, id })));
    expect(await readUsers(pool)).toEqual([]);
  });
});
