/** Why one user is in scope or not, as the state database has it. Microsoft's provisioning log calls this step scoping. */
import { z } from 'zod';
import { type KnownAccess, knownAccess } from '../directory/known-access.ts';
import { evaluateFilters } from '../scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
import type { Queryable } from '../state/database.ts';

export interface UserScope {
  readonly presence: 'live' | 'soft_deleted' | 'purged';
  /** Null where it was never read. */
  readonly enabled: boolean | null;
  readonly userName: string | null;
  /** Through what the user is assigned, groups by object id; both are empty with SYNC_SCOPE=all. */
  readonly direct: boolean;
  readonly groups: readonly string[];
  /** Assigned; with SYNC_SCOPE=all everyone is. */
  readonly assigned: boolean;
  /** Every clause of every scoping filter. */
  readonly clauses: readonly { readonly clause: string; readonly passed: boolean }[];
  readonly passesFilters: boolean;
  readonly inScope: boolean;
}

const userRow = z.object({
  presence: z.enum(['live', 'soft_deleted', 'purged']),
  attributes: z.record(z.string(), z.unknown()),
  user_name: z.string().nullable(),
  in_scope: z.boolean(),
  filtered_out: z.boolean(),
});

/** Undefined for whom the mirror does not have. */
export async function scopeOfUser(
  db: Queryable,
  id: string,
  filters: ScopingFilters,
  now: Date,
): Promise<UserScope | undefined> {
  const { rows } = await db.query(
    'select presence, attributes, user_name, in_scope, filtered_out from users where id = $1',
    [id],
  );
  if (rows[0] === undefined) return undefined;
  const user = userRow.parse(rows[0]);
  const known = await knownAccess(db, id);
  const enabled = enabledOf(user.attributes);
  return {
    presence: user.presence,
    enabled,
    userName: user.user_name,
    direct: known.direct,
    groups: known.groups,
    assigned: user.in_scope,
    clauses: clausesOf(filters, user.attributes, known, now),
    passesFilters: !user.filtered_out,
    inScope: user.presence === 'live' && enabled !== false && user.in_scope && !user.filtered_out,
  };
}

function enabledOf(attributes: Readonly<Record<string, unknown>>): boolean | null {
  return Object.keys(attributes).length === 0 ? null : attributes.accountEnabled !== false;
}

function clausesOf(
  filters: ScopingFilters,
  attributes: Readonly<Record<string, unknown>>,
  { memberships }: KnownAccess,
  now: Date,
): UserScope['clauses'] {
  if (Object.keys(attributes).length === 0) return [];
  const { results } = evaluateFilters(filters, attributes, { memberOf: new Set(memberships), now });
  return Object.entries(results).map(([clause, passed]) => ({ clause, passed }));
}
