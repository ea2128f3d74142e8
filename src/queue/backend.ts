/**
 * BullMQ, on Redis where REDIS_URL is set and on Postgres otherwise. Everything else speaks of queues and workers only,
 * so both run the same code and the same tests.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPostgresBackend,
  type JobsOptions,
  type JobType,
  Queue,
  runMigrations,
  type Telemetry,
  Worker,
  type WorkerOptions,
} from 'bullmq';
import { Redis } from 'ioredis';
import pg from 'pg';
import { SyncError, toError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { ChannelName } from '../notify/kinds.ts';
import { postgresError } from '../postgres-errors.ts';

/** The three queues. Payloads hold ids only: Redis and BullMQ's tables are no place for personal data. */
export const queueNames = ['operations', 'cycles', 'notifications'] as const;
export type QueueName = (typeof queueNames)[number];

type JobData = CycleJob | OperationsJob | NotificationJob;

interface CycleJob {
  /** `console`: somebody asked for it, there or over the API. */
  readonly trigger: 'schedule' | 'console';
}

interface OperationsJob {
  readonly operations: readonly number[];
  /** They may have been tried before. */
  readonly again?: true;
}

interface NotificationJob {
  readonly notification: number;
  readonly channel: ChannelName;
}

/** What a processor sees of a job. */
export interface RunningJob {
  readonly name: string;
  readonly data: unknown;
  /** False for a job that failed, or whose worker died, before. */
  readonly firstTry: boolean;
  /** True when a failure of this attempt is the job's last. */
  readonly lastTry: boolean;
}

export interface NewJob {
  readonly name: string;
  readonly data: JobData;
  /** A job of the same id that is still known is not added again. */
  readonly id?: string;
  readonly attempts: number;
}

export interface QueueBackend {
  readonly kind: 'redis' | 'postgres';
  add(queue: QueueName, jobs: readonly NewJob[]): Promise<void>;
  /** Adds a job unless one that was added so, by the same name, waits or runs: then resolves with which of the two. */
  addOnce(queue: QueueName, job: NewJob): Promise<'added' | 'waiting' | 'active'>;
  /** Jobs that wait, are delayed or run. */
  depth(queue: QueueName): Promise<number>;
  /** BullMQ's own object, for whatever shows the queue. */
  queue(queue: QueueName): Queue;
  /** Starts to take jobs; the returned function stops the intake and resolves when what runs has ended. */
  work(queue: QueueName, process: (job: RunningJob) => Promise<void>, concurrency: number): () => Promise<void>;
  check(): Promise<string>;
  close(): Promise<void>;
}

const postgresSchema = 'maptician_queue';
/** Milliseconds for what runs to end; a job that does not is run again elsewhere. */
const closeWithin = 25_000;
/** First pause of the exponential backoff between attempts of one job. */
const backoffDelay = 500;

export interface QueueOptions {
  readonly redisUrl: string | undefined;
  readonly databaseUrl: string;
  /** Which installation it is: several may share a Redis and must not take each other's jobs. */
  readonly instance: string;
  readonly log: Log;
  /** Makes spans of what is added and of what is worked on. */
  readonly spans?: Telemetry | undefined;
}

/** Opens the backend; rejects with a SyncError that says what to mend. Opens each queue when it is first used. */
export async function openQueueBackend(options: QueueOptions): Promise<QueueBackend> {
  const log = (thrown: unknown) => options.log.warn({ reason: toError(thrown).message }, 'the queue reported an error');
  const common = options.spans === undefined ? {} : { telemetry: options.spans };
  const source =
    options.redisUrl === undefined
      ? await openPostgres(options.databaseUrl, common)
      : await openRedis(options.redisUrl, { ...common, prefix: `maptician-sync:${options.instance}` });
  const queues = new Map<QueueName, Queue>();
  const queueOf = (name: QueueName): Queue => {
    const known = queues.get(name);
    if (known !== undefined) return known;
    const queue = source.queue(name);
    queue.on('error', log);
    queues.set(name, queue);
    return queue;
  };

  return {
    kind: options.redisUrl === undefined ? 'postgres' : 'redis',
    add: async (name, jobs) => {
      const adding = queueOf(name).addBulk(
        jobs.map((job) => ({ name: job.name, data: job.data, opts: optionsOf(job) })),
      );
      await adding.catch(lost);
    },
    addOnce: (name, job) => addOnce(queueOf(name), job).catch(lost),
    depth: async (name) => {
      const { completed: _, failed: __, ...left } = await jobCounts(queueOf(name)).catch(lost);
      return Object.values(left).reduce((sum, count) => sum + count, 0);
    },
    queue: queueOf,
    work: (name, process, concurrency) => {
      const worker = source.worker(
        name,
        async (job) =>
          process({
            name: job.name,
            data: job.data,
            firstTry: job.attemptsStarted <= 1,
            lastTry: job.attemptsMade + 1 >= (job.opts.attempts ?? 1),
          }),
        { concurrency, lockDuration: 60_000, stalledInterval: 15_000, maxStalledCount: 5 },
      );
      worker.on('error', log);
      return () => inTime(worker.close());
    },
    check: source.check,
    close: async () => {
      for (const queue of queues.values()) await inTime(queue.close());
      await source.close();
    },
  };
}

