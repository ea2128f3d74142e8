/** An operator's levers. The command line, the console and the API pull the same ones, and each writes who pulled it. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import {
  type ProvisionContext,
  type ProvisionOptions,
  type ProvisionResult,
  provisionUsers,
} from './cycle/provision.ts';
import type { QueueBackend } from './queue/backend.ts';
import { scheduledJobs } from './queue/ticks.ts';
import { writeAudit } from './state/audit.ts';
import { transaction } from './state/database.ts';
import { retryNow } from './state/escrow.ts';
import { type Job, pauseJob, readJob, resumeJob } from './state/job.ts';
import type { FailureCause } from './state/user-list.ts';

/** Who pulls a lever; undefined for the user of the operating system, at the command line. */
export type Actor = string | undefined;

/** No cycle begins any more, and one that runs stops between two users. Resolves with false where it was paused already. */
export async function pause(pool: pg.Pool, actor?: Actor): Promise<boolean> {
  return transaction(pool, async (client) => {
    await writeAudit(client, { actor, action: 'pause', subject: null });
    return pauseJob(client);
  });
}

/** Out of pause and out of quarantine. Resolves with the job as it was before. */
export async function resume(pool: pg.Pool, actor?: Actor): Promise<Job> {
  return transaction(pool, async (client) => {
    const before = await readJob(client);
    await writeAudit(client, { actor, action: 'resume', subject: null });
    await resumeJob(client);
    return before;
  });
}

/**
 * Has users tried again by the next cycle: one, by object id or userName, who failed for one cause, or everyone who failed.
 * Resolves with their object ids; none where nobody of that name or cause has failed or was rejected.
 */
export async function retry(pool: pg.Pool, users: string | FailureCause | undefined, actor?: Actor): Promise<string[]> {
  return transaction(pool, async (client) => {
    const tried = await retryNow(client, users);
    if (tried.length > 0) {
      const subject = subjectOf(users, tried);
      await writeAudit(client, { actor, action: 'retry', subject, detail: { users: tried.length } });
    }
    return tried;
  });
}

/** One user by the object id: no name stands here. */
function subjectOf(users: string | FailureCause | undefined, tried: readonly string[]): string {
  if (users === undefined) return 'everyone who failed';
  if (typeof users === 'string') return `user ${tried.join(', ')}`;
  return `everyone who failed with ${users.code}${users.httpStatus === null ? '' : ` (${users.httpStatus})`}`;
}

/**
 * Provisions users at once, step by step (cycle/provision.ts), and writes down who has it done, of each user before anything
 * is written: by object id, and only of those who are found. A dry run pulls no lever.
 */
export async function provision(
  context: ProvisionContext,
  users: readonly string[],
  options: Omit<ProvisionOptions, 'beforeWriting'>,
  actor?: Actor,
): Promise<ProvisionResult> {
  // Who waits for somebody else's name is looked at twice.
  const written = new Set<string>();
  const beforeWriting = async (id: string, cycle: number) => {
    if (written.has(id)) return;
    await writeAudit(context.pool, { actor, action: 'provision', subject: `user ${id}`, detail: { cycle } });
    written.add(id);
  };
  return provisionUsers(context, users, { ...options, beforeWriting });
}

/**
 * Asks for a cycle now, as `sync` runs it: it does not wait for a quarantine to end. Some replica with a schedule runs it, unless
 * one runs already. Resolves with false where provisioning is paused: then there is none.
 */
export async function runNow(pool: pg.Pool, queue: QueueBackend, actor?: Actor): Promise<boolean> {
  const { pausedAt } = await readJob(pool);
  if (pausedAt !== null) return false;
  await writeAudit(pool, { actor, action: 'sync', subject: null });
  await queue.add('cycles', [
    { name: scheduledJobs.cycle, data: { trigger: 'console' }, id: `now-${randomUUID()}`, attempts: 1 },
  ]);
  return true;
}
