/** Fills the provisioning log of a migrated state database with half a year of cycles: set-based, in a quarter of a minute. */
import type pg from 'pg';

/** One initial cycle, then so many with as many entries each; a fifth of them failures of the same few users. */
const cycles = 4000;
const entriesEach = 200;
const failingUsers = 40;

/** A million entries and some, of the first 100,000 users; at the end 40,000 failures three times over. */
export async function fillLog(pool: pg.Pool): Promise<void> {
  const columns = `activity_at, cycle_id, action, operation, status, entra_id, user_name, maptician_id, code, reason,
    http_status, attempt, before, after`;
  const user = (n: string) =>
    `('00000000-0000-4000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid, 'person' || ${n} || '@contoso.example', 'm-' || ${n}`;
  const begin = (cycle: string) => `now() - interval '180 days' + ${cycle} * interval '64 minutes'`;
  await pool.query(
    `select add_log_partition(month::date) from generate_series(
       date_trunc('month', now()) - interval '6 months', date_trunc('month', now()), '1 month') as month`,
  );
  await pool.query(
    `insert into provisioning_log (${columns})
     select ${begin('0')} + n * interval '10 ms', 1, 'create', 'create', 'success', ${user('n')}, null, 'assigned', null, null,
       '{}', jsonb_build_object('userName', 'person' || n, 'title', 'Surveyor')
     from generate_series(1, 100000) n`,
  );
  await pool.query(
    `insert into provisioning_log (${columns})
     select ${begin('c')} + k * interval '10 ms', c, 'update', 'update', case when fails then 'failure' else 'success' end,
       ${user('u')}, case when fails then 'Conflict' end, case when fails then 'taken' else 'attributes changed in Entra' end,
       case when fails then 409 end, case when fails then c - 1 end, '{"title": "Surveyor"}', '{"title": "Chief"}'
     from generate_series(2, ${cycles + 1}) c, generate_series(1, ${entriesEach}) k, lateral (
       select k <= ${failingUsers} as fails,
         case when k <= ${failingUsers} then k else (c * 7919 + k * 104729) % 100000 + 1 end as u) x
     order by c, k`,
  );
  await pool.query(
    `insert into provisioning_log (${columns})
     select ${begin(`(${cycles + 1} + c)`)} + k * interval '1 ms', ${cycles + 1} + c, 'update', 'update', 'failure',
       ${user('(k + 50000)')}, 'MandatoryFieldsMissing', 'no value for userName', null, c, '{}', '{}'
     from generate_series(1, 3) c, generate_series(1, 40000) k order by c, k`,
  );
  await pool.query('vacuum analyze provisioning_log');
}
