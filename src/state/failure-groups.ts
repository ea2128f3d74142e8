/**
 * Who failed, by what is wrong: one cause concerns many users, as a rule, and is mended once. Users of one cause are a list as
 * any other (state/user-list.ts).
 */
import { z } from 'zod';
import { type ErrorCode, errorCodes, recommendedAction } from '../errors.ts';
import type { Queryable } from './database.ts';
import type { FailureCause } from './user-list.ts';

const groupRow = z.object({
  code: z.string(),
  httpStatus: z.number().nullable(),
  users: z.number(),
  /** Of these, who is not tried again by itself any more. */
  givenUp: z.number(),
  firstFailedAt: z.date(),
  lastFailedAt: z.date(),
  /** The next try of any of them; null where all are given up. */
  nextRetryAt: z.date().nullable(),
});

export interface FailureGroup extends Readonly<z.infer<typeof groupRow>> {
  /** What a person should do; empty for a code of another version. */
  readonly action: string;
  /**
   * What the other side says, most frequent first, with `…` for what differs between users: of some of them, so that nothing
   * that is rare needs to be in it.
   */
  readonly reasons: readonly string[];
}

/** Of so many users of each cause the reasons are compared. */
const sampled = 200;
const reasonsShown = 3;

/** The most frequent cause first. There are as many as there are codes and statuses: a few. */
export async function readFailureGroups(db: Queryable): Promise<FailureGroup[]> {
  const { rows } = await db.query(
    `select code, http_status as "httpStatus", count(*) as users, count(*) filter (where next_retry_at is null) as "givenUp",
       min(first_failed_at) as "firstFailedAt", max(last_failed_at) as "lastFailedAt", min(next_retry_at) as "nextRetryAt"
     from escrow group by 1, 2 order by users desc, 1, 2`,
  );
  const groups = rows.map((row) => groupRow.parse(row));
  const reasons = await Promise.all(groups.map((group) => readReasons(db, group)));
  return groups.map((group, place) => ({
    ...group,
    action: actionOf(group.code),
    reasons: commonReasons(reasons[place] ?? []),
  }));
}

async function readReasons(db: Queryable, { code, httpStatus }: FailureCause): Promise<string[]> {
  const { rows } = await db.query<{ reason: string }>(
    `select reason from escrow where code = $1 and http_status is not distinct from $2 limit ${sampled}`,
    [code, httpStatus],
  );
  return rows.map(({ reason }) => reason);
}

function actionOf(code: string): string {
  const known = errorCodes.find((candidate): candidate is ErrorCode => candidate === code);
  return known === undefined ? '' : recommendedAction(known);
}

/** What is of one user alone: addresses, ids and long numbers. */
const individual = [
  /[\p{L}\p{N}_.+#-]+@[\p{L}\p{N}-]+(\.[\p{L}\p{N}-]+)*/gu,
  /\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/giu,
  /\b\d{4,}\b/gu,
] as const;
/** What stands in quotation marks is as often the name of a rule, which says most, as it is a value. */
const quoted = /"[^"]*"|“[^”]*”|(?<!\w)'[^']*'(?!\w)/gu;

/**
 * What reasons have in common, most frequent first: without what is of one user alone and, where they still differ, without what
 * stands in quotation marks. Pure.
 */
export function commonReasons(reasons: readonly string[]): string[] {
  const general = reasons.map((reason) => without(individual, reason));
  const unlike = new Set(general).size > reasonsShown;
  const counts = new Map<string, number>();
  for (const reason of unlike ? general.map((text) => without([quoted], text)) : general) {
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  return [...counts]
    .sort(([, one], [, other]) => other - one)
    .slice(0, reasonsShown)
    .map(([reason]) => reason);
}

function without(patterns: readonly RegExp[], reason: string): string {
  return patterns
    .reduce((text, pattern) => text.replaceAll(pattern, '…'), reason)
    .replaceAll(/\s+/gu, ' ')
    .trim();
}
