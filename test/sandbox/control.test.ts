import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addUser, openGraph, type TestGraph } from './support.ts';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph();
});
afterEach(() => graph[Symbol.asyncDispose]());

const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
  const response = await fetch(`${graph.sandbox.origin}/_emu${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
};
const idOf = (body: unknown): string => z.object({ id: z.string() }).parse(body).id;

describe('the control API', () => {
  it('takes a user through life: created, changed, deleted, restored, purged', async () => {
    const { users } = graph.tenant;
    const created = await call('POST', '/users', { userPrincipalName: 'new@contoso.example', jobTitle: 'Cook' });
    const id = idOf(created.body);
    expect(users.find(id)?.properties).toMatchObject({ displayName: 'new', accountEnabled: true, jobTitle: 'Cook' });
    await call('PATCH', '/users/new@contoso.example', { jobTitle: null, accountEnabled: false });
    expect(users.find(id)?.properties).toMatchObject({ jobTitle: null, accountEnabled: false });
    expect(await call('DELETE', `/users/${id}`)).toEqual({ status: 204, body: undefined });
    expect(users.deleted.has(id)).toBe(true);
    await call('POST', `/users/${id}/restore`);
    expect(users.find('new@contoso.example')?.id).toBe(id);
    await call('POST', `/users/${id}/purge`);
    expect(users.get(id)).toBeUndefined();
  });

  it('assigns and unassigns users and groups', async () => {
    const user = addUser(graph.tenant);
    const group = idOf((await call('POST', '/groups', { displayName: 'Team' })).body);
    await call('PUT', '/assignments/user1@contoso.example');
    await call('PUT', `/assignments/${group}`);
    expect(graph.tenant.applications.assignmentsOf(user)).toHaveLength(1);
    expect((await call('GET', '/users?assigned=true')).body).toMatchObject([{ id: user, assigned: true }]);
    await call('DELETE', `/assignments/${user}`);
    await call('DELETE', `/assignments/${group}`);
    expect([user, group].flatMap((id) => graph.tenant.applications.assignmentsOf(id))).toEqual([]);
    expect((await call('DELETE', `/assignments/${user}`)).status).toBe(404);
  });

  it('fills, renames and deletes a group', async () => {
    const user = addUser(graph.tenant);
    const group = idOf((await call('POST', '/groups', { displayName: 'Team', members: [user] })).body);
    expect((await call('GET', '/groups')).body).toEqual([
      { id: group, displayName: 'Team', kind: 'security', members: 1 },
    ]);
    await call('DELETE', `/groups/${group}/members/${user}`);
    await call('PUT', `/groups/${group}/members/user1@contoso.example`);
    await call('PATCH', `/groups/${group}`, { displayName: 'Crew' });
    expect((await call('GET', `/users/${user}`)).body).toMatchObject({ id: user, groups: [group] });
    await call('DELETE', `/groups/${group}`);
    expect(graph.tenant.groups.find(group)).toBeUndefined();
  });

  it('plans and clears faults', async () => {
    const id = idOf(
      z
        .object({ id: z.number() })
        .transform(({ id: number }) => ({ id: String(number) }))
        .parse(
          (await call('POST', '/faults', { path: '/users/*', times: 2, fault: { kind: 'status', status: 503 } })).body,
        ),
    );
    const user = addUser(graph.tenant);
    expect((await graph.get(`/users/${user}`)).status).toBe(503);
    expect((await call('GET', '/faults')).body).toMatchObject([{ id: Number(id), struck: 1 }]);
    await call('DELETE', '/faults');
    expect((await graph.get(`/users/${user}`)).status).toBe(200);
  });

  it('moves the clock, and purges what thirty days have passed over', async () => {
    const user = addUser(graph.tenant);
    graph.tenant.users.delete(user);
    expect((await call('POST', '/clock', { days: 30 })).body).toEqual({ now: '2026-01-31T00:00:00.000Z' });
    expect(graph.tenant.users.get(user)).toBeUndefined();
  });

  it('changes how the emulator behaves and what the worker may', async () => {
    await call('PATCH', '/behaviour', { userPageSize: 1, shuffle: true });
    expect(graph.sandbox.behaviour).toMatchObject({ userPageSize: 1, shuffle: true, listPageSize: 100 });
    expect((await call('PATCH', '/behaviour', { userPageSize: 0 })).status).toBe(400);
    expect((await call('PATCH', '/behaviour', { pageSize: 5 })).status).toBe(400);
    await call('PUT', '/permissions', ['User.Read.All']);
    expect((await graph.get('/groups')).status).toBe(403);
  });

  it('shows and forgets the requests that were made, without their tokens', async () => {
    await graph.get('/users/delta?$select=id', { prefer: 'return=minimal', 'retry-attempt': '2' });
    expect((await call('GET', '/requests')).body).toMatchObject([
      {
        method: 'GET',
        url: '/v1.0/users/delta?$select=id',
        status: 200,
        authorized: true,
        headers: { prefer: 'return=minimal', 'retry-attempt': '2' },
      },
    ]);
    expect(JSON.stringify(graph.sandbox.requests.entries)).not.toContain('Bearer');
    await call('DELETE', '/requests');
    expect((await call('GET', '/requests')).body).toEqual([]);
  });

  it.each([
    ['POST', '/users', { displayName: 'Nameless' }, 400],
    ['POST', '/users', { userPrincipalName: 'a@contoso.example', shoeSize: 42 }, 400],
    ['POST', '/users', { userPrincipalName: 'USER1@contoso.example' }, 409],
    ['PATCH', '/users/user1@contoso.example', { displayName: null }, 400],
    ['PATCH', '/users/nobody@contoso.example', {}, 404],
    ['PUT', '/assignments/nobody', undefined, 404],
    ['POST', '/faults', { fault: { kind: 'earthquake' } }, 400],
    ['POST', '/clock', { days: -1 }, 400],
    ['GET', '/nothing', undefined, 404],
  ])('refuses %s %s %j with %d and says why', async (method, path, body, status) => {
    addUser(graph.tenant);
    const answer = await call(method, path, body);
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual(expect.objectContaining({ error: expect.stringMatching(/\S/) }));
  });

  it('tells at /_emu where things stand and what can be called', async () => {
    addUser(graph.tenant);
    expect((await call('GET', '')).body).toMatchObject({
      users: 1,
      tenantId: graph.tenant.id,
      usage: expect.arrayContaining(['GET /_emu']),
    });
  });
});
