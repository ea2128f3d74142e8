/** Who has a userName in Maptician that somebody is to have, and what follows for both. */
import { type Holder, type NameDecision, type Rival, resolveName, sameName } from '../plan/names.ts';
import type { Queryable } from '../state/database.ts';
import type { Operative, Planned } from './planned-users.ts';

export interface NameOptions {
  /** As if nobody had an account. */
  readonly unlinked: boolean;
  /** Purged users' accounts are deleted; else they are deactivated and keep their names. */
  readonly deletes: boolean;
}

/** Users who want a name that another account has wait for it, take the account over, or fail. */
export async function withNames(
  db: Queryable,
  planned: readonly Planned[],
  { unlinked, deletes }: NameOptions,
): Promise<readonly Planned[]> {
  const names = [...new Set(planned.filter(wantsName).map((one) => one.userName?.toLowerCase() ?? ''))];
  if (names.length === 0) return planned;
  const holders = groupBy(unlinked ? [] : await readHolders(db, names, deletes), (holder) => holder.name);
  const rivals = groupBy(await readRivals(db, names), (rival) => rival.name);
  return planned.map((one) => {
    if (!wantsName(one)) return one;
    const name = one.userName ?? '';
    const key = name.toLowerCase();
    const user = { id: one.subject.id, name, linked: one.subject.link !== null };
    return withName(one, resolveName(user, holders.get(key) ?? [], rivals.get(key) ?? []));
  });
}

type Wanting = Planned & { readonly decision: Operative };

function wantsName(planned: Planned): planned is Wanting {
  if (planned.userName === null) return false;
  if (planned.decision.kind === 'create') return true;
  const takesPart = planned.decision.kind === 'update' || planned.decision.kind === 'reactivate';
  return takesPart && !sameName(planned.userName, planned.linkedName);
}

function withName(planned: Wanting, name: NameDecision): Planned {
  switch (name.kind) {
    case 'free':
      return planned;
    case 'takeover':
      return { ...planned, takeover: name.holder };
    case 'wait':
    case 'yield':
      return {
        ...planned,
        decision: {
          kind: 'wait',
          attribute: 'userName',
          holder: name.holder,
          yields: name.kind === 'yield',
          next: planned.decision,
        },
      };
    case 'duplicate':
      return {
        ...planned,
        decision: {
          kind: 'fail',
          code: 'DuplicateSourceEntries',
          reason: `${planned.userName} (${planned.subject.id}) has the same userName as ${name.others.join(' and ')}`,
        },
      };
  }
}

/** With `offset 0` behind it, one look into the index a name; Postgres would else read whole tables for every chunk. */
const eachByIndex = 'unnest($1::text[]) as wanted(name) cross join lateral';

/** A removal that only waits to be counted is not under way: the account may pass to somebody else before it. */
async function readHolders(
  db: Queryable,
  names: readonly string[],
  deletes: boolean,
): Promise<(Holder & { name: string })[]> {
  const { rows } = await db.query<Holder & { name: string }>(
    `select lower(l.user_name) as name, l.entra_id as "entraId", l.maptician_id as "mapticianId",
       coalesce(u.presence = 'live' and u.in_scope and not u.filtered_out, false) as entitled,
       coalesce(u.attributes->>'accountEnabled' = 'false', false) as disabled,
       coalesce(u.presence = 'purged', false) and $2 as purged,
       u.user_name as "wantedName", coalesce(o.state <> 'staged', false) as busy
     from ${eachByIndex} (select * from links where lower(user_name) = wanted.name offset 0) l
       left join users u on u.id = l.entra_id left join operations o on o.entra_id = l.entra_id`,
    [names, deletes],
  );
  return rows;
}

async function readRivals(db: Queryable, names: readonly string[]): Promise<(Rival & { name: string })[]> {
  const { rows } = await db.query<Rival & { name: string }>(
    `select lower(u.user_name) as name, u.id as "entraId", u.user_name as "userPrincipalName"
     from ${eachByIndex} (select * from users where lower(user_name) = wanted.name offset 0) u
     where u.in_scope and not u.filtered_out and u.presence = 'live' and u.attributes->>'accountEnabled' is distinct from 'false'`,
    [names],
  );
  return rows;
}

/** Somebody without an account who is to have the name of one whose owner has no access any more. */
interface Heir {
  readonly id: string;
  readonly name: string;
  /** The account is already to pass to them: their operation is written. */
  readonly taking: boolean;
}

/**
 * Whoever may take over an account of one of these names. In one statement, so that a user whose operation is being written
 * is seen either before or after it.
 */
export async function readHeirs(db: Queryable, names: readonly string[]): Promise<Heir[]> {
  const { rows } = await db.query<Heir>(
    `select lower(u.user_name) as name, u.id, o.entra_id is not null as taking
     from ${eachByIndex} (select * from users where lower(user_name) = wanted.name offset 0) u
       left join to_compare c on c.id = u.id
       left join operations o on o.entra_id = u.id and o.kind = 'create' and o.maptician_id is not null
         and o.state in ('open', 'staged')
     where u.in_scope and not u.filtered_out and u.presence = 'live' and (c.id is not null or o.entra_id is not null)
       and not exists (select from links l where l.entra_id = u.id)`,
    [names],
  );
  return rows;
}

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
