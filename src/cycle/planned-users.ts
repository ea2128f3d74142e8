/**
 * Streams the users to compare out of Postgres and lets plan/ decide, in chunks. Reads no user store and writes nothing,
 * so it is the dry run, too.
 */
import { type Decision, decide, type PlanRules, type Subject } from '../plan/decide.ts';
import { type Holder, type NameDecision, type Rival, resolveName, sameName } from '../plan/names.ts';
import { payloadHash } from '../plan/payload.ts';
import type { Queryable } from '../state/database.ts';
import { withEmailHolders } from './contested-values.ts';
import { isGraceOver } from './grace-period.ts';
import { type SubjectRow, toSubject } from './subject-row.ts';

/** One user with what was decided; what `plan` prints and what is written for `sync`. */
export interface Planned {
  readonly subject: Subject;
  readonly userName: string | null;
  readonly linkedName: string | null;
  readonly decision: Decision | Waiting | NameFailure | Refused;
  /** For a create: the account that passes to this user. */
  readonly takeover: Holder | undefined;
  readonly operationState: 'held' | 'approved' | null;
  /** What an operator said about an operation of this user, and the fingerprint of that one. */
  readonly answer: { readonly answer: 'approved' | 'rejected'; readonly payload: string } | null;
  /** How often in this cycle Maptician said that a value is another account's. */
  readonly contested: number;
}

/** Waits for the holder of a value it is to have; `yields` when the holder's account is to give it up for nothing. */
export interface Waiting {
  readonly kind: 'wait';
  readonly attribute: 'userName' | 'emails[type eq "work"].value';
  readonly holder: Holder;
  readonly yields: boolean;
}

/** In escrow, and what is to be done is the very same that was refused: it waits for a change, or for its retry. */
interface Refused {
  readonly kind: 'refused';
  readonly reason: string;
}

interface NameFailure {
  readonly kind: 'fail';
  readonly code: 'DuplicateSourceEntries' | 'Conflict';
  readonly reason: string;
  readonly waitsFor?: string;
}

const chunkSize = 1000;

interface CandidateRow extends SubjectRow {
  linked_name: string | null;
  operation_state: 'held' | 'approved' | null;
  refused_payload: string | null;
  refused_code: string | null;
  refused_until: Date | null;
  answer: 'approved' | 'rejected' | null;
  answered_payload: string | null;
  contested: number;
}

export interface Selection {
  /** Everyone, as if nobody had an account: for the dry run on another user store than before. */
  readonly unlinked?: boolean | undefined;
  /** This user, marked or not. */
  readonly only?: string | undefined;
  /** Also what was refused and would else wait for its retry. */
  readonly refused?: boolean | undefined;
}

/** The users to compare, in chunks: those marked, when they have been read and nothing of theirs is under way. */
export async function* plannedUsers(
  db: Queryable,
  rules: PlanRules,
  { unlinked = false, only, refused = false }: Selection = {},
): AsyncGenerator<Planned[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    // Apart from the rest: in one statement Postgres would sort all marks anew for every chunk.
    const marks = await db.query<{ id: string }>(
      only === undefined
        ? `select id from ${unlinked ? 'users' : 'to_compare'} where id > $1 order by id limit $2`
        : 'select id from users where id > $1 and id = $3 limit $2',
      [after, chunkSize, ...(only === undefined ? [] : [only])],
    );
    const last = marks.rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    const { rows } = await db.query<CandidateRow>(
      `select u.id, u.attributes, u.roles, u.user_name, u.presence, u.in_scope, u.filtered_out, u.rejected_removal,
         l.maptician_id, l.user_name as linked_name, l.active, l.applied, l.redacted, o.state as operation_state,
         ${isGraceOver('$2')} as grace_over, a.answer, a.payload as answered_payload, coalesce(c.contested, 0) as contested,
         e.payload as refused_payload, e.code as refused_code, e.next_retry_at as refused_until
       from users u
         left join to_compare c on c.id = u.id
         left join links l on l.entra_id = u.id
         left join operations o on o.entra_id = u.id
         left join answers a on a.entra_id = u.id
         left join escrow e on e.entra_id = u.id and e.payload is not null and (e.next_retry_at is null or e.next_retry_at > now())
       where u.id = any($1) and not (u.needs_read and u.in_scope)
         and (o.state is null or o.state in ('held', 'approved'))
       order by u.id`,
      [marks.rows.map(({ id }) => id), rules.deleteInactiveAfterDays ?? null],
    );
    if (rows.length === 0) continue;
    const known = unlinked ? rows.map((row) => ({ ...row, maptician_id: null, linked_name: null })) : rows;
    const chunk = await planChunk(db, known, rules, unlinked);
    yield heldBack(chunk, refused ? [] : known);
  }
}

