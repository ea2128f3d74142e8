import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { leastPermissions } from '../../src/sandbox/tenant.ts';
import { addUser, openGraph, type TestGraph } from './support.ts';

let graph: TestGraph;
let paths: Record<string, string>;
beforeEach(async () => {
  graph = await openGraph();
  const user = addUser(graph.tenant);
  const group = graph.tenant.groups.create({ displayName: 'Team' }).id;
  const app = graph.tenant.maptician.id;
  paths = {
    usersDelta: '/users/delta',
    user: `/users/${user}`,
    deleted: '/directory/deletedItems/microsoft.graph.user',
    groupsDelta: '/groups/delta',
    members: `/groups/${group}/members`,
    app: `/servicePrincipals/${app}`,
    assignedTo: `/servicePrincipals/${app}/appRoleAssignedTo`,
    ofUser: `/users/${user}/appRoleAssignments`,
    ofGroup: `/groups/${group}/appRoleAssignments`,
  };
});
afterEach(() => graph[Symbol.asyncDispose]());

const allowed = async (): Promise<string[]> => {
  const names: string[] = [];
  for (const [name, path] of Object.entries(paths)) {
    const { status, body } = await graph.get(path);
    if (status === 200) names.push(name);
    else expect([status, body.error?.code]).toEqual([403, 'Authorization_RequestDenied']);
  }
  return names;
};

describe('application permissions', () => {
  it.each([
    [['User.Read.All'], ['usersDelta', 'user', 'deleted']],
    [['GroupMember.Read.All'], ['groupsDelta', 'members']],
    [['Application.Read.All'], ['app', 'assignedTo']],
    [[...leastPermissions], ['usersDelta', 'user', 'deleted', 'groupsDelta', 'members', 'app', 'assignedTo']],
    [['AppRoleAssignment.ReadWrite.All'], ['ofUser', 'ofGroup']],
    [[], []],
  ])('%j open %j', async (permissions, names) => {
    graph.tenant.permissions = permissions;
    expect(await allowed()).toEqual(names);
  });

  it('of Directory.Read.All open everything that reads', async () => {
    graph.tenant.permissions = ['Directory.Read.All'];
    expect(await allowed()).toEqual(Object.keys(paths));
  });

  it('of User.Read.All are enough for getByIds of users alone', async () => {
    graph.tenant.permissions = ['User.Read.All'];
    expect((await graph.post('/directoryObjects/getByIds', { ids: [], types: ['user'] })).status).toBe(200);
    expect((await graph.post('/directoryObjects/getByIds', { ids: [], types: ['user', 'group'] })).status).toBe(403);
  });

  it('to restore a user are not among those to read one', async () => {
    const id = addUser(graph.tenant);
    graph.tenant.users.delete(id);
    expect((await graph.post(`/directory/deletedItems/${id}/restore`, {})).status).toBe(403);
  });

  it('stay as they were in a token that was issued before', async () => {
    const headers = { authorization: `Bearer ${graph.sandbox.issueToken()}` };
    graph.tenant.permissions = [];
    expect((await graph.get('/users/delta', headers)).status).toBe(200);
  });
});

describe('an access token', () => {
  const withToken = (token: string): Promise<unknown> =>
    graph.get('/users/delta', { authorization: token }).then(({ status, body }) => [status, body.error?.code]);

  it('is required, must be whole and must not be expired', async () => {
    const token = graph.sandbox.issueToken();
    const invalid = [401, 'InvalidAuthenticationToken'];
    expect(await withToken('')).toEqual(invalid);
    expect(await withToken(`Bearer ${token.slice(0, -4)}AAAA`)).toEqual(invalid);
    expect(await withToken('Bearer not.a.token')).toEqual(invalid);
    expect(await withToken(`Bearer ${graph.sandbox.issueToken(undefined, -1)}`)).toEqual(invalid);
    expect(await withToken(`Bearer ${token}`)).toEqual([200, undefined]);
  });
});
