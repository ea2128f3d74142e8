/** State databases as older versions made them. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { runner } from 'node-pg-migrate';
import type pg from 'pg';

const dir = join(import.meta.dirname, '../../src/state/migrations');

/** In their order; the schema of each version is a number of them, from the first on. */
export const migrations: readonly string[] = readdirSync(dir)
  .map((file) => file.replace(/\.sql$/, ''))
  .sort();

/** Applies the first `count` of them. */
export async function migrateTo(url: string, count: number): Promise<void> {
  await runner({
    databaseUrl: url,
    dir,
    direction: 'up',
    count,
    migrationsTable: 'migrations',
    migrationsSchema: 'maptician_sync',
    schema: 'maptician_sync',
    createSchema: true,
    createMigrationsSchema: true,
    log: () => undefined,
  });
}

/** Leaves of an up-to-date state database what the schema of the first `count` migrations has a place for. */
export async function backTo(url: string, pool: pg.Pool, count: number): Promise<void> {
  await pool.query('alter schema maptician_sync rename to later');
  await migrateTo(url, count);
  const { rows } = await pool.query<{ name: string; columns: string; identity: string | null }>(
    `select c.relname as name, string_agg(quote_ident(a.attname), ', ') as columns,
       max(a.attname) filter (where a.attidentity <> '') as identity
     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where c.relnamespace = 'maptician_sync'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
       and c.relname <> 'migrations' and exists (
         select from information_schema.columns l
         where l.table_schema = 'later' and l.table_name = c.relname and l.column_name = a.attname)
     group by c.oid, c.relname
     -- As they were made: what refers to another comes after it.
     order by c.oid`,
  );
  for (const { name, columns, identity } of rows) {
    const table = `maptician_sync.${name}`;
    // The row of the job is there already.
    if (name === 'job') await pool.query(`delete from ${table}`);
    // A word that the first versions did not know.
    const known = name === 'provisioning_log' && count < logByMonths ? "where action <> 'stageddelete'" : '';
    await pool.query(
      `insert into ${table} (${columns}) overriding system value select ${columns} from later.${name} ${known}`,
    );
    if (identity === null) continue;
    await pool.query(`select setval(pg_get_serial_sequence($1, $2), greatest((select max(id) from ${table}), 1))`, [
      table,
      identity,
    ]);
  }
  if (count >= logByMonths) {
    await pool.query(
      `select setval('maptician_sync.provisioning_log_ids', (select max(id) from later.provisioning_log))`,
    );
  }
  await pool.query('drop schema later cascade');
}

/** From this migration on the log's ids come of a sequence that belongs to no table's column. */
const logByMonths = migrations.indexOf('0006_provisioning_log') + 1;
