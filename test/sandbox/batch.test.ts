import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addUser, openGraph, type TestGraph } from './support.ts';

const responsesSchema = z.array(
  z.object({
    id: z.string(),
    status: z.number(),
    headers: z.record(z.string(), z.string()),
    body: z.record(z.string(), z.unknown()),
  }),
);
type Responses = z.infer<typeof responsesSchema>;

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph();
});
afterEach(() => graph[Symbol.asyncDispose]());

const batch = async (requests: readonly object[]): Promise<Responses> => {
  const { status, body } = await graph.post('/$batch', { requests });
  expect(status).toBe(200);
  return responsesSchema.parse(body.responses);
};
const get = (id: string, url: string, more: object = {}): object => ({ id, method: 'GET', url, ...more });

describe('$batch', () => {
  it('answers each request with its own status, headers and body', async () => {
    const id = addUser(graph.tenant);
    const [found, missing] = await batch([
      get('a', `/users/${id}?$select=id,displayName`),
      get('b', 'users/nobody@contoso.example'),
    ]);
    expect(found).toMatchObject({ id: 'a', status: 200, body: { id, displayName: 'user1' } });
    expect(found?.headers).toMatchObject({
      'Content-Type':
        'application/json;odata.metadata=minimal;odata.streaming=true;IEEE754Compatible=false;charset=utf-8',
      'x-ms-resource-unit': '1',
    });
    expect(missing).toMatchObject({ id: 'b', status: 404, body: { error: { code: 'Request_ResourceNotFound' } } });
  });

  it('takes a request with a body and checks each permission by itself', async () => {
    const id = addUser(graph.tenant);
    graph.tenant.permissions = ['User.Read.All'];
    const [users, groups] = await batch([
      {
        id: '1',
        method: 'POST',
        url: '/directoryObjects/getByIds?$select=id',
        headers: { 'Content-Type': 'application/json' },
        body: { ids: [id], types: ['user'] },
      },
      get('2', '/groups'),
    ]);
    expect(users?.body.value).toEqual([{ '@odata.type': '#microsoft.graph.user', id }]);
    expect(groups?.status).toBe(403);
  });

  it('lets one request be struck by a fault and the others succeed', async () => {
    const ids = [addUser(graph.tenant), addUser(graph.tenant)];
    graph.sandbox.faults.inject({ path: `/users/${ids[1]}`, fault: { kind: 'status', status: 429, retryAfter: 1.5 } });
    const requests = ids.map((id) => get(id, `/users/${id}`));
    const [first, second] = await batch(requests);
    expect(first?.status).toBe(200);
    expect(second).toMatchObject({
      status: 429,
      headers: { 'Retry-After': '1.5' },
      body: { error: { code: 'TooManyRequests' } },
    });
    expect((await batch(requests)).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('fails what depends on a failed request with 424', async () => {
    const responses = await batch([get('1', '/users/nobody'), get('2', '/users', { dependsOn: ['1'] })]);
    expect(responses.map(({ status }) => status)).toEqual([404, 424]);
  });

  it('may answer in any order', async () => {
    graph.sandbox.behaviour.shuffle = true;
    const ids = Array.from({ length: 20 }, (_, index) => String(index));
    const answered = (await batch(ids.map((id) => get(id, '/users/delta')))).map(({ id }) => id);
    expect(answered).not.toEqual(ids);
    expect(answered.toSorted()).toEqual(ids.toSorted());
  });

  it.each([
    ['more than twenty requests', Array.from({ length: 21 }, (_, index) => get(String(index), '/users'))],
    ['two requests with one id', [get('a', '/users'), get('A', '/users')]],
    ['a body without a content type', [{ id: '1', method: 'POST', url: '/directoryObjects/getByIds', body: {} }]],
    ['something else', ['GET /users']],
  ])('is refused whole for %s', async (_name, requests) => {
    expect((await graph.post('/$batch', { requests })).status).toBe(400);
  });

  it('needs a token', async () => {
    expect((await graph.post('/$batch', { requests: [] }, { authorization: '' })).status).toBe(401);
  });

  it('is in the log with each request in it', async () => {
    await batch([get('1', '/users/x'), get('2', '/groups')]);
    const log = graph.sandbox.requests.entries.map(({ path, inner, status }) => [path, inner, status]);
    expect(log).toEqual([
      ['/users/x', true, 404],
      ['/groups', true, 200],
      ['/$batch', false, 200],
    ]);
  });
});
