import { Hono } from 'hono';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { neededRole } from '../../src/console/access/access.ts';
import type { ConsoleEnv } from '../../src/console/context.ts';
import { queuePages } from '../../src/console/queue.ts';
import { backends } from '../pipeline/world.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openFailedJob } from './queue-world.ts';

const list = '/queue/api/queues?activeQueue=operations&status=failed&page=1';
const retry = '/queue/api/queues/operations/broken-1/retry';

const listing = z.object({ queues: z.array(z.looseObject({ name: z.string() })) });
const listOf = async (answer: Response | Promise<Response>) => listing.parse(await (await answer).json()).queues;

describe.each(backends)('the queue page, on %s', (backend) => {
  it('lists the three queues, and has an operator retry a failed job, which is written down', async () => {
    const { console: shown, job, audit } = await openFailedJob({ queue: backend });
    const listed = await listOf(shown.fetch(list));
    expect(listed.map(({ name }) => name)).toEqual(['operations', 'cycles', 'notifications']);
    expect(listed[0]).toMatchObject({ readOnlyMode: false, counts: { failed: 1 }, jobs: [{ id: 'broken-1' }] });
    const answer = await shown.fetch(retry, { method: 'PUT', headers: { Origin: shown.url } });
    expect(answer.status).toBe(204);
    await waitUntil(async () => (await job()).tries === 2, { message: 'the second try' });
    expect(await audit()).toEqual([
      { actor: 'this machine (console)', action: 'queue retry', subject: 'operations broken-1' },
    ]);
  });

  it('shows a reader the same, and has nothing done', async () => {
    const { service, job, audit } = await openFailedJob({ queue: backend });
    const app = new Hono<ConsoleEnv>();
    app.use(async (c, next) => {
      c.set('viewer', { name: 'reader token', role: 'reader', session: false });
      await next();
    });
    app.route('/', queuePages({ service, origin: 'http://x', schedule: false, signal: AbortSignal.abort() }));
    const listed = await listOf(app.request(list));
    expect(listed[0]).toMatchObject({ readOnlyMode: true, allowRetries: false, jobs: [{ id: 'broken-1' }] });
    expect((await app.request(retry, { method: 'PUT' })).status).toBe(405);
    expect(await job()).toEqual({ state: 'failed', tries: 1 });
    expect(await audit()).toEqual([]);
    // It is not even asked.
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE']) expect(neededRole(method, retry)).toBe('operator');
  });
});

it('names what was done to which queue in the audit', async () => {
  const { console: shown, audit } = await openFailedJob();
  const put = (path: string) =>
    shown.fetch(`/queue/api/queues${path}`, { method: 'PUT', headers: { Origin: shown.url } });
  for (const path of ['/pause', '/resume', '/cycles/pause', '/cycles/resume', '/operations/clean/failed']) {
    expect((await put(path)).status, path).toBeLessThan(300);
  }
  expect((await audit()).map(({ action, subject }) => `${action}: ${subject}`)).toEqual([
    'queue pause: all queues',
    'queue resume: all queues',
    'queue pause: cycles',
    'queue resume: cycles',
    'queue clean failed: operations',
  ]);
});
