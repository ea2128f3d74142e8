import { randomInt, randomUUID } from 'node:crypto';
import { afterEach, describe, expect, inject, it } from 'vitest';
import { createLog } from '../src/log.ts';
import { openQueueBackend, type QueueBackend, type RunningJob } from '../src/queue/backend.ts';
import { enqueueOperations } from '../src/queue/outbox.ts';
import { createDatabase } from './support/database.ts';
import { waitUntil } from './support/wait-until.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A database of Redis of its own, so that tests of other files are not met. */
function redisUrl(): string {
  const url = new URL(inject('redisUrl') ?? '');
  url.pathname = `/${randomInt(1, 15)}`;
  return url.href;
}

const backends = ['postgres', ...(inject('redisUrl') === undefined ? [] : (['redis'] as const))] as const;

describe.each(backends)('the queue on %s', (kind) => {
  async function open(): Promise<(instance?: string) => Promise<QueueBackend>> {
    const database = await createDatabase();
    cleanups.push(() => database.drop());
    const options = {
      redisUrl: kind === 'redis' ? redisUrl() : undefined,
      databaseUrl: database.url,
      log: createLog('silent'),
    };
    // A queue that a test before left paused, in the same database of Redis, is not this one's.
    const own = randomUUID();
    return async (instance = own) => {
      const backend = await openQueueBackend({ ...options, instance });
      cleanups.push(() => backend.close());
      return backend;
    };
  }

  it('carries operations of one kind in jobs of the size the user store takes', async () => {
    const queue = await (await open())();
    const jobs: RunningJob[] = [];
    cleanups.push(queue.work('operations', async (job) => void jobs.push(job), 1));
    const operations = [1, 2, 3, 4, 5].map((id) => ({ id, kind: 'create' as const }));
    await enqueueOperations(queue, [...operations, { id: 6, kind: 'delete' }], 2);
    await waitUntil(async () => jobs.length === 4, { message: 'four jobs' });
    expect(jobs.map(({ name, data }) => ({ name, data }))).toEqual([
      { name: 'create-users', data: { operations: [1, 2] } },
      { name: 'create-users', data: { operations: [3, 4] } },
      { name: 'create-users', data: { operations: [5] } },
      { name: 'delete-users', data: { operations: [6] } },
    ]);
  });

  it('tries a job again that failed, and says when it is the last time', async () => {
    const queue = await (await open())();
    const tries: boolean[] = [];
    const process = async ({ lastTry }: RunningJob) => {
      tries.push(lastTry);
      throw new Error('Timeout');
    };
    cleanups.push(queue.work('operations', process, 1));
    await queue.add('operations', [{ name: 'create-users', data: { operations: [1] }, attempts: 2 }]);
    await waitUntil(async () => tries.length === 2, { message: 'two tries' });
    expect(tries).toEqual([false, true]);
  });

  it('adds a job once while it waits or runs, and is not kept from it by one that was lost', async () => {
    const queue = await (await open())();
    const job = { name: 'run-cycle', data: { trigger: 'console' as const }, attempts: 1 };
    expect(await queue.addOnce('cycles', job)).toBe('added');
    expect(await Promise.all([queue.addOnce('cycles', job), queue.addOnce('cycles', job)])).toEqual([
      'waiting',
      'waiting',
    ]);
    expect(await queue.depth('cycles')).toBe(1);
    const begun = Promise.withResolvers<void>();
    const ends = Promise.withResolvers<void>();
    cleanups.push(
      queue.work(
        'cycles',
        async () => {
          begun.resolve();
          await ends.promise;
          throw new Error('Timeout');
        },
        1,
      ),
    );
    await begun.promise;
    expect(await queue.addOnce('cycles', job)).toBe('active');
    ends.resolve();
    await waitUntil(async () => (await queue.depth('cycles')) === 0);
    await queue.queue('cycles').pause();
    expect(await queue.addOnce('cycles', job)).toBe('added');
    // As when somebody cleans the queue up.
    await queue.queue('cycles').drain(true);
    expect(await queue.depth('cycles')).toBe(0);
    expect(await queue.addOnce('cycles', job)).toBe('added');
  });

  it('runs one cycle where several replicas tick in the same minute', async () => {
    const another = await open();
    const [one, two] = [await another(), await another()];
    let cycles = 0;
    const run = async () => void cycles++;
    cleanups.push(one.work('cycles', run, 1), two.work('cycles', run, 1));
    const tick = { name: 'run-cycle', data: { trigger: 'schedule' as const }, id: 'tick-2026-11-24T1000', attempts: 1 };
    await Promise.all([one.add('cycles', [tick]), two.add('cycles', [tick]), one.add('cycles', [tick])]);
    await waitUntil(async () => cycles > 0 && (await one.depth('cycles')) === 0, { message: 'the cycle' });
    await two.add('cycles', [tick]);
    expect(await two.depth('cycles')).toBe(0);
    expect(cycles).toBe(1);
  });

  if (kind === 'redis') {
    it('keeps two installations on one Redis apart', async () => {
      const another = await open();
      const [one, two] = [await another('one'), await another('two')];
      const taken: string[] = [];
      cleanups.push(
        one.work('operations', async () => void taken.push('one'), 1),
        two.work('operations', async () => void taken.push('two'), 1),
      );
      const job = { name: 'create-users', data: { operations: [1] }, attempts: 1 };
      await one.add('operations', [job, job, job]);
      await two.add('operations', [job]);
      await waitUntil(async () => taken.length === 4, { message: 'four jobs' });
      expect(taken.filter((instance) => instance === 'one')).toHaveLength(3);
    });
  }

  it('knows of the jobs of a queue that somebody has paused', async () => {
    const queue = await (await open())();
    await queue.add('operations', [{ name: 'create-users', data: { operations: [1] }, attempts: 1 }]);
    await queue.queue('operations').pause();
    expect(await queue.depth('operations')).toBe(1);
  });

  it('finishes what runs when it is asked to stop', async () => {
    const queue = await (await open())();
    let finish: () => void = () => {};
    const running = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let started = false;
    let finished = false;
    const stop = queue.work(
      'operations',
      async () => {
        started = true;
        await running;
        finished = true;
      },
      1,
    );
    await queue.add('operations', [{ name: 'create-users', data: { operations: [1] }, attempts: 1 }]);
    await waitUntil(async () => started, { message: 'the job' });
    const stopped = stop();
    finish();
    await stopped;
    expect(finished).toBe(true);
  });
});

it('says which address to check where Redis does not answer', async () => {
  const opening = openQueueBackend({
    redisUrl: 'redis://127.0.0.1:1',
    databaseUrl: 'postgres://unused',
    instance: 'one',
    log: createLog('silent'),
  });
  await expect(opening).rejects.toMatchObject({ code: 'Unreachable', message: expect.stringContaining('REDIS_URL') });
});
