/**
 * Writes what was decided: operations, log entries and escrow, in one transaction a chunk of users. Writes nothing
 * outside Postgres.
 */
import type pg from 'pg';
import type { FlowRules } from '../mapping/map-user.ts';
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import type { OperationKind, PlanRules } from '../plan/decide.ts';
import type { Payload } from '../plan/payload.ts';
import { type Queryable, transaction } from '../state/database.ts';
import { type Failure, settleEscrow } from '../state/escrow.ts';
import { type LogEntry, writeLog } from '../state/provisioning-log.ts';
import {
  accountOf,
  isAnswered,
  isOperative,
  type Operative,
  type Planned,
  plannedUsers,
  type Selection,
  type Waiting,
} from './planned-users.ts';

/** An operation as it was written, for the queue. */
export interface WrittenOperation {
  readonly id: number;
  readonly kind: OperationKind;
}

/** What one pass over the users gave. Removals wait as staged until the guard has counted them all. */
export interface PlanPass {
  readonly operations: number;
  readonly waiting: readonly { readonly id: string; readonly waiting: Waiting }[];
  /** Whom somebody provisioned by hand between the decision and its writing: nothing was written of them. */
  readonly overtaken: number;
}

/** Which users' operations may be written. */
export type Permits = (db: Queryable, wanted: readonly PermitRequest[]) => Promise<ReadonlySet<string>>;

interface PermitRequest {
  readonly entraId: string;
  readonly payload: Payload;
}

export interface PassOptions {
  /** The kinds that wait as staged until all of them have been counted. */
  readonly stages: (kind: OperationKind) => boolean;
  /** Whose operation may be written, by object id; whoever's may not stays marked. Without it everyone's may. */
  readonly permits?: Permits | undefined;
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
  { stages, permits, opened, of }: PassOptions,
): Promise<PlanPass> {
  const waiting: { id: string; waiting: Waiting }[] = [];
  let [operations, overtaken] = [0, 0];
  const chunks = plannedUsers(pool, rules, of);
  let next = chunks.next();
  for (;;) {
    const { value: chunk, done } = await next;
    if (done) return { operations, waiting, overtaken };
    // The next chunk is read and decided while this one is written; its failure waits to be awaited.
    next = chunks.next();
    next.catch(() => undefined);
    const write = async (client: Queryable) => {
      const may = await permitted(client, chunk, permits);
      // Whoever is provisioned by hand has been waited for, and the mirror was written for that alone.
      const valid = of?.only === undefined ? await stillMarked(client, may) : may;
      overtaken += may.length - valid.length;
      return writeChunk(client, valid, cycleId, stages);
    };
    const written = await transaction(pool, write, { relaxed: true });
    operations += written.length;
    await opened(written.filter((operation) => operation.state === 'open'));
    for (const { subject, decision } of chunk) {
      if (decision.kind === 'wait') waiting.push({ id: subject.id, waiting: decision });
    }
  }
}

/** Without those whose operation is not permitted: nothing is written of them. */
async function permitted(
  db: Queryable,
  chunk: readonly Planned[],
  permits: Permits | undefined,
): Promise<readonly Planned[]> {
  if (permits === undefined) return chunk;
  const wanted = chunk.flatMap((planned) => {
    const { decision, subject } = planned;
    if (!isOperative(decision)) return [];
    const { kind, attributes } = decision;
    return [{ entraId: subject.id, payload: { kind, account: accountOf(planned), attributes } }];
  });
  const may = await permits(db, wanted);
  return chunk.filter(({ subject, decision }) => !isOperative(decision) || may.has(subject.id));
}

/**
 * Without those whose mark has moved since the decision: provisioning by hand writes it anew with each reading, and takes it
 * with its own plan. The marks are locked, so that it cannot move any more.
 */
async function stillMarked(db: Queryable, chunk: readonly Planned[]): Promise<readonly Planned[]> {
  const { rows } = await db.query<{ id: string; mark: string }>(
    'select id, xmin::text as mark from to_compare where id = any($1) order by id for update',
    [chunk.map(({ subject }) => subject.id)],
  );
  const marks = new Map(rows.map(({ id, mark }) => [id, mark]));
  return chunk.filter(({ subject, mark }) => marks.get(subject.id) === mark);
}

/** A row of the outbox. */
export interface OperationRow {
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
    [planned.flatMap(({ subject, decision }) => (isUnsettled(decision) ? [] : [subject.id]))],
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
    if (isUnsettled(decision)) continue;
    settled.push(subject.id);
    if (decision.kind === 'refused') refused.push(subject.id);
    else if (decision.kind === 'fail') {
      const { code, reason } = decision;
      const waitsFor = 'waitsFor' in decision ? decision.waitsFor : undefined;
      failures.push({ entraId: subject.id, action: 'other', code, reason, waitsFor });
      log.push(logEntry(planned, 'failure', decision.reason, decision.code));
    } else if (decision.kind === 'skip') log.push(logEntry(planned, 'skipped', decision.reason, null));
    else if (isOperative(decision)) {
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

/** Nothing is decided yet: the mark stays, and the next wave looks again. */
function isUnsettled({ kind }: Planned['decision']): boolean {
  return kind === 'wait' || kind === 'pass';
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
      !['skip', 'wait', 'pass', 'refused', 'fail'].includes(planned.decision.kind) &&
      !isAnswered(planned, 'approved'),
  );
  if (answered.length > 0) {
    await db.query('delete from answers where entra_id = any($1)', [answered.map(({ subject }) => subject.id)]);
  }
}

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

/** Writes operations; whoever has one already keeps that. */
export async function insertOperations(
  db: Queryable,
  cycleId: number,
  operations: readonly OperationRow[],
): Promise<(WrittenOperation & { readonly state: OperationRow['state'] })[]> {
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
