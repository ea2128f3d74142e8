/**
 * Plans in sets: streams the users to compare out of Postgres, lets plan/ decide, and writes operations, log entries
 * and escrow in one transaction a chunk. Reads no user store and writes nothing outside Postgres.
 */
import type pg from 'pg';
import { z } from 'zod';
import { type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import { sourceUser } from '../mapping/source-user.ts';
import { type Decision, decide, type OperationKind, type PlanRules, type Subject } from '../plan/decide.ts';
import { type Holder, type NameDecision, type Rival, resolveName, sameName, yieldedName } from '../plan/names.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { type Failure, settleEscrow } from '../state/escrow.ts';
import { type LogEntry, writeLog } from '../state/provisioning-log.ts';

/** One user with what was decided; what `plan` prints and what is written for `sync`. */
export interface Planned {
  readonly subject: Subject;
  readonly userName: string | null;
  readonly linkedName: string | null;
  readonly decision: Decision | Waiting | NameFailure;
  /** For a create: the account that passes to this user. */
  readonly takeover: Holder | undefined;
  readonly operationState: 'held' | 'approved' | null;
  readonly setId: number | null;
}

/** Waits for the holder of its name; `yields` when the holder's account is to be renamed out of the way. */
interface Waiting {
  readonly kind: 'wait';
  readonly holder: Holder;
  readonly yields: boolean;
}

interface NameFailure {
  readonly kind: 'fail';
  readonly code: 'DuplicateSourceEntries';
  readonly reason: string;
}

const chunkSize = 1000;

interface CandidateRow {
  id: string;
  attributes: unknown;
  user_name: string | null;
  presence: Subject['presence'];
  in_scope: boolean;
  removal_rejected: boolean;
  maptician_id: string | null;
  linked_name: string | null;
  active: boolean | null;
  applied: unknown;
  operation_state: 'held' | 'approved' | null;
  set_id: number | null;
}

/** The users to compare, in chunks: dirty, read, and with nothing of theirs under way. */
export async function* plannedUsers(db: Queryable, rules: PlanRules): AsyncGenerator<Planned[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await db.query<CandidateRow>(
      `select u.id, u.attributes, u.user_name, u.presence, u.in_scope, u.removal_rejected,
         l.maptician_id, l.user_name as linked_name, l.active, l.applied, o.state as operation_state, o.set_id
       from users u
         left join links l on l.entra_id = u.id
         left join operations o on o.entra_id = u.id
       where u.dirty and u.id > $1 and not (u.needs_read and u.in_scope)
         and (o.state is null or o.state in ('held', 'approved'))
       order by u.id limit $2`,
      [after, chunkSize],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    yield await planChunk(db, rows, rules);
  }
}

async function planChunk(db: Queryable, rows: readonly CandidateRow[], rules: PlanRules): Promise<Planned[]> {
  const planned = rows.map((row) => {
    const subject = toSubject(row);
    return {
      subject,
      userName: row.user_name,
      linkedName: row.linked_name,
      decision: decide(subject, rules) as Planned['decision'],
      takeover: undefined,
      operationState: row.operation_state,
      setId: row.set_id,
    };
  });
  const named = planned.filter(wantsName);
  if (named.length === 0) return planned;
  const names = [...new Set(named.map((one) => one.userName?.toLowerCase() ?? ''))];
  const holders = groupBy(await readHolders(db, names), (holder) => holder.name);
  const rivals = groupBy(await readRivals(db, names), (rival) => rival.name);
  return planned.map((one) => {
    if (!wantsName(one)) return one;
    const name = one.userName ?? '';
    const key = name.toLowerCase();
    const user = { id: one.subject.id, name, linked: one.subject.link !== null };
    return withName(one, resolveName(user, holders.get(key) ?? [], rivals.get(key) ?? []));
  });
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
      return { ...planned, decision: { kind: 'wait', holder: name.holder, yields: name.kind === 'yield' } };
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

function toSubject(row: CandidateRow): Subject {
  const source = sourceUser.parse({ ...z.record(z.string(), z.unknown()).parse(row.attributes), id: row.id });
  const link =
    row.maptician_id === null
      ? null
      : { mapticianId: row.maptician_id, active: row.active === true, applied: userAttributes.parse(row.applied) };
  return {
    id: row.id,
    presence: row.presence,
    inScope: row.in_scope,
    source,
    link,
    removalRejected: row.removal_rejected,
  };
}

async function readHolders(db: Queryable, names: readonly string[]): Promise<(Holder & { name: string })[]> {
  const { rows } = await db.query<Holder & { name: string }>(
    `select lower(l.user_name) as name, l.entra_id as "entraId", l.maptician_id as "mapticianId",
       coalesce(u.presence = 'live' and u.in_scope, false) as entitled,
       coalesce(u.attributes->>'accountEnabled' = 'false', false) as disabled,
       coalesce(u.presence = 'purged', false) as purged,
       u.user_name as "wantedName", o.entra_id is not null as busy
     from links l left join users u on u.id = l.entra_id left join operations o on o.entra_id = l.entra_id
     where lower(l.user_name) = any($1)`,
    [names],
  );
  return rows;
}

async function readRivals(db: Queryable, names: readonly string[]): Promise<(Rival & { name: string })[]> {
  const { rows } = await db.query<Rival & { name: string }>(
    `select lower(u.user_name) as name, u.id as "entraId", u.user_name as "userPrincipalName"
     from users u
     where lower(u.user_name) = any($1) and u.in_scope and u.presence = 'live'
       and u.attributes->>'accountEnabled' is distinct from 'false'`,
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

/** An operation as it was written, for the queue. */
export interface WrittenOperation {
  readonly id: number;
  readonly kind: OperationKind;
}

/** What one pass over the users gave. Removals wait as staged until the guard has counted them all. */
export interface PlanPass {
  readonly operations: number;
  readonly waiting: readonly { readonly id: string; readonly waiting: Waiting }[];
}

/**
 * One pass: decides about every dirty user and writes what follows. `opened` is told of each chunk's operations that
 * may be enqueued at once.
 */
export async function planPass(
  pool: pg.Pool,
  rules: PlanRules,
  cycleId: number,
  opened: (operations: readonly WrittenOperation[]) => Promise<void>,
): Promise<PlanPass> {
  const waiting: { id: string; waiting: Waiting }[] = [];
  let operations = 0;
  for await (const chunk of plannedUsers(pool, rules)) {
    const written = await transaction(pool, (client) => writeChunk(client, chunk, cycleId));
    operations += written.length;
    await opened(written.filter((operation) => operation.state === 'open'));
    for (const { subject, decision } of chunk)
      if (decision.kind === 'wait') waiting.push({ id: subject.id, waiting: decision });
  }
  return { operations, waiting };
}

interface OperationRow {
  entra_id: string;
  kind: OperationKind;
  maptician_id: string | null;
  attributes: UserAttributes;
  reason: string;
  state: 'staged' | 'open' | 'held';
  set_id: number | null;
}

async function writeChunk(db: Queryable, chunk: readonly Planned[], cycleId: number) {
  const operations: OperationRow[] = [];
  const log: LogEntry[] = [];
  const failures: Failure[] = [];
  const settled: string[] = [];
  const removals: string[] = [];
  for (const planned of chunk) {
    const { subject, decision } = planned;
    if (decision.kind === 'wait') continue;
    settled.push(subject.id);
    if (isRemoval(decision)) removals.push(subject.id);
    if (decision.kind === 'fail') {
      failures.push({ entraId: subject.id, action: 'other', code: decision.code, reason: decision.reason });
      log.push(logEntry(planned, 'failure', decision.reason, decision.code));
    } else if (decision.kind === 'skip') log.push(logEntry(planned, 'skipped', decision.reason, null));
    else if (decision.kind !== 'nothing') operations.push(toRow(planned, decision));
  }
  await db.query(`delete from operations where entra_id = any($1) and state in ('held', 'approved')`, [settled]);
  await db.query(
    `update users set dirty = false, removal_rejected = removal_rejected and id = any($2) where id = any($1)`,
    [settled, [...removals, ...rejected(chunk)]],
  );
  const busy = new Set(operations.map((operation) => operation.entra_id));
  await settleEscrow(db, { cycleId, failures, succeeded: settled.filter((id) => !busy.has(id)) });
  await writeLog(db, cycleId, log);
  return insertOperations(db, cycleId, operations);
}

function isRemoval(decision: Planned['decision']): boolean {
  return decision.kind === 'deactivate' || decision.kind === 'delete';
}

function rejected(chunk: readonly Planned[]): string[] {
  return chunk
    .filter(({ subject, decision }) => subject.removalRejected && decision.kind === 'skip')
    .map(({ subject }) => subject.id);
}

function toRow(planned: Planned, decision: Exclude<Decision, { kind: 'nothing' | 'skip' | 'fail' }>): OperationRow {
  const removal = isRemoval(decision);
  const held = removal && planned.operationState === 'held';
  const staged = removal && planned.operationState === null;
  return {
    entra_id: planned.subject.id,
    kind: decision.kind,
    maptician_id: planned.subject.link?.mapticianId ?? planned.takeover?.mapticianId ?? null,
    attributes: decision.attributes,
    reason:
      planned.takeover === undefined
        ? decision.reason
        : `the account of ${planned.takeover.entraId}, who has no access any more, passes to this user`,
    state: held ? 'held' : staged ? 'staged' : 'open',
    set_id: held ? planned.setId : null,
  };
}

function logEntry(planned: Planned, status: LogEntry['status'], reason: string, code: string | null): LogEntry {
  return {
    action: 'other',
    operation: 'plan',
    status,
    entraId: planned.subject.id,
    userName: planned.userName ?? planned.linkedName,
    mapticianId: planned.subject.link?.mapticianId ?? null,
    code,
    reason,
    modified: [],
  };
}

async function insertOperations(db: Queryable, cycleId: number, operations: readonly OperationRow[]) {
  if (operations.length === 0) return [];
  const { rows } = await db.query<WrittenOperation & { state: OperationRow['state'] }>(
    `insert into operations (cycle_id, entra_id, kind, maptician_id, attributes, reason, state, set_id)
     select $1, entra_id, kind, maptician_id, attributes, reason, state, set_id
     from jsonb_to_recordset($2) as p(entra_id uuid, kind text, maptician_id text, attributes jsonb, reason text,
       state text, set_id bigint)
     on conflict (entra_id) do nothing
     returning id, kind, state`,
    [cycleId, JSON.stringify(operations)],
  );
  return rows;
}

/** Renames accounts out of the way of the users who wait for their names; resolves with the operations written. */
export async function writeYields(
  db: Queryable,
  cycleId: number,
  holders: readonly { readonly holder: Holder; readonly name: string }[],
): Promise<WrittenOperation[]> {
  return insertOperations(
    db,
    cycleId,
    holders.map(({ holder, name }) => ({
      entra_id: holder.entraId,
      kind: 'yield' as const,
      maptician_id: holder.mapticianId,
      attributes: { userName: yieldedName(holder.entraId, name) },
      reason: 'yields its userName to the Entra user who has it now',
      state: 'open' as const,
      set_id: null,
    })),
  );
}
