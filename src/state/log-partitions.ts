/**
 * The months of the provisioning log, which are partitions of its table: made before they begin, and dropped whole when
 * they are older than the log is kept. Months are those of UTC.
 */
import type pg from 'pg';
import { z } from 'zod';
import { type Queryable, transaction } from './database.ts';

/** Whoever writes the log waits behind a change of its months: one that cannot be made at once is made the next time. */
const lockTimeout = '1s';

const states = z.object({ missing: z.array(z.string()), expired: z.array(z.string()), leftOver: z.boolean() });

/** Makes this month and the next where they are missing; any number of processes may do it at once. */
export async function makeLogMonths(pool: pg.Pool): Promise<void> {
  const { missing } = await stateOfMonths(pool, undefined);
  for (const month of missing) await addMonth(pool, month);
}

/**
 * Makes months likewise, and drops what is older than so many days (undefined: nothing). Does nothing where nothing is to
 * be done. What has no month of its own goes into the default partition.
 */
export async function keepLogMonths(pool: pg.Pool, retentionDays: number | undefined): Promise<void> {
  const { missing, expired, leftOver } = await stateOfMonths(pool, retentionDays);
  for (const month of missing) await addMonth(pool, month);
  for (const name of expired) await underLock(pool, (client) => client.query(`drop table if exists "${name}"`));
  if (leftOver && retentionDays !== undefined) await replaceDefault(pool, retentionDays);
}

/**
 * A month ends at the same moment for everybody: it is expired when its end is older than the log is kept, and the default
 * partition when that of its newest entry is. That one is found by its id, since an index serves it.
 */
async function stateOfMonths(db: Queryable, retentionDays: number | undefined) {
  const { rows } = await db.query(
    `with months as (
       select c.relname as name, to_date(right(c.relname, 7), 'YYYY_MM')::timestamp as month
       from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'provisioning_log'::regclass and c.relname ~ '^provisioning_log_\\d{4}_\\d\\d$'
     ), kept as (
       select (now() - make_interval(days => $1)) at time zone 'UTC' as since
     ), newest as (
       select date_trunc('month', activity_at at time zone 'UTC') as month
       from provisioning_log_default order by id desc limit 1
     )
     select array(
         select to_char(series.month, 'YYYY-MM-DD')
         from generate_series(date_trunc('month', now() at time zone 'UTC'),
           date_trunc('month', now() at time zone 'UTC') + interval '1 month', interval '1 month') as series(month)
         where series.month not in (select month from months)
           and not exists (select from newest where newest.month >= series.month)) as missing,
       array(select name::text from months, kept where month + interval '1 month' <= since) as expired,
       exists (select from newest, kept where month + interval '1 month' <= since) as "leftOver"`,
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

/** As a whole, like a month: to copy what is still kept would hold up whoever writes the log. */
async function replaceDefault(pool: pg.Pool, retentionDays: number): Promise<void> {
  await underLock(pool, async (client) => {
    await client.query('lock table provisioning_log in access exclusive mode');
    const { leftOver } = await stateOfMonths(client, retentionDays);
    if (!leftOver) return;
    await client.query('drop table provisioning_log_default');
    await client.query('create table provisioning_log_default partition of provisioning_log default');
  });
}

function underLock(pool: pg.Pool, change: (client: pg.PoolClient) => Promise<unknown>): Promise<void> {
  return transaction(pool, async (client) => {
    await client.query(`set local lock_timeout = '${lockTimeout}'`);
    await change(client);
  });
}
