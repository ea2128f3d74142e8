import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { backends } from '../pipeline/world.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openFailedJob } from './queue-world.ts';
import { bearer, operatorToken, readerToken, tokenSettings } from './sign-in-with-token.ts';

const list = '/queue/board/api/queues?activeQueue=operations&status=failed&page=1';
const retry = '/queue/board/api/queues/operations/broken-1/retry';

const listing = z.object({ queues: z.array(z.looseObject({ name: z.string() })) });
const listOf = async (answer: Response | Promise<Response>) => listing.parse(await (await answer).json()).queues;

describe.each(backends)('the queue page, on %s', (backend) => {
  it('lists the three queues, and has an operator retry a failed job, which is written down', async () => {
    const { console: shown, job, audit } = await openFailedJob({ queue: backend });
    expect(await shown.read('/queue')).toMatch(/operations users to .* 1 .*create-users broken-1 1 \[/);
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
    const { console: shown, job, audit } = await openFailedJob({ queue: backend, settings: tokenSettings });
    const headers = bearer(readerToken);
    const listed = await listOf(shown.fetch(list, { headers }));
    expect(listed[0]).toMatchObject({ readOnlyMode: true, allowRetries: false, jobs: [{ id: 'broken-1' }] });
    expect((await shown.fetch(retry, { method: 'PUT', headers })).status).toBe(403);
    expect(await job()).toEqual({ state: 'failed', tries: 1 });
    expect(await audit()).toEqual([]);
    // The same request does it for an operator.
    expect((await shown.fetch(retry, { method: 'PUT', headers: bearer(operatorToken) })).status).toBe(204);
  });
});

it('names what was done to which queue in the audit', async () => {
  const { console: shown, audit } = await openFailedJob();
  const put = (path: string) =>
    shown.fetch(`/queue/board/api/queues${path}`, { method: 'PUT', headers: { Origin: shown.url } });
  for (const path of ['/pause', '/resume', '/cycles/pause', '/cycles/resume', '/operations/clean/failed']) {
    expect((await put(path)).status, path).toBeLessThan(300);
  }
  // Nothing is done by these, and so nothing is told of them.
  for (const path of ['/nonsense', '/pause/', '/nobodys/pause', '/operations/no-such-lever']) {
    expect([path, (await put(path)).status]).toEqual([path, 404]);
  }
  const board = (method: string, path: string) =>
    shown.fetch(`/queue/board/${path}`, { method, headers: { Origin: shown.url } });
  expect((await board('POST', 'nonsense')).status).toBe(404);
  expect((await board('OPTIONS', 'api/queues/operations/pause')).status).toBe(404);
  expect((await put('/operations/%E0%A4%A/retry')).status).toBe(400);
  // What bull-board refuses was tried all the same.
  expect((await put('/operations/no-such-job/retry')).status).toBe(404);
  const add = await shown.fetch('/queue/board/api/queues/notifications/add', {
    method: 'POST',
    body: '{"name": "no-such", "data": {}, "options": {"delay": 3600000}}',
    headers: { Origin: shown.url, 'Content-Type': 'application/json' },
  });
  expect(add.status).toBe(200);
  expect((await audit()).map(({ action, subject }) => `${action}: ${subject}`)).toEqual([
    'queue pause: all queues',
    'queue resume: all queues',
    'queue pause: cycles',
    'queue resume: cycles',
    'queue clean failed: operations',
    'queue retry: operations no-such-job',
    'queue retry refused: operations no-such-job',
    'queue add: notifications',
  ]);
});
