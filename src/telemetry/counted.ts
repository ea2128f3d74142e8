/** How many users, failures, operations and jobs there are: counted, which takes a while where there are very many. */
import type pg from 'pg';
import { jobCounts, type QueueBackend, type QueueName, queueNames } from '../queue/backend.ts';

export interface CountedUsers {
  /** Whom the mirror has, who is in scope, who has an account by us, and for whom it is active. */
  readonly users: Readonly<Record<'mirrored' | 'in_scope' | 'linked' | 'active', number>>;
  readonly escrow: readonly { readonly code: string; readonly users: number }[];
  readonly operations: readonly { readonly kind: string; readonly state: string; readonly operations: number }[];
  readonly drift: readonly { readonly kind: string; readonly accounts: number }[];
}

/**
 * Counts what lies in tables. Whoever is out of scope has an index of their own, and is counted instead of who is not: the
 * tables themselves are read only where their index does not do.
 */
export async function countUsers(pool: pg.Pool): Promise<CountedUsers> {
  const { rows } = await pool.query<CountedUsers['users']>(
    `select u.mirrored, u.mirrored - o.users - f.users as in_scope, l.linked, l.active
     from (select count(*) as mirrored from users) u,
       (select count(*) as users from users where not in_scope) o,
       (select count(*) as users from users where filtered_out and in_scope) f,
       (select count(*) as linked, count(*) filter (where active) as active from links) l`,
  );
  const escrow = await pool.query<CountedUsers['escrow'][number]>(
    'select code, count(*) as users from escrow group by 1',
  );
  const operations = await pool.query<CountedUsers['operations'][number]>(
    'select kind, state, count(*) as operations from operations group by 1, 2',
  );
  const drift = await pool.query<CountedUsers['drift'][number]>(
    'select kind, count(*) as accounts from drift where not repaired group by 1',
  );
  const users = rows[0] ?? { mirrored: 0, in_scope: 0, linked: 0, active: 0 };
  return { users, escrow: escrow.rows, operations: operations.rows, drift: drift.rows };
}

export type CountedJobs = readonly { readonly queue: QueueName; readonly state: string; readonly jobs: number }[];

export async function countJobs(backend: QueueBackend): Promise<CountedJobs> {
  const counts = await Promise.all(
    queueNames.map(async (name) => {
      const states = await jobCounts(backend.queue(name));
      return Object.entries(states).map(([state, jobs]) => ({ queue: name, state, jobs }));
    }),
  );
  return counts.flat();
}
