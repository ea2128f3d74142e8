/**
 * The provisioning log, after Microsoft's provisioningObjectSummary
 * (https://learn.microsoft.com/graph/api/resources/provisioningobjectsummary): what was done to whom, and why not. The
 * one place that holds values. Only appended to; its months are in log-partitions.ts.
 */
import { z } from 'zod';
import { type AttributeValue, type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import { redactedText } from '../mapping/redaction.ts';
import type { OperationKind } from '../plan/decide.ts';
import type { Queryable } from './database.ts';
import { logConditions } from './log-filter.ts';

export const logActions = ['create', 'update', 'disable', 'delete', 'stageddelete', 'other'] as const;
export type LogAction = (typeof logActions)[number];
export const logStatuses = ['success', 'failure', 'skipped', 'warning'] as const;
export type LogStatus = (typeof logStatuses)[number];

export interface ModifiedProperty {
  readonly displayName: string;
  readonly oldValue: AttributeValue;
  readonly newValue: AttributeValue;
}

export interface LogEntry {
  readonly action: LogAction;
  /** The operation in our words (create, adopt, reactivate, hold, …), or `read` and `plan` where it never came to one. */
  readonly operation: string;
  readonly status: LogStatus;
  readonly entraId: string;
  readonly userName: string | null;
  readonly mapticianId: string | null;
  readonly code: string | null;
  readonly reason: string | null;
  /** The HTTP status of a refusal. */
  readonly httpStatus?: number | undefined;
  /** What was written, and what it was before. */
  readonly before?: UserAttributes;
  readonly after?: UserAttributes;
}

const logRow = z.object({
  id: z.number(),
  activityAt: z.date(),
  cycleId: z.number(),
  action: z.enum(logActions),
  operation: z.string(),
  status: z.enum(logStatuses),
  entraId: z.string(),
  userName: z.string().nullable(),
  mapticianId: z.string().nullable(),
  code: z.string().nullable(),
  reason: z.string().nullable(),
  httpStatus: z.number().nullable(),
  attempt: z.number().nullable(),
  nextRetryAt: z.date().nullable(),
  durationMs: z.number().nullable(),
  trigger: z.string().nullable(),
  xact: z.string(),
  before: userAttributes,
  after: userAttributes,
});

export interface LogRecord extends Omit<LogEntry, 'before' | 'after' | 'httpStatus'> {
  readonly id: number;
  readonly activityAt: Date;
  readonly cycleId: number;
  readonly httpStatus: number | null;
  /** Of a failure: how often this user has failed in a row, this time included. */
  readonly attempt: number | null;
  /** Of a user's latest failure: when the next try is; null where another entry has followed, or where there is none. */
  readonly nextRetryAt: Date | null;
  /** How long the job took that this was done in; null where it is not known. */
  readonly durationMs: number | null;
  /** What started the cycle; null where the cycle is not known any more. */
  readonly trigger: string | null;
  readonly modified: readonly ModifiedProperty[];
}

/** What changed, property by property; a property that had no value before has the old value null. */
export function modifiedProperties(before: UserAttributes, changes: UserAttributes): ModifiedProperty[] {
  return Object.entries(changes)
    .map(([displayName, newValue]) => ({
      displayName,
      oldValue: before[displayName as keyof UserAttributes] ?? null,
      newValue: newValue ?? null,
    }))
    .filter(({ oldValue, newValue }) => oldValue !== newValue || newValue === redactedText);
}

/** Appends entries. Those of failures are written before escrow counts them: an entry's attempt is one more. */
export async function writeLog(db: Queryable, cycleId: number, entries: readonly LogEntry[]): Promise<void> {
  if (entries.length === 0) return;
  await db.query(
    `insert into provisioning_log (cycle_id, action, operation, status, entra_id, user_name, maptician_id, code, reason,
       http_status, attempt, before, after)
     select $1, action, operation, status, "entraId", "userName", "mapticianId", code, reason, "httpStatus",
       case when status = 'failure' then coalesce((select attempts from escrow where entra_id = "entraId"), 0) + 1 end,
       coalesce(before, '{}'), coalesce(after, '{}')
     from jsonb_to_recordset($2) as p(action text, operation text, status text, "entraId" uuid, "userName" text,
       "mapticianId" text, code text, reason text, "httpStatus" integer, before jsonb, after jsonb)`,
    [cycleId, JSON.stringify(entries)],
  );
}

/**
 * Appends that what is staged of these kinds waits for an operator: a removal is a staged delete, in Microsoft's word. To
 * be called in the transaction in which it is held.
 */
export async function logHeld(db: Queryable, cycleId: number, kinds: readonly OperationKind[]): Promise<void> {
  await db.query(
    `insert into provisioning_log (cycle_id, action, operation, status, entra_id, user_name, maptician_id, reason)
     select $1, case when o.kind in ('deactivate', 'delete') then 'stageddelete' else 'other' end, 'hold', 'warning',
       o.entra_id, coalesce(l.user_name, u.user_name), coalesce(l.maptician_id, o.maptician_id),
       'the ' || o.kind || ' is held until it is approved or rejected: ' || coalesce(o.reason, '')
     from operations o left join links l on l.entra_id = o.entra_id left join users u on u.id = o.entra_id
     where o.state = 'staged' and o.kind = any($2) order by o.id`,
    [cycleId, kinds],
  );
}

export interface LogFilter {
  /**
   * Object id, userName or Maptician id, without case. Of a userName whoever has it now is meant, and where nobody has,
   * whoever had it; all entries of these users are found, under whatever name.
   */
  readonly user?: string | undefined;
  readonly action?: LogAction | undefined;
  readonly status?: LogStatus | undefined;
  readonly code?: string | undefined;
  readonly cycle?: number | undefined;
  /** From this moment on, and before that one. */
  readonly since?: Date | undefined;
  readonly until?: Date | undefined;
  /** Only entries with a smaller id. */
  readonly before?: number | undefined;
  /** All of them by default. */
  readonly limit?: number | undefined;
}

const pageSize = 500;

/** The newest entries that match, newest first. */
export async function readLog(db: Queryable, filter: LogFilter): Promise<LogRecord[]> {
  const found: LogRecord[] = [];
  for await (const page of readLogPages(db, filter)) found.push(...page);
  return found;
}

/** The entries that match, newest first, page by page: what is appended meanwhile is not among them. */
export async function* readLogPages(db: Queryable, filter: LogFilter): AsyncGenerator<LogRecord[]> {
  const { conditions, values } = await logConditions(db, filter);
  const { limit = Number.POSITIVE_INFINITY } = filter;
  let below: number | undefined;
  for (let read = 0; read < limit; ) {
    const size = Math.min(pageSize, limit - read);
    const page = await readRecords(
      db,
      `select * from provisioning_log p where ${[...conditions, ...(below === undefined ? [] : [`p.id < ${below}`]), 'true'].join(' and ')}
       order by p.id desc limit ${size}`,
      values,
    );
    if (page.length > 0) yield page;
    if (page.length < size) return;
    read += page.length;
    below = page.at(-1)?.id;
  }
}

/** Up to where the log was read in the order in which it was committed. */
export const logPosition = z.object({
  /** The transaction and the id of the last entry read, in the order in which they are read. */
  xact: z.string().regex(/^\d+$/),
  id: z.number(),
  /** Only entries with a greater id are read: those before it were read under the transaction numbers of another server. */
  above: z.number(),
});
export type LogPosition = z.infer<typeof logPosition>;

/** Before everything. */
export const startOfLog: LogPosition = { xact: '0', id: 0, above: 0 };

/** Where the log ends now, for whoever only wants what is committed from now on. */
export async function endOfLog(db: Queryable): Promise<LogPosition> {
  const { rows } = await db.query<{ xact: string }>('select pg_snapshot_xmin(pg_current_snapshot())::text as xact');
  return { ...startOfLog, xact: rows[0]?.xact ?? '0' };
}

/**
 * The next entries in the order of their transactions, and the position behind them; none where there are no more yet. An
 * entry is read only when every transaction that began before its own has ended, so nothing is ever committed behind the
 * position. A database that was restored on another server numbers transactions anew: what has a greater number than any
 * there comes from before and is committed; after it, the entries of the new numbers are read.
 */
export async function readCommitted(
  db: Queryable,
  position: LogPosition,
  limit: number,
  filter: LogFilter = {},
): Promise<{ readonly records: LogRecord[]; readonly position: LogPosition }> {
  const { conditions, values } = await logConditions(db, filter, { former: false });
  const [xact, id, above] = [1, 2, 3].map((place) => `$${values.length + place}`);
  const { rows } = await db.query(
    `${selectFrom('provisioning_log')} where ${[...conditions, 'true'].join(' and ')} and (p.xact_id, p.id) > (${xact}::xid8, ${id}) and p.id > ${above}
       and (p.xact_id < pg_snapshot_xmin(pg_current_snapshot()) or p.xact_id >= pg_snapshot_xmax(pg_current_snapshot()))
     order by p.xact_id, p.id limit ${limit}`,
    [...values, position.xact, position.id, position.above],
  );
  const found = rows.map((row) => logRow.parse(row));
  const last = found.at(-1);
  if (last !== undefined) {
    return { records: found.map(toRecord), position: { ...position, xact: last.xact, id: last.id } };
  }
  const restored = await db.query<{ above: number }>(
    `select coalesce(max(id), 0) as above from provisioning_log
     where $1::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) and xact_id >= pg_snapshot_xmax(pg_current_snapshot())`,
    [position.xact],
  );
  const beyond = restored.rows[0]?.above ?? 0;
  if (beyond <= position.above) return { records: [], position };
  return readCommitted(db, { xact: '0', id: 0, above: beyond }, limit, filter);
}

/**
 * The records of some rows of the log, newest first.
 * @param rows the statement that selects them, with all columns
 */
export async function readRecords(db: Queryable, rows: string, values: readonly unknown[]): Promise<LogRecord[]> {
  const found = await db.query(`${selectFrom(`(${rows})`)} order by p.id desc`, [...values]);
  return found.rows.map((row) => toRecord(logRow.parse(row)));
}

const selectFrom = (
  rows: string,
) => `select p.id, p.activity_at as "activityAt", p.cycle_id as "cycleId", p.action, p.operation, p.status,
    p.entra_id as "entraId", p.user_name as "userName", p.maptician_id as "mapticianId", p.code, p.reason,
    p.http_status as "httpStatus", p.attempt, e.next_retry_at as "nextRetryAt", p.duration_ms as "durationMs",
    c.trigger, p.xact_id::text as xact, p.before, p.after
  from ${rows} p
    left join escrow e on p.status = 'failure' and e.entra_id = p.entra_id and e.attempts = p.attempt
      and e.last_cycle_id = p.cycle_id
    left join cycles c on c.id = p.cycle_id`;

function toRecord({ before, after, xact: _, ...row }: z.infer<typeof logRow>): LogRecord {
  return { ...row, modified: modifiedProperties(before, after) };
}
