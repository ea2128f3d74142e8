import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createThrottle, resourceUnitLimit } from '../../src/sandbox/graph/throttle.ts';
import { openGraph, type TestGraph } from './support.ts';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph();
});
afterEach(() => graph[Symbol.asyncDispose]());

describe('resource units', () => {
  it('are told for each request, fewer with $select and with a small page', async () => {
    const group = graph.tenant.groups.create({ displayName: 'Team' }).id;
    const cost = async (path: string): Promise<string | null> =>
      (await graph.get(path)).headers.get('x-ms-resource-unit');
    expect(await cost('/users')).toBe('2');
    expect(await cost('/users?$select=id')).toBe('1');
    expect(await cost(`/groups/${group}/members`)).toBe('3');
    expect(await cost(`/groups/${group}/members?$select=id&$top=5`)).toBe('1');
    expect(await cost(`/groups/${group}/transitiveMembers`)).toBe('5');
    expect(await cost('/users/delta')).toBe('1');
  });

  it('run out with 429, a fractional Retry-After and the throttling headers', async () => {
    graph.sandbox.behaviour.resourceUnitLimit = 10;
    const answers = [];
    for (let number = 0; number < 6; number++) answers.push(await graph.get('/users'));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 429]);
    expect(answers.map(({ headers }) => headers.get('x-ms-throttle-limit-percentage'))).toEqual([
      null,
      null,
      null,
      null,
      '1.0',
      '1.2',
    ]);
    const refused = answers[5];
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThan(8);
    expect(refused?.headers.get('x-ms-throttle-scope')).toMatch(/^Tenant_Application\/ReadWrite\//);
    expect(refused?.headers.get('x-ms-throttle-information')).toBe('ResourceUnitLimitExceeded');
    expect(refused?.body.error?.code).toBe('TooManyRequests');
  });

  it('are counted for each request of a batch, and the batch itself is free', async () => {
    graph.sandbox.behaviour.resourceUnitLimit = 2;
    const requests = ['1', '2', '3'].map((id) => ({ id, method: 'GET', url: '/users/delta' }));
    const { status, body } = await graph.post('/$batch', { requests });
    expect(status).toBe(200);
    expect(body.responses).toMatchObject([{ status: 200 }, { status: 200 }, { status: 429 }]);
  });

  it('come back after ten seconds; asking sooner only costs', () => {
    let now = 0;
    const throttle = createThrottle(() => now);
    expect(throttle.take(3, 3)).toMatchObject({ allowed: true, used: 1 });
    now = 2_872;
    expect(throttle.take(1, 3)).toMatchObject({ allowed: false, retryAfter: 7.128 });
    now = 10_000;
    expect(throttle.take(3, 3).allowed).toBe(true);
  });

  it('are more for a larger tenant', () => {
    expect([49, 50, 500, 501].map(resourceUnitLimit)).toEqual([3500, 5000, 5000, 8000]);
  });
});
