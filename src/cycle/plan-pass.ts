/**
 * Writes what was decided: operations, log entries and escrow, in one transaction a chunk of users. Writes nothing
 * outside Postgres.
 */
import type pg from 'pg';
import type { FlowRules } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import type { Decision, OperationKind, PlanRules } from '../plan/decide.ts';
import { type Holder, yieldedName } from '../plan/names.ts';
import { payloadHash } from '../plan/payload.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { type Failure, settleEscrow } from '../state/escrow.ts';
import { type LogEntry, writeLog } from '../state/provisioning-log.ts';
import { accountOf, isAnswered, type Planned, plannedUsers, type Selection, type Waiting } from './planned-users.ts';

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

export interface PassOptions {
  /** The kinds that wait as staged until all of them have been counted. */
  readonly stages: (kind: OperationKind) => boolean;
  /** Is told of each chunk's operations that may be enqueued at once. */
  readonly opened: (operations: readonly WrittenOperation[]) => Promise<void>;
  /** Whom to look at; those marked by default. */
  readonly of?: Pick<Selection, 'only' | 'refused'>;
}

/** One pass: decides about every user to compare and writes what follows. */
export async function planPass(
  pool: pg.Pool,
  rules: PlanRules,
  cycleId: number,
  { stages, opened, of }: PassOptions,
): Promise<PlanPass> {
  const waiting: { id: string; waiting: Waiting }[] = [];
  let operations = 0;
  const chunks = plannedUsers(pool, rules, of);
  let next = chunks.next();
  for (;;) {
    const { value: chunk, done } = await next;
    if (done) return { operations, waiting };
    // The next chunk is read and decided while this one is written; its failure waits to be awaited.
    next = chunks.next();
    next.catch(() => undefined);
    const written = await transaction(pool, (client) => writeChunk(client, chunk, cycleId, stages), { relaxed: true });
    operations += written.length;
    await opened(written.filter((operation) => operation.state === 'open'));
    for (const { subject, decision } of chunk) {
      if (decision.kind === 'wait') waiting.push({ id: subject.id, waiting: decision });
    }
  }
}

interface OperationRow {
  entra_id: string;
  kind: OperationKind;
  maptician_id: string | null;
  attributes: UserAttributes;
  redacted: readonly AttributePath[];
  flow_rules: FlowRules;
  reason: string;
  state: 'staged' | 'open' | 'held';
  set_id: number | null;
  contested: number;
}

async function writeChunk(db: Queryable, planned: readonly Planned[], cycleId: number, stages: PassOptions['stages']) {
  // As it is now, not as it was read: an operator may have approved it meanwhile.
  const waiting = await db.query<WaitingOperation>(
    `delete from operations where entra_id = any($1) and state in ('held', 'approved')
     returning entra_id, kind, state, set_id`,
    [planned.flatMap(({ subject, decision }) => (decision.kind === 'wait' ? [] : [subject.id]))],
  );
  const before = new Map(waiting.rows.map((row) => [row.entra_id, row]));
  // Whose operation is not there any more was rejected meanwhile: the mark stays, and the next wave decides.
  const chunk = planned.filter(({ subject, operationState }) => operationState === null || before.has(subject.id));
  const operations: OperationRow[] = [];
  const log: LogEntry[] = [];
  const failures: Failure[] = [];
  const settled: string[] = [];
  const refused: string[] = [];
  for (const planned of chunk) {
    const { subject, decision } = planned;
    if (decision.kind === 'wait') continue;
    settled.push(subject.id);
    if (decision.kind === 'refused') refused.push(subject.id);
    else if (decision.kind === 'fail') {
      const { code, reason } = decision;
      const waitsFor = 'waitsFor' in decision ? decision.waitsFor : undefined;
      failures.push({ entraId: subject.id, action: 'other', code, reason, waitsFor });
      log.push(logEntry(planned, 'failure', decision.reason, decision.code));
    } else if (decision.kind === 'skip') log.push(logEntry(planned, 'skipped', decision.reason, null));
    else if (decision.kind !== 'nothing') {
      const place = placeOf(planned, decision.kind, before.get(subject.id), { cycleId, stages });
      operations.push(toRow(planned, decision, place));
    }
  }
  await db.query('delete from to_compare where id = any($1)', [settled]);
  await forgetRejections(db, chunk);
  const unsettled = new Set([...operations.map((operation) => operation.entra_id), ...refused]);
  await writeLog(db, cycleId, log);
  await settleEscrow(db, { cycleId, failures, succeeded: settled.filter((id) => !unsettled.has(id)) });
  return insertOperations(db, cycleId, operations);
}

/** Kinds that take access away. */
export function isRemoval(kind: OperationKind): boolean {
  return kind === 'deactivate' || kind === 'delete';
}