async function planChunk(
  db: Queryable,
  rows: readonly CandidateRow[],
  rules: PlanRules,
  unlinked: boolean,
): Promise<Planned[]> {
  const planned = rows.map((row): Planned => {
    const subject = toSubject(row);
    return {
      subject,
      userName: row.user_name,
      linkedName: row.linked_name,
      decision: decide(subject, rules),
      takeover: undefined,
      operationState: row.operation_state,
      answer:
        row.answer === null || row.answered_payload === null
          ? null
          : { answer: row.answer, payload: row.answered_payload },
      contested: row.contested,
    };
  });
  const named = planned.filter(wantsName);
  if (named.length === 0) return withEmailHolders(db, planned, rules.table);
  const names = [...new Set(named.map((one) => one.userName?.toLowerCase() ?? ''))];
  const holders = groupBy(unlinked ? [] : await readHolders(db, names), (holder) => holder.name);
  const rivals = groupBy(await readRivals(db, names), (rival) => rival.name);
  const withNames = planned.map((one) => {
    if (!wantsName(one)) return one;
    const name = one.userName ?? '';
    const key = name.toLowerCase();
    const user = { id: one.subject.id, name, linked: one.subject.link !== null };
    return withName(one, resolveName(user, holders.get(key) ?? [], rivals.get(key) ?? []));
  });
  return withEmailHolders(db, withNames, rules.table);
}

/**
 * Nothing refused is sent again as it was, and nothing that an operator rejected is planned again as it was. What waits for
 * an operator, or was approved, is not held back by a refusal.
 */
function heldBack(chunk: readonly Planned[], rows: readonly CandidateRow[]): Planned[] {
  const refused = new Map(rows.filter((row) => row.refused_payload !== null).map((row) => [row.id, row]));
  return chunk.map((planned) => {
    if (isAnswered(planned, 'rejected')) {
      return { ...planned, decision: { kind: 'skip', reason: `${planned.decision.kind} rejected by an operator` } };
    }
    const row = refused.get(planned.subject.id);
    if (row === undefined || planned.operationState !== null) return planned;
    if (payloadOf(planned) !== row.refused_payload) return planned;
    const until = row.refused_until?.toISOString() ?? 'somebody says so';
    return {
      ...planned,
      decision: {
        kind: 'refused',
        reason: `refused as it is (${row.refused_code}): ${planned.decision.kind} waits for a change, or until ${until}`,
      },
    };
  });
}

/** The fingerprint of what is to be done; undefined where nothing is. */
function payloadOf(planned: Planned): string | undefined {
  const { decision } = planned;
  if (!('attributes' in decision)) return undefined;
  return payloadHash({ kind: decision.kind, account: accountOf(planned), attributes: decision.attributes });
}

/** Whether an operator has said so about the very same operation. */
export function isAnswered(planned: Planned, answer: 'approved' | 'rejected'): boolean {
  return planned.answer?.answer === answer && payloadOf(planned) === planned.answer.payload;
}

/** The account that an operation of this user is for: its own, or the one that passes to it. */
export function accountOf({ subject, takeover }: Pick<Planned, 'subject' | 'takeover'>): string | null {
  return subject.link?.mapticianId ?? takeover?.mapticianId ?? null;
}

function wantsName(planned: Planned): boolean {
  if (planned.userName === null) return false;
  if (planned.decision.kind === 'create') return true;
  const takesPart = planned.decision.kind === 'update' || planned.decision.kind === 'reactivate';
  return takesPart && !sameName(planned.userName, planned.linkedName);
}

function withName(planned: Planned, name: NameDecision): Planned {
  switch (name.kind) {
    case 'free':
      return planned;
    case 'takeover':
      return { ...planned, takeover: name.holder };
    case 'wait':
    case 'yield':
      return {
        ...planned,
        decision: { kind: 'wait', attribute: 'userName', holder: name.holder, yields: name.kind === 'yield' },
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

async function readHolders(db: Queryable, names: readonly string[]): Promise<(Holder & { name: string })[]> {
  const { rows } = await db.query<Holder & { name: string }>(
    `select lower(l.user_name) as name, l.entra_id as "entraId", l.maptician_id as "mapticianId",
       coalesce(u.presence = 'live' and u.in_scope and not u.filtered_out, false) as entitled,
       coalesce(u.attributes->>'accountEnabled' = 'false', false) as disabled,
       coalesce(u.presence = 'purged', false) as purged,
       u.user_name as "wantedName", o.entra_id is not null as busy
     from ${eachByIndex} (select * from links where lower(user_name) = wanted.name offset 0) l
       left join users u on u.id = l.entra_id left join operations o on o.entra_id = l.entra_id`,
    [names],
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

function groupBy<T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}

/** What is to be done about one user; undefined where a cycle has an operation of the user in hand, or it is unread. */
export async function planOfUser(
  db: Queryable,
  rules: PlanRules,
  selection: Selection & { readonly only: string },
): Promise<Planned | undefined> {
  for await (const [planned] of plannedUsers(db, rules, selection)) return planned;
  return undefined;
}