function optionsOf({ id, attempts }: NewJob): JobsOptions {
  return {
    attempts,
    backoff: { type: 'exponential', delay: backoffDelay, jitter: 0.5 },
    // A finished cycle job stays for a day, so that another replica's tick of the same minute finds its id.
    removeOnComplete: id === undefined ? true : { age: 24 * 60 * 60, count: 100 },
    removeOnFail: { age: 24 * 60 * 60, count: 100 },
    ...(id === undefined ? {} : { jobId: id }),
  };
}

async function addOnce(queue: Queue, job: NewJob): Promise<'added' | 'waiting' | 'active'> {
  const id = `once-${randomUUID()}`;
  const key = job.name;
  for (let ended: string | undefined; ; ) {
    const known = await queue.add(job.name, job.data, { ...optionsOf({ ...job, id }), deduplication: { id: key } });
    if (known.id === id || known.id === undefined) return 'added';
    const state = await queue.getJobState(known.id);
    if (state !== 'completed' && state !== 'failed' && state !== 'unknown') {
      return state === 'active' ? 'active' : 'waiting';
    }
    // It ended a moment ago; or it was lost, with its mark left, which would keep every other out for ever.
    if (ended === known.id) await queue.removeDeduplicationKey(key);
    ended = known.id;
  }
}

/** `paused`: on Postgres those that wait in a queue that is paused, which BullMQ tells of but has no type for. */
export const jobStates = ['waiting', 'paused', 'active', 'delayed', 'prioritized', 'completed', 'failed'] as const;

/** Jobs by BullMQ's state of them. */
export function jobCounts(queue: Queue): Promise<Readonly<Record<string, number>>> {
  return queue.getJobCounts(...(jobStates as readonly string[] as JobType[]));
}

/** A queue that does not answer any more must not keep a process from ending. */
async function inTime(closing: Promise<void>): Promise<void> {
  await Promise.race([closing, sleep(closeWithin, undefined, { ref: false })]);
}

function lost(thrown: unknown): never {
  throw new SyncError('Unreachable', `The queue could not be reached: ${redisReason(thrown)}`, { cause: thrown });
}

type Processor = (job: {
  name: string;
  data: unknown;
  attemptsMade: number;
  attemptsStarted: number;
  opts: { attempts?: number | undefined };
}) => Promise<void>;
type WorkerTuning = Pick<WorkerOptions, 'concurrency' | 'lockDuration' | 'stalledInterval' | 'maxStalledCount'>;

interface Source {
  queue(name: QueueName): Queue;
  worker(name: QueueName, process: Processor, tuning: WorkerTuning): Worker;
  check(): Promise<string>;
  close(): Promise<void>;
}

/** What every queue and worker is opened with. */
interface CommonOptions {
  readonly telemetry?: Telemetry;
}

async function openPostgres(url: string, common: CommonOptions): Promise<Source> {
  const client = new pg.Client({ connectionString: url, application_name: 'maptician-sync queue' });
  try {
    await client.connect();
    await runMigrations(client, postgresSchema);
  } catch (thrown) {
    throw postgresError(thrown, 'the queue (DATABASE_URL)');
  } finally {
    await client.end().catch(() => undefined);
  }
  const connection = { connectionString: url, schema: postgresSchema, max: 6 };
  return {
    queue: (name) => new Queue(name, { connection, ...common }, createPostgresBackend) as unknown as Queue,
    worker: (name, process, tuning) =>
      new Worker(name, process, { connection, ...common, ...tuning }, createPostgresBackend) as unknown as Worker,
    check: async () => 'BullMQ on Postgres (DATABASE_URL)',
    close: async () => undefined,
  };
}

async function openRedis(url: string, common: CommonOptions & { readonly prefix: string }): Promise<Source> {
  const failure = (thrown: unknown) =>
    new SyncError('Unreachable', `Redis (REDIS_URL) could not be reached: ${redisReason(thrown)}`, { cause: thrown });
  const redis = new Redis(url, {
    lazyConnect: true,
    maxRetriesPerRequest: 3,
    connectTimeout: 10_000,
    retryStrategy: () => null,
  });
  redis.on('error', () => undefined);
  let policy: string | undefined;
  try {
    await redis.connect();
    await redis.ping();
    policy = /maxmemory_policy:(\S+)/.exec(await redis.info('memory'))?.[1];
  } catch (thrown) {
    throw failure(thrown);
  } finally {
    redis.disconnect();
  }
  // Workers wait for jobs for as long as it takes, so their connection must not give up; whoever adds jobs wants to know
  // (BullMQ, going to production).
  const open = (maxRetriesPerRequest: number | null) => {
    const connection = new Redis(url, { maxRetriesPerRequest, connectionName: 'maptician-sync' });
    connection.on('error', () => undefined);
    connections.push(connection);
    return connection;
  };
  const connections: Redis[] = [];
  return {
    queue: (name) => new Queue(name, { connection: open(5), ...common }),
    worker: (name, process, tuning) => new Worker(name, process, { connection: open(null), ...common, ...tuning }),
    check: async () =>
      policy === undefined || policy === 'noeviction'
        ? 'BullMQ on Redis (REDIS_URL)'
        : `BullMQ on Redis (REDIS_URL); set its maxmemory-policy to noeviction, it is ${policy}`,
    close: async () => {
      for (const connection of connections) connection.disconnect();
    },
  };
}

function redisReason(thrown: unknown): string {
  const error = toError(thrown);
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
