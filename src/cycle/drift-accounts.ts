/**
 * Account discovery: every account in Maptician by whether somebody should have it, after Microsoft's service
 * (https://learn.microsoft.com/entra/identity/app-provisioning/account-discovery). An account belongs to the user it is
 * linked to, else to one it has a matching value in common with.
 */
import type pg from 'pg';
import { SyncError } from '../errors.ts';
import { matchingAttributes } from '../mapping/attribute-table.ts';
import { mapUser } from '../mapping/map-user.ts';
import type { AttributePath } from '../mapping/maptician-user.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { Queryable } from '../state/database.ts';
import { type SubjectRow, toSubject } from './subject-row.ts';

/** `assigned`: of a user who has access; `unassigned`: of one of the mirror who has none; `local`: nobody's. */
export const accountKinds = ['assigned', 'unassigned', 'local'] as const;
export type AccountKind = (typeof accountKinds)[number];

export interface DiscoveredAccount {
  readonly kind: AccountKind;
  readonly mapticianId: string;
  readonly userName: string | null;
  readonly active: boolean | null;
  /** Whose it is, or would be; null for a local account. */
  readonly entraId: string | null;
  /** Kept up to date; otherwise it only has a matching value of the user's. */
  readonly linked: boolean;
}

const chunkSize = 1000;

/** Sorts all accounts, page by page. Takes the listing of cycle `lookUp.cycleId` where the user store has one. */
export async function* discoverAccounts(
  pool: pg.Pool,
  store: UserStore,
  rules: PlanRules,
  options: {
    readonly cycleId: number;
    readonly progress: (done: number, total: number | undefined) => void;
  },
): AsyncGenerator<readonly DiscoveredAccount[]> {
  const others = matchingAttributes(rules.table).filter((path) => path !== 'userName');
  await pool.query('truncate match_values');
  if (others.length > 0) await collectMatchValues(pool, rules, others);
  for await (const page of store.accounts({ cycleId: options.cycleId, fresh: true }, options.progress)) {
    yield await sortPage(pool, page, others);
  }
  await pool.query('truncate match_values');
}

async function collectMatchValues(pool: pg.Pool, rules: PlanRules, paths: readonly AttributePath[]): Promise<void> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await pool.query<SubjectRow>(
      `select u.id, u.attributes, u.roles, u.user_name, u.presence, u.in_scope, u.filtered_out, u.rejected_removal, u.rejected_reason,
         null as maptician_id
       from users u where u.id > $1 and not exists (select from links l where l.entra_id = u.id)
       order by u.id limit $2`,
      [after, chunkSize],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    const values = rows.flatMap((row) =>
      matchValues(row, rules, paths).map((value) => ({ entra_id: row.id, value: value.toLowerCase() })),
    );
    await pool.query(
      `insert into match_values (value, entra_id)
       select value, entra_id from jsonb_to_recordset($1) as p(value text, entra_id uuid)`,
      [JSON.stringify(values)],
    );
  }
}

/** As the listing has them: `attribute=value`. Who cannot be mapped has none. */
function matchValues(row: SubjectRow, { table }: PlanRules, paths: readonly AttributePath[]): string[] {
  try {
    const { attributes } = mapUser(table, toSubject(row).source, { isSoftDeleted: false }, 'create');
    return paths.flatMap((path) => (typeof attributes[path] === 'string' ? [`${path}=${attributes[path]}`] : []));
  } catch (thrown) {
    if (thrown instanceof SyncError) return [];
    throw thrown;
  }
}

interface OwnerRow {
  readonly id: string;
  readonly entra_id: string | null;
  readonly linked: boolean;
  readonly entitled: boolean;
}

async function sortPage(
  db: Queryable,
  page: readonly StoredUser[],
  others: readonly AttributePath[],
): Promise<DiscoveredAccount[]> {
  const asked = page.map(({ id, attributes }) => ({
    id,
    name: attributes.userName ?? null,
    match: others.flatMap((path) =>
      typeof attributes[path] === 'string' ? [`${path}=${attributes[path]}`.toLowerCase()] : [],
    ),
  }));
  // With "offset 0" one look into the index a name. Of several who match, one who has access is the owner.
  const { rows } = await db.query<OwnerRow>(
    `select a.id, o.entra_id, coalesce(o.linked, false) as linked, coalesce(o.entitled, false) as entitled
     from jsonb_to_recordset($1) as a(id text, name text, match text[])
       left join lateral (
         select c.entra_id, c.linked, u.presence = 'live' and u.in_scope and not u.filtered_out
           and u.attributes->>'accountEnabled' is distinct from 'false' as entitled
         from (
           select l.entra_id, true as linked from links l where l.maptician_id = a.id
           union all (select m.id, false from users m where lower(m.user_name) = lower(a.name) offset 0)
           union all (select v.entra_id, false from match_values v where v.value = any(a.match) offset 0)
         ) c left join users u on u.id = c.entra_id
         order by c.linked desc, 3 desc nulls last limit 1
       ) o on true`,
    [JSON.stringify(asked)],
  );
  const owners = new Map(rows.map((row) => [row.id, row]));
  return page.map(({ id, attributes }) => {
    const owner = owners.get(id);
    return {
      kind: owner?.entra_id == null ? 'local' : owner.entitled ? 'assigned' : 'unassigned',
      mapticianId: id,
      userName: typeof attributes.userName === 'string' ? attributes.userName : null,
      active: typeof attributes.active === 'boolean' ? attributes.active : null,
      entraId: owner?.entra_id ?? null,
      linked: owner?.linked === true,
    };
  });
}
