/** What operators did, each time one of them pulled a lever: who, what, when. Only appended to. */
import { userInfo } from 'node:os';
import { z } from 'zod';
import type { Queryable } from './database.ts';

export interface AuditEntry {
  /** Who did it; by default the user of the operating system that runs this process. */
  readonly actor?: string | undefined;
  /** The command: approve, reject, pause, … */
  readonly action: string;
  /** What it was done to, such as `set 17`; null where it concerns the job as a whole. */
  readonly subject: string | null;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** Appends an entry; in the transaction of what it tells of, where there is one. */
export async function writeAudit(db: Queryable, entry: AuditEntry): Promise<void> {
  const { actor = systemUser(), action, subject, detail = {} } = entry;
  await db.query('insert into audit (actor, action, subject, detail) values ($1, $2, $3, $4)', [
    actor,
    action,
    subject,
    JSON.stringify(detail),
  ]);
}

const auditRecord = z.object({
  id: z.number(),
  at: z.date(),
  actor: z.string(),
  action: z.string(),
  subject: z.string().nullable(),
  /** Counts, scopes, and the object ids of users where only some were meant. */
  detail: z.record(z.string(), z.unknown()),
});
export type AuditRecord = z.infer<typeof auditRecord>;

/** So many of the newest entries are looked at where only some actions are asked for. */
const lookedAtMost = 10_000;

/**
 * What operators did, newest first.
 * @param page.before only entries with a smaller id: the `next` of the page before
 * @param page.actions only these, among the newest entries
 */
export async function readAudit(
  db: Queryable,
  page: {
    readonly before?: number | undefined;
    readonly limit: number;
    readonly actions?: readonly string[] | undefined;
  },
): Promise<{ readonly entries: readonly AuditRecord[]; readonly next: number | undefined }> {
  const { before, limit, actions } = page;
  const { rows } = await db.query(
    `select id, at, actor, action, subject, detail from
       (select * from audit${before === undefined ? '' : ' where id < $4'} order by id desc limit $3) a
     where $1::text[] is null or action = any($1) order by id desc limit $2`,
    [actions ?? null, limit + 1, lookedAtMost, ...(before === undefined ? [] : [before])],
  );
  const entries = rows.slice(0, limit).map((row) => auditRecord.parse(row));
  return { entries, next: rows.length > limit ? entries.at(-1)?.id : undefined };
}

/** In a container the process may run under a number that has no name. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
