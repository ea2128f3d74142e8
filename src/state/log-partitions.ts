/**
 * The months of the provisioning log, which are partitions of its table: made before they begin, and dropped whole when
 * they are older than the log is kept. Months are those of UTC.
 */
import type pg from 'pg';
import { z } from 'zod';
import { type Queryable, transaction } from './database.ts';

/** Whoever reads or writes the log has it for moments; a month that cannot be made or dropped now is so the next time. */
const lockTimeout = '5s';

const states = z.object({ missing: z.array(z.string()), expired: z.array(z.string()), leftOver: z.boolean() });

/**
 * Makes this month and the next, and drops what is older than so many days (undefined: nothing). Does nothing where nothing
 * is to be done; any number of processes may do it at once. What has no month of its own goes into the default partition.
 */
export async function keepLogMonths(pool: pg.Pool, retentionDays: number | undefined): Promise<void> {
  const found = await stateOfMonths(pool, retentionDays);
  for (const month of found.missing) await addMonth(pool, month);
  for (const name of found.expired) await underLock(pool, (client) => client.query(`drop table if exists "${name}"`));
  if (found.leftOver && retentionDays !== undefined) await shortenDefault(pool, retentionDays);
}

/** A month ends at the same moment for everybody: it is expired when its end is older than the log is kept. */
async function stateOfMonths(db: Queryable, retentionDays: number | undefined) {
  const { rows } = await db.query(
    `with months as (
       select c.relname as name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp as month
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'provisioning_log'::regclass and c.relname ~ '^provisioning_log_\\d{4}_\\d\\d$'
     ), kept as (
       select (now() - make_interval(days => $1)) at time zone 'UTC' as since
     )
     select array(
         select to_char(month, 'YYYY-MM-DD')
         from generate_series(date_trunc('month', now() at time zone 'UTC'),
           date_trunc('month', now() at time zone 'UTC') + interval '1 month', interval '1 month') as month
         where month not in (select month from months)) as missing,
       array(select name::text from months, kept where month + interval '1 month' <= since) as expired,
       exists (select from provisioning_log_default, kept where activity_at < since at time zone 'UTC') as "leftOver"`,
    [retentionDays ?? null],
  );
  return states.parse(rows[0]);
}

async function addMonth(pool: pg.Pool, month: string): Promise<void> {
  await underLock(pool, (client) => client.query('select add_log_partition($1::date)', [month])).catch(
    (thrown: unknown) => {
      if (!(thrown instanceof Error && 'code' in thrown && mayStay.includes(String(thrown.code)))) throw thrown;
    },
  );
}

/** Another process was faster (three codes for it), or the default partition has rows of that month: they stay together. */
const mayStay = ['42P07', '42P17', '23505', '23514'];

/** The default partition is replaced by one with what is still kept, since rows are not deleted. */
async function shortenDefault(pool: pg.Pool, retentionDays: number): Promise<void> {
  await underLock(pool, async (client) => {
    await client.query('alter table provisioning_log detach partition provisioning_log_default');
    await client.query('alter table provisioning_log_default rename to provisioning_log_left_over');
    await client.query('create table provisioning_log_default partition of provisioning_log default');
    await client.query(
      `insert into provisioning_log_default select * from provisioning_log_left_over
       where activity_at >= now() - make_interval(days => $1)`,
      [retentionDays],
    );
    await client.query('drop table provisioning_log_left_over');
  });
}

function underLock(pool: pg.Pool, change: (client: pg.PoolClient) => Promise<unknown>): Promise<void> {
  return transaction(pool, async (client) => {
    await client.query(`set local lock_timeout = '${lockTimeout}'`);
    await change(client);
  });
}
