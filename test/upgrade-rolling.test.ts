/** Workers of the version before run on while a newer one upgrades the state database: what they say must still hold. */
import type pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { tenantOf } from './pipeline/people.ts';
import { openWorld } from './pipeline/world.ts';
import { createDatabase } from './support/database.ts';
import { migrateTo, migrations } from './support/older-schema.ts';
import { openTestPool } from './support/pool.ts';

interface Column {
  readonly name: string;
  readonly type: string;
  /** An insert must name it. */
  readonly required: boolean;
}

interface Table {
  readonly name: string;
  /** Another number means that its rows were written anew, under a lock that lets nobody read. */
  readonly file: number;
  readonly columns: readonly Column[];
}

async function tablesOf(pool: pg.Pool): Promise<Table[]> {
  const { rows } = await pool.query<Table>(
    `select c.relname as name, pg_relation_filenode(c.oid)::integer as file,
       json_agg(json_build_object('name', a.attname, 'type', format_type(a.atttypid, a.atttypmod),
         'required', a.attnotnull and not a.atthasdef and a.attidentity = '') order by a.attnum) as columns
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'maptician_sync'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
     group by c.oid, c.relname`,
  );
  return rows;
}

/** What a worker that knows the tables only as they were would stumble upon. */
function breaks(before: readonly Table[], after: readonly Table[]): string[] {
  return before.flatMap(({ name, file, columns }) => {
    const now = after.find((table) => table.name === name);
    if (now === undefined) return [`${name} is gone`];
    const gone = columns.filter(({ name, type }) => !now.columns.some((one) => one.name === name && one.type === type));
    const wanted = now.columns.filter((one) => one.required && !columns.some(({ name }) => name === one.name));
    return [
      ...gone.map((column) => `${name}.${column.name} is gone or of another type`),
      ...wanted.map((column) => `${name}.${column.name} is new and has no default`),
      ...(now.file === file ? [] : [`${name} is written anew`]),
    ];
  });
}

/** From before there was a release to upgrade from. No other may be added. */
const breaking: Readonly<Record<string, readonly string[]>> = {
  '0006_provisioning_log': ['provisioning_log is written anew'],
  '0007_notifications': [
    'notifications.sent_at is gone or of another type',
    'notifications.last_error is gone or of another type',
    'escrow.mailed_at is gone or of another type',
  ],
};

describe('a migration', () => {
  it('leaves all that older workers name, wants nothing new of them, and writes no table anew', async () => {
    const { url, drop } = await createDatabase();
    onTestFinished(drop);
    const pool = openTestPool(url);
    onTestFinished(() => pool.end());
    const found: Record<string, string[]> = {};
    let before: Table[] = [];
    for (const name of migrations) {
      await migrateTo(url, 1);
      const after = await tablesOf(pool);
      found[name] = breaks(before, after).sort();
      before = after;
    }
    const expected = migrations.map((name) => [name, [...(breaking[name] ?? [])].sort()]);
    expect(found).toEqual(Object.fromEntries(expected));
  });
});

it('a worker that runs does its work while columns are added to all of its tables', async () => {
  const { tenant, ids } = tenantOf(3);
  const world = await openWorld({ sandbox: { tenant } });
  onTestFinished(() => world.close());
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
  // Its connections stay open, with the statements that they have prepared.
  for (const { name } of await tablesOf(world.pool)) {
    await world.pool.query(`alter table maptician_sync.${name} add column of_tomorrow text not null default 'new'`);
  }
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
  tenant.users.update(ids[1] ?? '', { userPrincipalName: '' });
  tenant.unassign(ids[2] ?? '');
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { updated: 1, failed: 1, deactivated: 1 } });
  expect(await world.sync({ resync: true })).toMatchObject({ exit: 1, counts: { updated: 0 } });
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { updated: 0 } });
});
