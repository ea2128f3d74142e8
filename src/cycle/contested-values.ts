/**
 * E-mail addresses that change hands. Maptician may want them unique, and that shows only when it refuses one; then it is
 * looked up who has it by what was last applied, and whether that account is about to give it up.
 */
import { SyncError } from '../errors.ts';
import type { AttributeTable } from '../mapping/attribute-table.ts';
import { mapUser } from '../mapping/map-user.ts';
import { sourceUser } from '../mapping/source-user.ts';
import type { Holder } from '../plan/names.ts';
import type { Queryable } from '../state/database.ts';
import type { Planned } from './planned-users.ts';

const email = 'emails[type eq "work"].value';

interface EmailHolder extends Holder {
  readonly email: string;
  /** Marked to be compared again in this cycle. */
  readonly marked: boolean;
  readonly attributes: Record<string, unknown> | null;
  readonly roles: unknown;
}

/** Users whose e-mail was refused as another's wait for its holder, or fail where the holder keeps it. */
export async function withEmailHolders(
  db: Queryable,
  chunk: readonly Planned[],
  table: AttributeTable,
): Promise<Planned[]> {
  const emails = new Set(chunk.flatMap((planned) => contestedEmail(planned) ?? []));
  if (emails.size === 0) return [...chunk];
  const holders = await readEmailHolders(db, [...emails]);
  return chunk.map((planned) => {
    const wanted = contestedEmail(planned);
    const holder = holders.find((one) => one.email === wanted && one.entraId !== planned.subject.id);
    if (wanted === undefined || holder === undefined || !('attributes' in planned.decision)) return planned;
    const keepsAccess = holder.entitled && !holder.disabled;
    if (keepsAccess && wantedEmail(holder, table) === wanted) {
      const reason = `the work e-mail is also that of ${holder.entraId}`;
      return { ...planned, decision: { kind: 'fail', code: 'Conflict', reason, waitsFor: holder.entraId } };
    }
    const moves = keepsAccess && (holder.marked || holder.busy);
    return { ...planned, decision: { kind: 'wait', attribute: email, holder, yields: !moves, next: planned.decision } };
  });
}

function contestedEmail({ contested, decision }: Planned): string | undefined {
  if (contested === 0 || !('attributes' in decision)) return undefined;
  const value = decision.attributes[email];
  return typeof value === 'string' ? value.toLowerCase() : undefined;
}

/** Undefined also where the holder cannot be mapped: then it will not move by itself. */
function wantedEmail({ attributes, roles, entraId }: EmailHolder, table: AttributeTable): string | undefined {
  try {
    const source = sourceUser.parse({ ...attributes, appRoleAssignments: roles, id: entraId });
    const value = mapUser(table, source, { isSoftDeleted: false }, 'update').attributes[email];
    return typeof value === 'string' ? value.toLowerCase() : undefined;
  } catch (thrown) {
    if (thrown instanceof SyncError) return undefined;
    throw thrown;
  }
}

async function readEmailHolders(db: Queryable, emails: readonly string[]): Promise<EmailHolder[]> {
  const { rows } = await db.query<EmailHolder>(
    `select wanted.email, l.entra_id as "entraId", l.maptician_id as "mapticianId",
       coalesce(u.presence = 'live' and u.in_scope and not u.filtered_out, false) as entitled,
       coalesce(u.attributes->>'accountEnabled' = 'false', false) as disabled,
       coalesce(u.presence = 'purged', false) as purged,
       u.user_name as "wantedName", o.entra_id is not null as busy, c.id is not null as marked, u.attributes, u.roles
     from unnest($1::text[]) as wanted(email)
       cross join lateral (select * from links where lower(applied->>'${email}') = wanted.email offset 0) l
       left join users u on u.id = l.entra_id left join operations o on o.entra_id = l.entra_id
       left join to_compare c on c.id = l.entra_id`,
    [emails],
  );
  return rows;
}
