/** How many users, failures and operations there are: counted, which takes a while where there are very many. */
import type { Recall } from '../remember.ts';
import type { Queryable } from './database.ts';

export interface UserCounts {
  /** Whom the mirror has, who is in scope, who has an account by us, and for whom it is active. */
  readonly users: Readonly<Record<'mirrored' | 'in_scope' | 'linked' | 'active', number>>;
  /** Whose removal an operator rejected. */
  readonly rejected: number;
  readonly escrow: readonly { readonly code: string; readonly users: number }[];
  readonly operations: readonly { readonly kind: string; readonly state: string; readonly operations: number }[];
  readonly drift: readonly { readonly kind: string; readonly accounts: number }[];
}

/**
 * Counts what lies in tables. The few among many have an index of their own, and are counted instead of the many: of the
 * tables themselves only the keys are read.
 */
export async function countUsers(db: Queryable): Promise<UserCounts> {
  const { rows } = await db.query<UserCounts['users'] & { rejected: number }>(
    `select u.mirrored, u.mirrored - o.users - f.users as in_scope, l.linked, l.linked - i.linked as active, r.users as rejected
     from (select count(*) as mirrored from users) u,
       (select count(*) as users from users where not in_scope) o,
       (select count(*) as users from users where filtered_out and in_scope) f,
       (select count(*) as users from users where rejected_removal is not null) r,
       (select count(*) as linked from links) l,
       (select count(*) as linked from links where not active) i`,
  );
  const escrow = await db.query<UserCounts['escrow'][number]>('select code, count(*) as users from escrow group by 1');
  const operations = await db.query<UserCounts['operations'][number]>(
    'select kind, state, count(*) as operations from operations group by 1, 2',
  );
  const drift = await db.query<UserCounts['drift'][number]>(
    'select kind, count(*) as accounts from drift where not repaired group by 1',
  );
  const { rejected = 0, ...users } = rows[0] ?? { mirrored: 0, in_scope: 0, linked: 0, active: 0 };
  return { users, rejected, escrow: escrow.rows, operations: operations.rows, drift: drift.rows };
}

/** So few are soon counted, on whatever machine. */
const fewAtMost = 50_000;

export function areFew({ users }: UserCounts): boolean {
  return users.mirrored <= fewAtMost && users.linked <= fewAtMost;
}

/** Milliseconds that whoever must have numbers waits for the first ones. */
const firstWithin = 5_000;

/** As they are now where users are few. Undefined where they could not be counted in time. */
export async function recallCounts(counts: Recall<UserCounts>): Promise<UserCounts | undefined> {
  return (await counts({ first: firstWithin }))?.value;
}
