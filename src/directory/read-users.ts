/**
 * Reads users directly by `$batch`: the newly assigned (the delta does not announce them), those the delta called
 * removed (believed only when a direct read agrees), and whoever an initial cycle has not reached.
 */
import { transaction } from '../state/database.ts';
import { type BatchAnswer, batchSize, getBatch } from './graph-batch.ts';
import { graphErrorOf, graphSyncError } from './graph-client.ts';
import { type GraphUser, graphUser } from './graph-types.ts';
import { writeAbsent, writeUsers } from './mirror.ts';
import type { PullContext } from './pull-context.ts';
import { selectQuery } from './users-delta.ts';

/** Requests in flight; an inner request costs one resource unit, so this stays far below the tenant's bucket. */
const parallel = 4;

interface Unread {
  readonly id: string;
  readonly suspect: 'changed' | 'deleted' | null;
  /** Never read before: a 404 may only mean that it is not readable yet. */
  readonly unknown: boolean;
}

/** A user that could not be read this time: it keeps its state and is read again in the next cycle. */
export interface UnreadUser {
  readonly id: string;
  readonly code: 'TooManyRequests' | 'InternalServerError' | 'UnexpectedAnswer';
  readonly reason: string;
}

function notRead(id: string, status: number): UnreadUser {
  const code = status === 429 ? 'TooManyRequests' : status >= 500 ? 'InternalServerError' : 'UnexpectedAnswer';
  return { id, code, reason: `Graph answered ${status} when the user was read` };
}

/** Reads every row that needs it. Resolves with those that stayed unread. */
export async function readPendingUsers(context: PullContext): Promise<UnreadUser[]> {
  const { rows: count } = await context.pool.query<{ count: number }>(
    'select count(*) as count from users where needs_read',
  );
  const total = count[0]?.count ?? 0;
  const unread: UnreadUser[] = [];
  let done = 0;
  let after = '00000000-0000-0000-0000-000000000000';
  while (total > 0) {
    const { rows } = await context.pool.query<Unread>(
      `select id, suspect, attributes = '{}' as unknown from users where needs_read and id > $1 order by id limit $2`,
      [after, batchSize * parallel],
    );
    const last = rows.at(-1);
    if (last === undefined) break;
    after = last.id;
    unread.push(...(await readSome(context, rows)));
    done += rows.length;
    context.progress('reading', done, total);
  }
  return unread;
}

async function readSome(context: PullContext, users: readonly Unread[]): Promise<UnreadUser[]> {
  const select = selectQuery(context.mirror);
  const answers = await getInParallel(
    context,
    users.map((user) => `/users/${user.id}?${select}`),
  );
  refuseAll(answers, 'users');
  const present: GraphUser[] = [];
  const missing: Unread[] = [];
  const unread: UnreadUser[] = [];
  for (const [index, answer] of answers.entries()) {
    const user = users[index];
    if (user === undefined) continue;
    const parsed = graphUser.safeParse(answer.body);
    if (answer.status === 200 && parsed.success) present.push(parsed.data);
    else if (answer.status === 404) missing.push(user);
    else unread.push(notRead(user.id, answer.status));
  }
  const { absent, unclear, restored } = await findDeleted(context, missing);
  const unreadable = await transaction(context.pool, async (client) => {
    const refused = await writeUsers(client, [...present, ...restored], context.mirror);
    await writeAbsent(client, absent);
    return refused;
  });
  return [...unread, ...unclear, ...unreadable.map((user) => ({ ...user, code: 'UnexpectedAnswer' as const }))];
}

/**
 * Tells the soft-deleted from the purged: the delta's own reason where there is one, else `directory/deletedItems`.
 * A user that was never read and is nowhere may not be replicated yet, and stays unread without being a failure; any
 * other is looked for once more before its account is deleted: it may have been restored between the two reads.
 */
async function findDeleted(context: PullContext, missing: readonly Unread[]) {
  const absent: { id: string; presence: 'soft_deleted' | 'purged' }[] = [];
  const unclear: UnreadUser[] = [];
  const asked: Unread[] = [];
  const nowhere: Unread[] = [];
  const restored: GraphUser[] = [];
  for (const user of missing) {
    if (user.suspect === 'deleted') absent.push({ id: user.id, presence: 'purged' });
    else if (user.suspect === 'changed') absent.push({ id: user.id, presence: 'soft_deleted' });
    else asked.push(user);
  }
  const answers = await getInParallel(
    context,
    asked.map((user) => `/directory/deletedItems/microsoft.graph.user/${user.id}`),
  );
  refuseAll(answers, 'deleted users');
  for (const [index, answer] of answers.entries()) {
    const user = asked[index];
    if (user === undefined) continue;
    if (answer.status === 200) absent.push({ id: user.id, presence: 'soft_deleted' });
    else if (answer.status !== 404) unclear.push(notRead(user.id, answer.status));
    else if (!user.unknown) nowhere.push(user);
  }
  const select = selectQuery(context.mirror);
  const secondAnswers = await getInParallel(
    context,
    nowhere.map((user) => `/users/${user.id}?${select}`),
  );
  for (const [index, answer] of secondAnswers.entries()) {
    const user = nowhere[index];
    if (user === undefined) continue;
    const parsed = graphUser.safeParse(answer.body);
    if (answer.status === 200 && parsed.success) restored.push(parsed.data);
    else if (answer.status === 404) absent.push({ id: user.id, presence: 'purged' });
    else unclear.push(notRead(user.id, answer.status));
  }
  return { absent, unclear, restored };
}

/** A missing permission shows with every user alike: it stops the cycle instead of failing them one by one. */
function refuseAll(answers: readonly BatchAnswer[], what: string): void {
  const [first] = answers;
  if (first === undefined || !answers.every(({ status }) => status === 401 || status === 403)) return;
  throw graphSyncError(graphErrorOf(first.status, first.body, new Headers()), what, 'User.Read.All');
}

/** Several batches at once, answers in the order of the URLs. */
export async function getInParallel(context: PullContext, urls: readonly string[]): Promise<BatchAnswer[]> {
  const parts: string[][] = [];
  for (let start = 0; start < urls.length; start += batchSize) parts.push(urls.slice(start, start + batchSize));
  const answers: BatchAnswer[][] = [];
  for (let start = 0; start < parts.length; start += parallel) {
    answers.push(
      ...(await Promise.all(parts.slice(start, start + parallel).map((part) => getBatch(context.graph, part)))),
    );
  }
  return answers.flat();
}
