import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultRule } from '../../src/sandbox/faults.ts';
import { createFaults } from '../../src/sandbox/faults.ts';
import { createRandom } from '../../src/sandbox/random.ts';
import { addUser, openGraph, type TestGraph } from './support.ts';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph();
  addUser(graph.tenant);
});
afterEach(() => graph[Symbol.asyncDispose]());

const ask = (): Promise<Response> =>
  fetch(`${graph.sandbox.origin}/v1.0/users/delta`, {
    headers: { authorization: `Bearer ${graph.sandbox.issueToken()}` },
  });
const inject = (fault: FaultRule['fault']): number => graph.sandbox.faults.inject({ path: '/users/delta', fault });

describe('a fault', () => {
  it.each([
    [429, 2.128, '2.128', 'TooManyRequests'],
    [429, 7, '7', 'TooManyRequests'],
    [503, undefined, null, 'ServiceUnavailable'],
    [504, undefined, null, 'GatewayTimeout'],
    [500, undefined, null, 'InternalServerError'],
  ])('of status %d with Retry-After %s', async (status, retryAfter, header, code) => {
    inject({ kind: 'status', status, ...(retryAfter === undefined ? {} : { retryAfter }) });
    const response = await ask();
    expect([response.status, response.headers.get('retry-after')]).toEqual([status, header]);
    expect(await response.json()).toMatchObject({ error: { code } });
    expect((await ask()).status).toBe(200);
  });

  it('tells a Retry-After as an HTTP date', async () => {
    inject({ kind: 'status', status: 503, retryAfter: { date: 90 } });
    const at = (await ask()).headers.get('retry-after') ?? '';
    expect(at).toMatch(/^\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT$/);
    expect(Date.parse(at) - Date.now()).toBeGreaterThan(80_000);
  });

  it('can be any code, such as a lost sync state', async () => {
    inject({ kind: 'status', status: 400, code: 'syncStateNotFound' });
    expect(await (await ask()).json()).toMatchObject({ error: { code: 'syncStateNotFound' } });
  });

  it('can be a page of HTML', async () => {
    inject({ kind: 'html' });
    const response = await ask();
    expect([response.status, response.headers.get('content-type')]).toEqual([502, 'text/html']);
    await expect(response.json()).rejects.toThrow();
  });

  it('can close the connection before an answer or in the middle of one', async () => {
    inject({ kind: 'reset' });
    await expect(ask()).rejects.toThrow();
    inject({ kind: 'cut' });
    await expect(ask().then((response) => response.text())).rejects.toThrow();
  });

  it('can lose an answer, and answer nothing for a while', async () => {
    inject({ kind: 'lost' });
    await expect(ask()).rejects.toThrow();
    inject({ kind: 'stall', milliseconds: 100 });
    const start = performance.now();
    expect((await ask()).status).toBe(200);
    expect(performance.now() - start).toBeGreaterThan(90);
  });

  it('can end the JSON half-way', async () => {
    inject({ kind: 'truncated' });
    const text = await (await ask()).text();
    expect(text).toMatch(/^\{"@odata/);
    expect(() => JSON.parse(text)).toThrow(SyntaxError);
  });

  it('can pause in the middle of the body', async () => {
    inject({ kind: 'slow', milliseconds: 150 });
    const start = performance.now();
    expect(await (await ask()).json()).toHaveProperty('value');
    expect(performance.now() - start).toBeGreaterThan(140);
  });

  it('can make links lead elsewhere', async () => {
    inject({ kind: 'foreignLink', origin: 'https://evil.example' });
    expect(await (await ask()).json()).toMatchObject({
      '@odata.deltaLink': expect.stringMatching(/^https:\/\/evil\.example\/v1\.0\/users\/delta\?\$deltatoken=/),
    });
  });

  it('is written in the log with the request it struck', async () => {
    inject({ kind: 'reset' });
    await expect(ask()).rejects.toThrow();
    await ask();
    expect(graph.sandbox.requests.entries.map(({ fault }) => fault)).toEqual(['reset', undefined]);
  });
});

describe('a fault rule', () => {
  const fault = { kind: 'reset' } as const;
  const target = (
    path: string,
    query = '',
    method = 'GET',
    inner = false,
  ): Parameters<ReturnType<typeof createFaults>['take']>[0] => ({
    path,
    query,
    method,
    inner,
  });

  it('strikes once by default, after as many requests as it lets through', () => {
    const faults = createFaults(createRandom(1));
    faults.inject({ after: 2, fault });
    const struck = Array.from({ length: 5 }, () => faults.take(target('/users')) !== undefined);
    expect(struck).toEqual([false, false, true, false, false]);
    expect(faults.list()).toEqual([]);
  });

  it('strikes the paths, queries and methods it names, and only whole answers inside a batch', () => {
    const faults = createFaults(createRandom(1));
    faults.inject({ path: '/groups/*/members', method: 'get', query: '$SKIPTOKEN', times: 9, fault });
    expect(faults.take(target('/groups/1/members', '$skiptoken=x'))).toEqual(fault);
    expect(faults.take(target('/groups/1/members', ''))).toBeUndefined();
    expect(faults.take(target('/groups/1', '$skiptoken=x'))).toBeUndefined();
    expect(faults.take(target('/groups/1/members', '$skiptoken=x', 'POST'))).toBeUndefined();
    expect(faults.take(target('/groups/1/members', '$skiptoken=x', 'GET', true))).toBeUndefined();
  });

  it('strikes by chance, the same way for the same seed, until it is cleared', () => {
    const run = (): boolean[] => {
      const faults = createFaults(createRandom(42));
      const id = faults.inject({ probability: 0.3, fault });
      const struck = Array.from({ length: 100 }, () => faults.take(target('/users')) !== undefined);
      faults.clear(id);
      return [...struck, faults.take(target('/users')) !== undefined];
    };
    const struck = run();
    expect(run()).toEqual(struck);
    expect(struck.filter(Boolean).length).toBeGreaterThan(15);
    expect(struck.filter(Boolean).length).toBeLessThan(50);
    expect(struck.at(-1)).toBe(false);
  });
});
