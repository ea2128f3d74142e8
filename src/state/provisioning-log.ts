/**
 * The provisioning log, after Microsoft's provisioningObjectSummary
 * (https://learn.microsoft.com/graph/api/resources/provisioningobjectsummary): what was done to whom, and why not. The
 * one place that holds values. Only appended to.
 */
import { type AttributeValue, type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import { redactedText } from '../mapping/redaction.ts';
import type { Queryable } from './database.ts';

export const logActions = ['create', 'update', 'disable', 'delete', 'other'] as const;
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
  /** The operation in our words (create, adopt, reactivate, …), or `read` and `plan` where it never came to one. */
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

export interface LogRecord extends Omit<LogEntry, 'before' | 'after' | 'httpStatus'> {
  readonly httpStatus: number | null;
  /** Of a failure: how often this user has failed in a row, this time included. */
  readonly attempt: number | null;
  readonly modified: readonly ModifiedProperty[];
  readonly id: number;
  readonly activityAt: Date;
  readonly cycleId: number;
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

export interface LogFilter {
  /** Object id, userName or Maptician id, without case. */
  readonly user?: string | undefined;
  readonly action?: LogAction | undefined;
  readonly status?: LogStatus | undefined;
  readonly cycle?: number | undefined;
  readonly limit: number;
}

/** The newest entries that match, newest first. */
export async function readLog(db: Queryable, filter: LogFilter): Promise<LogRecord[]> {
  const { rows } = await db.query<Omit<LogRecord, 'modified'> & { before: unknown; after: unknown }>(
    `select id, activity_at as "activityAt", cycle_id as "cycleId", action, operation, status, entra_id as "entraId",
       user_name as "userName", maptician_id as "mapticianId", code, reason, http_status as "httpStatus", attempt,
       before, after
     from provisioning_log
     where ($1::text is null or entra_id::text = lower($1) or lower(user_name) = lower($1) or maptician_id = $1)
       and ($2::text is null or action = $2) and ($3::text is null or status = $3)
       and ($4::bigint is null or cycle_id = $4 and id > (select log_from from cycles where cycles.id = $4))
     order by id desc limit $5`,
    [filter.user ?? null, filter.action ?? null, filter.status ?? null, filter.cycle ?? null, filter.limit],
  );
  return rows.map(({ before, after, ...row }) => ({
    ...row,
    modified: modifiedProperties(userAttributes.parse(before), userAttributes.parse(after)),
  }));
}
