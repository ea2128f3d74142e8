/** What operators did, each time one of them pulled a lever: who, what, when. Only appended to. */
import { userInfo } from 'node:os';
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

/** In a container the process may run under a number that has no name. */
function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}
