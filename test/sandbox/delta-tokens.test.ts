import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUser, openGraph, type TestGraph } from './support.ts';

const day = 24 * 60 * 60 * 1000;
const select = '/users/delta?$select=displayName';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph({ behaviour: { userPageSize: 2 } });
  for (let number = 0; number < 3; number++) addUser(graph.tenant);
});
afterEach(() => graph[Symbol.asyncDispose]());

describe('a delta token', () => {
  it('is refused when one character was changed', async () => {
    const { deltaLink } = await graph.round(select);
    const middle = deltaLink.indexOf('deltatoken=') + 40;
    const other = deltaLink[middle] === 'A' ? 'B' : 'A';
    const tampered = deltaLink.slice(0, middle) + other + deltaLink.slice(middle + 1);
    const { status, body } = await graph.get(tampered);
    expect([status, body.error?.code]).toEqual([400, 'BadRequest']);
  });

  it('is refused as a page token and for other objects', async () => {
    const { deltaLink } = await graph.round(select);
    expect((await graph.get(deltaLink.replace('$deltatoken', '$skiptoken'))).status).toBe(400);
    expect((await graph.get(deltaLink.replace('/users/', '/groups/'))).status).toBe(400);
  });

  it('is good for seven days, each link for seven of its own', async () => {
    const first = await graph.round(select);
    graph.clock.advance(7 * day);
    const second = await graph.round(first.deltaLink);
    graph.clock.advance(1);
    const expired = await graph.get(first.deltaLink);
    expect([expired.status, expired.body.error?.code]).toEqual([400, 'syncStateNotFound']);
    expect((await graph.get(second.deltaLink)).status).toBe(200);
  });

  it('expires in the middle of a round, too', async () => {
    const first = await graph.get(select);
    graph.clock.advance(8 * day);
    expect((await graph.get(first.body['@odata.nextLink'] ?? '')).body.error?.code).toBe('syncStateNotFound');
  });

  it('may be reset with 410 and a Location that begins anew with the same properties', async () => {
    const { deltaLink } = await graph.round(select);
    graph.sandbox.faults.inject({ path: '/users/delta', query: 'deltatoken', fault: { kind: 'gone' } });
    const gone = await graph.get(deltaLink);
    expect([gone.status, gone.body.error?.code]).toEqual([410, 'resyncRequired']);
    const location = gone.headers.get('location') ?? '';
    expect(location).toBe(`${graph.sandbox.origin}/v1.0/users/delta?$select=displayName&$deltatoken=`);
    const { entries } = await graph.round(location);
    expect(entries.map((entry) => entry.displayName)).toEqual(['user1', 'user2', 'user3']);
  });

  it('keeps the properties it was made for', async () => {
    const { deltaLink } = await graph.round(select);
    graph.tenant.users.update('user1@contoso.example', { jobTitle: 'Cook' });
    expect((await graph.round(deltaLink)).entries).toEqual([]);
  });
});

describe('a page token of a list', () => {
  it('belongs to its list and expires with Directory_ExpiredPageToken', async () => {
    const { body } = await graph.get('/users?$top=1');
    const next = body['@odata.nextLink'] ?? '';
    expect((await graph.get(next.replace('/users?', '/groups?'))).status).toBe(400);
    graph.clock.advance(8 * day);
    expect((await graph.get(next)).body.error?.code).toBe('Directory_ExpiredPageToken');
  });
});
