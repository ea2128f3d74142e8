/** The outbox: operations as rows, loaded and locked by the job that carries them out. */
import { z } from 'zod';
import { type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import type { OperationKind } from '../plan/decide.ts';
import type { Queryable } from '../state/database.ts';

/** An open operation beside what is known of its user. */
export interface Operation {
  readonly id: number;
  readonly cycleId: number;
  readonly entraId: string;
  readonly kind: OperationKind;
  /** The account its user is linked to now, whatever it was when the operation was planned. */
  readonly mapticianId: string | null;
  readonly attributes: UserAttributes;
  readonly reason: string | null;
  /** As last applied; empty for a user without a link. */
  readonly applied: UserAttributes;
  readonly userName: string | null;
}

const operationRow = z.object({
  id: z.number(),
  cycleId: z.number(),
  entraId: z.string(),
  kind: z.enum(['create', 'update', 'reactivate', 'yield', 'deactivate', 'delete']),
  attributes: userAttributes,
  reason: z.string().nullable(),
  userName: z.string().nullable(),
});

const linkRow = z.object({
  entraId: z.string(),
  mapticianId: z.string(),
  userName: z.string(),
  applied: userAttributes,
});

/**
 * Loads and locks those of the operations that are still open, and the links of their users: while an account passes
 * to somebody else, nothing else is done to it. What another worker has in hand is left out; an operation of a cycle
 * that was stopped stays where it is.
 */
export async function lockOperations(db: Queryable, ids: readonly number[]): Promise<Operation[]> {
  const found = await db.query(
    `select o.id, o.cycle_id as "cycleId", o.entra_id as "entraId", o.kind, o.attributes, o.reason, u.user_name as "userName"
     from operations o join cycles c on c.id = o.cycle_id left join users u on u.id = o.entra_id
     where o.id = any($1) and o.state = 'open' and c.stop_code is null
     order by o.id for update of o skip locked`,
    [ids],
  );
  const operations = found.rows.map((row) => operationRow.parse(row));
  if (operations.length === 0) return [];
  const locked = await db.query(
    `select entra_id as "entraId", maptician_id as "mapticianId", user_name as "userName", applied
     from links where entra_id = any($1) order by entra_id for update`,
    [operations.map(({ entraId }) => entraId)],
  );
  const links = new Map(locked.rows.map((row) => linkRow.parse(row)).map((link) => [link.entraId, link]));
  return operations.map((operation) => {
    const link = links.get(operation.entraId);
    return {
      ...operation,
      mapticianId: link?.mapticianId ?? null,
      applied: link?.applied ?? {},
      userName: operation.userName ?? link?.userName ?? null,
    };
  });
}

export interface AppliedLink {
  readonly entraId: string;
  readonly mapticianId: string;
  readonly applied: UserAttributes;
}

/** Writes links as they are now; an account that passes to another user leaves the link it had. */
export async function writeLinks(db: Queryable, links: readonly AppliedLink[]): Promise<void> {
  if (links.length === 0) return;
  const records = JSON.stringify(links);
  await db.query(
    `delete from links l using jsonb_to_recordset($1) as p("entraId" uuid, "mapticianId" text)
     where l.maptician_id = p."mapticianId" and l.entra_id <> p."entraId"`,
    [records],
  );
  await db.query(
    `insert into links (entra_id, maptician_id, user_name, active, applied)
     select "entraId", "mapticianId", coalesce(applied->>'userName', ''), coalesce((applied->>'active')::boolean, true), applied
     from jsonb_to_recordset($1) as p("entraId" uuid, "mapticianId" text, applied jsonb)
     on conflict (entra_id) do update set maptician_id = excluded.maptician_id, user_name = excluded.user_name,
       active = excluded.active, applied = excluded.applied, updated_at = now()`,
    [records],
  );
}

/** Forgets links whose account is gone; `again` has the users compared once more, so that they are created anew. */
export async function dropLinks(db: Queryable, entraIds: readonly string[], again: readonly string[]): Promise<void> {
  if (entraIds.length > 0) await db.query('delete from links where entra_id = any($1)', [entraIds]);
  if (again.length > 0) await db.query('update users set dirty = true where id = any($1)', [again]);
}

export async function closeOperations(db: Queryable, ids: readonly number[]): Promise<void> {
  if (ids.length > 0) await db.query('delete from operations where id = any($1)', [ids]);
}

/** An account linked to somebody, with whether that Entra user keeps it. */
export interface LinkedAccount {
  readonly mapticianId: string;
  readonly entraId: string;
  readonly entitled: boolean;
}

/** Locks the links of these accounts, so that no job of their users runs while one of them passes to somebody else. */
export async function lockLinkedAccounts(
  db: Queryable,
  mapticianIds: readonly string[],
): Promise<Map<string, LinkedAccount>> {
  const { rows } = await db.query<LinkedAccount>(
    `select l.maptician_id as "mapticianId", l.entra_id as "entraId",
       coalesce((select u.presence = 'live' and u.in_scope from users u where u.id = l.entra_id), false) as entitled
     from links l where l.maptician_id = any($1) order by l.maptician_id for update`,
    [mapticianIds],
  );
  return new Map(rows.map((found) => [found.mapticianId, found]));
}
