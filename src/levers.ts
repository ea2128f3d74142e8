/** An operator's levers. The command line, the console and the API pull the same ones, and each writes who pulled it. */
import { setTimeout as sleep } from 'node:timers/promises';
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
import { isCycleRunning } from './state/cycles.ts';
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

/** What came of asking for a cycle; `waiting`: one that was asked for before is about to begin. */
export type Asked = 'asked' | 'running' | 'waiting' | 'paused';

/** Milliseconds for a job that is on its way to a cycle, or comes from one, to arrive. */
const settlesWithin = 2_000;

/**
 * Asks for a cycle now, as `sync` runs it: it does not wait for a quarantine to end. Some replica with a schedule runs it. There
 * is none where provisioning is paused, where a cycle runs, and where one that was asked for has not begun.
 */
export async function runNow(pool: pg.Pool, queue: QueueBackend, actor?: Actor): Promise<Asked> {
  const { pausedAt } = await readJob(pool);
  if (pausedAt !== null) return 'paused';
  if (await isCycleRunning(pool)) return 'running';
  await writeAudit(pool, { actor, action: 'sync', subject: null });
  for (const deadline = Date.now() + settlesWithin; ; ) {
    const job = { name: scheduledJobs.cycle, data: { trigger: 'console' }, attempts: 1 } as const;
    const outcome = await queue.addOnce('cycles', job);
    if (outcome === 'added') return 'asked';
    // Its cycle is about to begin, or has just ended.
    if (outcome === 'waiting' || Date.now() > deadline) return 'waiting';
    if (await isCycleRunning(pool)) return 'running';
    await sleep(50);
  }
}

/** What came of it in one sentence, for whoever asked. */
export const askedSentences: Readonly<Record<Asked, string>> = {
  asked: 'A cycle was asked for. It begins within seconds, where a service with a schedule runs.',
  running: 'A cycle is running already, so no other was asked for.',
  waiting: 'A cycle was asked for already and has not begun yet; it does, where a service with a schedule runs.',
  paused: 'Provisioning is paused, so no cycle was asked for. Resume it first.',
};
