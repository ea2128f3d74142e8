/** The outbox: operations as rows, loaded and locked by the job that carries them out. */
import { z } from 'zod';
import { type FlowRules, flowRules } from '../mapping/map-user.ts';
import { type AttributePath, attributePaths, type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import { redactedText } from '../mapping/redaction.ts';
import type { OperationKind } from '../plan/decide.ts';
import { compareAgain } from '../state/compare-again.ts';
import type { Queryable } from '../state/database.ts';
import type { Adopted } from './outcome.ts';

/** An open operation beside what is known of its user. */
export interface Operation {
  readonly id: number;
  readonly cycleId: number;
  readonly entraId: string;
  readonly kind: OperationKind;
  /** The account its user is linked to now, whatever it was when the operation was planned. */
  readonly mapticianId: string | null;
  readonly attributes: UserAttributes;
  /** Of a create: what becomes of the attributes where there is an account already. */
  readonly flowRules: FlowRules;
  /** The attributes whose values are shown nowhere, those of what was last applied among them. */
  readonly redacted: readonly AttributePath[];
  readonly reason: string | null;
  /** As last applied; empty for a user without a link. */
  readonly applied: UserAttributes;
  /** What Maptician holds instead of some of that; null where it holds nothing. */
  readonly kept: UserAttributes;
  /** The account it was planned for: its user's, or the one that is to pass to its user. */
  readonly plannedAccount: string | null;
  readonly userName: string | null;
  /** How often in this cycle Maptician said that a value is another account's. */
  readonly contested: number;
}

const operationRow = z.object({
  id: z.number(),
  cycleId: z.number(),
  entraId: z.string(),
  kind: z.enum(['create', 'update', 'reactivate', 'yield', 'deactivate', 'delete']),
  attributes: userAttributes,
  flowRules: z.partialRecord(z.enum(attributePaths), z.enum(flowRules)),
  redacted: z.array(z.enum(attributePaths)),
  reason: z.string().nullable(),
  plannedAccount: z.string().nullable(),
  userName: z.string().nullable(),
  contested: z.number(),
});

const linkRow = z.object({
  entraId: z.string(),
  mapticianId: z.string(),
  userName: z.string(),
  applied: userAttributes,
  kept: userAttributes,
  redacted: z.array(z.enum(attributePaths)),
});

/** The name of an operation's user: that of a create is in it, and the row of the user, which is wide, is not read. */
const wantedName = (operation: string) =>
  `coalesce(case when ${operation}.kind = 'create' then ${operation}.attributes->>'userName' end,
         (select u.user_name from users u where u.id = ${operation}.entra_id))`;

/**
 * Loads and locks those of the operations that are still open, and the links of their users: while an account passes
 * to somebody else, nothing else is done to it. Only `kinds` count: a queue that outlived its database may name ids
 * that are other operations now. What another worker has in hand is left out; an operation of a cycle
 * that was stopped stays where it is, as does one for another user store than this worker's.
 */
export async function lockOperations(
  db: Queryable,
  ids: readonly number[],
  kinds: readonly OperationKind[],
  storeIdentity: string,
): Promise<Operation[]> {
  // Written so that only the ids can lead to the rows. Going by state or cycle, as Postgres would while it has no
  // statistics of a table that has just been filled, every job would walk over all that is open.
  const found = await db.query({
    // Named, so that it is planned once a connection: a job of one user would spend more on the plan than on the work.
    name: 'lock-operations',
    text: `select o.id, o.cycle_id as "cycleId", o.entra_id as "entraId", o.kind, o.attributes, o.flow_rules as "flowRules",
       o.redacted, o.reason, o.maptician_id as "plannedAccount", o.contested, ${wantedName('o')} as "userName"
     from operations o
     where o.id = any($1) and (o.state = 'open') is true and (o.kind = any($2)) is true
       and (select c.stop_code from cycles c where c.id = o.cycle_id) is null
       and (select value from facts where name = 'user_store') = $3
     order by o.id for update skip locked`,
    values: [ids, kinds, storeIdentity],
  });
  const operations = found.rows.map((row) => operationRow.parse(row));
  if (operations.length === 0) return [];
  // Who is to be created has no link.
  if (operations[0]?.kind === 'create')
    return operations.map((operation) => ({ ...operation, mapticianId: null, applied: {}, kept: {} }));
  const locked = await db.query(
    `select entra_id as "entraId", maptician_id as "mapticianId", user_name as "userName", applied, kept, redacted
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
      kept: link?.kept ?? {},
      redacted: [...new Set([...operation.redacted, ...(link?.redacted ?? [])])],
      userName: operation.userName ?? link?.userName ?? null,
    };
  });
}

/** Since when a link that is being written is inactive because of us, in SQL. */
const deactivatedAt = 'case when excluded.active then null when links.active then now() else links.deactivated_at end';

/** Writes the links of adopted accounts; one that belonged to another user until now leaves that link. */
export async function writeLinks(db: Queryable, adopted: readonly Adopted[]): Promise<void> {
  if (adopted.length === 0) return;
  const passed = adopted.filter((one) => one.passed).map(({ mapticianId }) => mapticianId);
  if (passed.length > 0) await db.query('delete from links where maptician_id = any($1)', [passed]);
  const links = adopted.map(({ entraId, mapticianId, before, changes, redacted, kept = {} }) => ({
    entraId,
    mapticianId,
    applied: { ...before, ...changes },
    kept,
    redacted,
  }));
  await db.query(
    `insert into links (entra_id, maptician_id, user_name, active, applied, kept, redacted, updated_at)
     select "entraId", "mapticianId", coalesce(applied->>'userName', ''), coalesce((applied->>'active')::boolean, true),
       jsonb_strip_nulls(applied), kept, redacted, clock_timestamp()
     from jsonb_to_recordset($1) as p("entraId" uuid, "mapticianId" text, applied jsonb, kept jsonb, redacted text[])
     on conflict (entra_id) do update set maptician_id = excluded.maptician_id, user_name = excluded.user_name,
       active = excluded.active, applied = excluded.applied, kept = excluded.kept, redacted = excluded.redacted,
       deactivated_at = ${deactivatedAt}, updated_at = excluded.updated_at`,
    [JSON.stringify(links)],
  );
}

/** Forgets links whose account is gone; `again` has the users compared once more, so that they are created anew. */
export async function dropLinks(db: Queryable, entraIds: readonly string[], again: readonly string[]): Promise<void> {
  if (entraIds.length > 0) await db.query('delete from links where entra_id = any($1)', [entraIds]);
  if (again.length > 0) await compareAgain(db, 'select unnest($1::uuid[])', [again]);
}

/** A value as the log shows it, in SQL; what has no value is still seen to have none. */
const shown = (value: string, paths: string) =>
  `case when key = any(${paths}) and ${value} <> 'null' then '"${redactedText}"' else ${value} end`;

/**
 * Records operations that did what they were planned to do, as one set: the links hold what was written, the log tells
 * of it, the users are out of escrow, and the operations are gone. What was written does not travel again for it. Of
 * what Maptician keeps instead, only what was not written this time is still true of the link.
 */
export async function settleDone(
  db: Queryable,
  done: readonly { readonly operation: Operation; readonly mapticianId: string; readonly kept: UserAttributes }[],
): Promise<void> {
  if (done.length === 0) return;
  await db.query({
    name: 'settle-done',
    text: `with ended as (
       delete from operations o using unnest($1::bigint[], $2::text[], $3::jsonb[]) as d(id, maptician_id, kept)
       where o.id = d.id
       returning o.*, d.maptician_id as account, d.kept as newly_kept
     ), facts as (
       select e.*, coalesce(l.applied, '{}') as before, coalesce(l.kept, '{}') as kept, l.user_name as linked_name,
         coalesce(l.redacted, '{}') as linked_redacted
       from ended e left join links l on l.entra_id = e.entra_id
     ), linked as (
       insert into links (entra_id, maptician_id, user_name, active, applied, kept, redacted, updated_at)
       select entra_id, account, coalesce(attributes->>'userName', linked_name, ''),
         coalesce((attributes->>'active')::boolean, (before->>'active')::boolean, true),
         jsonb_strip_nulls(before || attributes),
         case when kept = '{}' then newly_kept
           else (kept - array(select jsonb_object_keys(attributes))) || newly_kept end,
         case when linked_redacted = '{}' then redacted
           else array(select unnest(linked_redacted) except select jsonb_object_keys(attributes)) || redacted end,
         clock_timestamp()
       from facts
       on conflict (entra_id) do update set maptician_id = excluded.maptician_id, user_name = excluded.user_name,
         active = excluded.active, applied = excluded.applied, kept = excluded.kept, redacted = excluded.redacted,
         deactivated_at = ${deactivatedAt}, updated_at = excluded.updated_at
     ), logged as (
       insert into provisioning_log
         (cycle_id, action, operation, status, entra_id, user_name, maptician_id, reason, before, after)
       select cycle_id,
         case kind when 'create' then 'create' when 'deactivate' then 'disable' when 'yield' then 'other' else 'update' end,
         kind, 'success', entra_id, coalesce(${wantedName('facts')}, linked_name), account, reason,
         case when before = '{}' then before else
           coalesce((select jsonb_object_agg(key, ${shown('before->key', 'redacted || linked_redacted')})
             from jsonb_object_keys(attributes) as key where before ? key), '{}')
         end,
         case when redacted = '{}' then written else
           (select coalesce(jsonb_object_agg(key, ${shown('value', 'redacted')}), '{}') from jsonb_each(written)) end
       from facts, lateral (
         select case kind when 'create' then jsonb_strip_nulls(attributes) else attributes end as written) w
       order by id
     )
     delete from escrow e using ended where e.entra_id = ended.entra_id`,
    values: [
      done.map(({ operation }) => operation.id),
      done.map(({ mapticianId }) => mapticianId),
      done.map(({ kept }) => JSON.stringify(kept)),
    ],
  });
}

/**
 * Has users planned once more in this cycle, because a value of theirs is another account's: by then that account may have
 * given it up.
 */
export async function deferOperations(db: Queryable, contested: readonly Operation[]): Promise<void> {
  if (contested.length === 0) return;
  await db.query(
    `with deferred as (delete from operations where id = any($1) returning entra_id, contested)
     insert into to_compare (id, contested) select entra_id, contested + 1 from deferred
     on conflict (id) do update set contested = excluded.contested`,
    [contested.map(({ id }) => id)],
  );
}

/** Removes operations that have ended, and lifts out of escrow those whose users are well. */
export async function closeOperations(
  db: Queryable,
  ended: readonly Operation[],
  well: readonly Operation[],
): Promise<void> {
  if (ended.length === 0) return;
  await db.query(
    `with closed as (delete from operations where id = any($1)) delete from escrow where entra_id = any($2)`,
    [ended.map(({ id }) => id), well.map(({ entraId }) => entraId)],
  );
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
       coalesce((select u.presence = 'live' and u.in_scope and not u.filtered_out from users u where u.id = l.entra_id), false) as entitled
     from links l where l.maptician_id = any($1) order by l.maptician_id for update`,
    [mapticianIds],
  );
  return new Map(rows.map((found) => [found.mapticianId, found]));
}
