/** The controlled clock: all that is remembered of times is in Postgres, so time passes by making all of it older. */
import type pg from 'pg';

/** As if `interval` (such as `6 hours`) had passed since everything so far. `pool` is a superuser's. */
export async function passTime(pool: pg.Pool, interval: string): Promise<void> {
  const { rows } = await pool.query<{ table: string; columns: string[] }>(
    `select format('%I.%I', c.table_schema, c.table_name) as table, array_agg(c.column_name::text) as columns
     from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
       join pg_class on pg_class.oid = format('%I.%I', c.table_schema, c.table_name)::regclass
     where c.table_schema = 'maptician_sync' and t.table_type = 'BASE TABLE' and not relispartition
       and c.data_type = 'timestamp with time zone'
     group by 1`,
  );
  const client = await pool.connect();
  try {
    // What forbids changes of the log is for everybody else.
    await client.query('begin; set local session_replication_role = replica');
    for (const { table, columns } of rows) {
      const moved = columns.map((column) => `${column} = ${column} - $1::interval`);
      await client.query(`update ${table} set ${moved.join(', ')}`, [interval]);
    }
    await client.query('commit');
  } catch (thrown) {
    await client.query('rollback');
    throw thrown;
  } finally {
    client.release();
  }
}