/** What an operator said is forgotten when something else is to be done, or nothing any more. */
async function forgetRejections(db: Queryable, chunk: readonly Planned[]): Promise<void> {
  const over = chunk.filter(({ subject, decision }) => subject.rejectedRemoval !== null && decision.kind !== 'skip');
  if (over.length > 0) {
    await db.query('update users set rejected_removal = null where id = any($1)', [
      over.map(({ subject }) => subject.id),
    ]);
  }
  const answered = chunk.filter(
    (planned) =>
      planned.answer !== null &&
      !['skip', 'wait', 'refused', 'fail'].includes(planned.decision.kind) &&
      !isAnswered(planned, 'approved'),
  );
  if (answered.length > 0) {
    await db.query('delete from answers where entra_id = any($1)', [answered.map(({ subject }) => subject.id)]);
  }
}

type Operative = Exclude<Decision, { kind: 'nothing' | 'skip' | 'fail' }>;

interface WaitingOperation {
  readonly entra_id: string;
  readonly kind: OperationKind;
  readonly state: 'held' | 'approved';
  readonly set_id: number | null;
}

type Place = Pick<OperationRow, 'state' | 'set_id'>;

/** Whether an operation may go, is counted first, or waits; `before` is what waited for an operator until now. */
function placeOf(
  planned: Planned,
  kind: OperationKind,
  before: WaitingOperation | undefined,
  { cycleId, stages }: Pick<PassOptions, 'stages'> & { readonly cycleId: number },
): Place {
  const open: Place = { state: 'open', set_id: null };
  const counted: Place = stages(kind) ? { state: 'staged', set_id: null } : open;
  if (before === undefined) return isAnswered(planned, 'approved') ? open : counted;
  if (before.kind !== kind) {
    // What was shown as a deactivation is not approved as a deletion: it waits as a set of its own.
    const shown = before.set_id !== null || planned.answer !== null;
    return stages(kind) && shown && isRemoval(before.kind) && isRemoval(kind)
      ? { state: 'held', set_id: cycleId }
      : counted;
  }
  return before.state === 'held' && stages(kind) ? { state: 'held', set_id: before.set_id } : open;
}

function toRow(planned: Planned, decision: Operative, place: Place): OperationRow {
  return {
    entra_id: planned.subject.id,
    kind: decision.kind,
    maptician_id: accountOf(planned),
    attributes: decision.attributes,
    redacted: decision.redacted ?? [],
    flow_rules: decision.rules ?? {},
    reason:
      planned.takeover === undefined
        ? decision.reason
        : `the account of ${planned.takeover.entraId}, who has no access any more, passes to this user`,
    ...place,
    contested: planned.contested,
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
  };
}

async function insertOperations(db: Queryable, cycleId: number, operations: readonly OperationRow[]) {
  if (operations.length === 0) return [];
  const { rows } = await db.query<WrittenOperation & { state: OperationRow['state'] }>(
    `insert into operations
       (cycle_id, entra_id, kind, maptician_id, attributes, redacted, flow_rules, reason, state, set_id, contested)
     select $1, entra_id, kind, maptician_id, attributes, redacted, flow_rules, reason, state, set_id, contested
     from jsonb_to_recordset($2) as p(entra_id uuid, kind text, maptician_id text, attributes jsonb, redacted text[],
       flow_rules jsonb, reason text, state text, set_id bigint, contested integer)
     on conflict (entra_id) do nothing
     returning id, kind, state`,
    [cycleId, JSON.stringify(operations)],
  );
  return rows;
}

/** An account that is to give a value up. */
export interface Yielding {
  readonly holder: Holder;
  readonly attribute: Waiting['attribute'];
}

/** A name is replaced by one that still tells whose it was; an e-mail is taken away. */
function yielded({ holder, attribute }: Yielding): { attributes: UserAttributes; reason: string } {
  return attribute === 'userName'
    ? {
        attributes: { userName: yieldedName(holder.entraId, holder.wantedName ?? holder.entraId) },
        reason: 'yields its userName to the Entra user who has it now',
      }
    : { attributes: { [attribute]: null }, reason: 'yields its work e-mail to the Entra user who has it now' };
}

/**
 * Has accounts give up what other users wait for; resolves with the operations written. What Maptician refused is not
 * sent again before its retry.
 */
export async function writeYields(
  db: Queryable,
  cycleId: number,
  holders: readonly Yielding[],
): Promise<WrittenOperation[]> {
  if (holders.length === 0) return [];
  const { rows } = await db.query<{ entra_id: string; payload: string }>(
    'select entra_id, payload from escrow where entra_id = any($1) and payload is not null and (next_retry_at is null or next_retry_at > now())',
    [holders.map(({ holder }) => holder.entraId)],
  );
  const refused = new Map(rows.map((row) => [row.entra_id, row.payload]));
  const yields = holders.map((yielding) => ({
    entra_id: yielding.holder.entraId,
    kind: 'yield' as const,
    maptician_id: yielding.holder.mapticianId,
    ...yielded(yielding),
    redacted: [],
    flow_rules: {},
    state: 'open' as const,
    set_id: null,
    contested: 0,
  }));
  return insertOperations(
    db,
    cycleId,
    yields.filter(
      ({ entra_id, kind, maptician_id: account, attributes }) =>
        refused.get(entra_id) !== payloadHash({ kind, account, attributes }),
    ),
  );
}
