import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUser, openGraph, type TestGraph } from './support.ts';

const eventual = { consistencylevel: 'eventual' };

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph();
});
afterEach(() => graph[Symbol.asyncDispose]());

const fill = (count: number): string[] => Array.from({ length: count }, () => addUser(graph.tenant));

describe('users', () => {
  it('gives null and empty lists for what has no value, and only what was selected', async () => {
    const id = addUser(graph.tenant);
    const { body } = await graph.get(`/users/${id}?$select=displayName,city,businessPhones`);
    expect(body).toEqual({
      '@odata.context': `${graph.sandbox.origin}/v1.0/$metadata#users(displayName,city,businessPhones)/$entity`,
      displayName: 'user1',
      city: null,
      businessPhones: [],
    });
  });

  it('gives the default properties without $select, accountEnabled not among them', async () => {
    const id = addUser(graph.tenant);
    const { body } = await graph.get(`/users/${id}`);
    expect(Object.keys(body)).toEqual([
      '@odata.context',
      'id',
      'businessPhones',
      'displayName',
      'givenName',
      'jobTitle',
      'mail',
      'mobilePhone',
      'officeLocation',
      'preferredLanguage',
      'surname',
      'userPrincipalName',
    ]);
  });

  it.each([
    ['/users/ANA_FABRIKAM.example%23EXT%23@contoso.example'],
    ["/users('ana_fabrikam.example%23EXT%23@contoso.example')"],
  ])('finds a guest by userPrincipalName: %s', async (path) => {
    const id = addUser(graph.tenant, { userPrincipalName: 'ana_fabrikam.example#EXT#@contoso.example' });
    expect((await graph.get(`${path}?$select=id`)).body).toMatchObject({ id });
  });

  it('does not find a soft-deleted user', async () => {
    const id = addUser(graph.tenant);
    graph.tenant.users.delete(id);
    const { status, body } = await graph.get(`/users/${id}`);
    expect(status).toBe(404);
    expect(body.error?.code).toBe('Request_ResourceNotFound');
  });

  it('lists in pages whose links keep the other options', async () => {
    const ids = fill(5);
    const first = await graph.get('/users?$select=id&$top=2');
    expect(first.body['@odata.nextLink']).toMatch(/\/users\?\$select=id&\$top=2&\$skiptoken=/);
    expect(await graph.list('/users?$select=id&$top=2')).toEqual(ids.map((id) => ({ id })));
  });

  it('filters by equality and by the start of a value', async () => {
    const ids = fill(3);
    graph.tenant.users.update(ids[1] ?? '', { displayName: "O'Brien", city: 'Rome' });
    expect(await graph.list("/users?$select=id&$filter=displayName eq 'O''Brien'")).toEqual([{ id: ids[1] }]);
    expect(
      await graph.list("/users?$select=id&$filter=startswith(displayName,'user') and accountEnabled eq true"),
    ).toEqual([{ id: ids[0] }, { id: ids[2] }]);
  });

  it('counts only for an eventually consistent read', async () => {
    fill(3);
    graph.tenant.users.delete([...graph.tenant.users.all.values()][0]?.id ?? '');
    const url = `${graph.sandbox.origin}/v1.0/users/$count`;
    const headers = { authorization: `Bearer ${graph.sandbox.issueToken()}` };
    expect((await fetch(url, { headers })).status).toBe(400);
    expect(await (await fetch(url, { headers: { ...headers, ...eventual } })).text()).toBe('2');
  });
});

describe('the recycle bin', () => {
  it('holds soft-deleted users under another name, restores one, and is empty after a purge', async () => {
    const [first = '', second = ''] = fill(2);
    graph.tenant.users.delete(first);
    graph.tenant.users.delete(second);
    const path = '/directory/deletedItems/microsoft.graph.user';
    expect(await graph.list(`${path}?$select=id,userPrincipalName,deletedDateTime`)).toEqual([
      {
        id: first,
        userPrincipalName: `${first.replaceAll('-', '')}user1@contoso.example`,
        deletedDateTime: '2026-01-01T00:00:00Z',
      },
      expect.objectContaining({ id: second }),
    ]);
    graph.tenant.permissions = ['User.ReadWrite.All'];
    const restored = await graph.post(`/directory/deletedItems/${first}/restore`, {});
    expect(restored.body).toMatchObject({ id: first, userPrincipalName: 'user1@contoso.example' });
    graph.tenant.purgeUser(second);
    expect((await graph.get(`${path}/${second}`)).status).toBe(404);
    expect((await graph.get(`/directory/deletedItems/${first}`)).status).toBe(404);
    expect(await graph.list(path)).toEqual([]);
  });

  it('frees the name of who is in it, and gives it back only while it is free', async () => {
    const [id = ''] = fill(1);
    graph.tenant.users.delete(id);
    addUser(graph.tenant, { userPrincipalName: 'USER1@contoso.example' });
    expect(() => graph.tenant.restoreUser(id)).toThrow(/already exists/);
  });
});

describe('groups', () => {
  const nest = (): { outer: string; inner: string; outerUser: string; innerUser: string } => {
    const [outerUser = '', innerUser = ''] = fill(2);
    const outer = graph.tenant.groups.create({ displayName: 'Outer' }).id;
    const inner = graph.tenant.groups.create({ displayName: 'Inner' }).id;
    graph.tenant.groups.addMember(outer, outerUser);
    graph.tenant.groups.addMember(outer, inner);
    graph.tenant.groups.addMember(inner, innerUser);
    graph.tenant.groups.addMember(inner, outer);
    return { outer, inner, outerUser, innerUser };
  };

  it('lists direct members with their types, users only under a cast, and not who is in the bin', async () => {
    const { outer, inner, outerUser } = nest();
    expect(await graph.list(`/groups/${outer}/members?$select=id`)).toEqual([
      { '@odata.type': '#microsoft.graph.user', id: outerUser },
      { '@odata.type': '#microsoft.graph.group', id: inner },
    ]);
    expect(await graph.list(`/groups/${outer}/members/microsoft.graph.user?$select=id`)).toEqual([{ id: outerUser }]);
    graph.tenant.users.delete(outerUser);
    expect(await graph.list(`/groups/${outer}/members/microsoft.graph.user?$select=id`)).toEqual([]);
  });

  it('lists transitive members flat, through a circle too', async () => {
    const { outer, inner, outerUser, innerUser } = nest();
    const all = await graph.list(`/groups/${outer}/transitiveMembers?$select=id&$top=2`);
    expect(all.map(({ id }) => id)).toEqual([outerUser, inner, innerUser]);
    const cast = `/groups/${outer}/transitiveMembers/microsoft.graph.user?$select=id&$count=true`;
    expect((await graph.get(cast)).status).toBe(400);
    expect(await graph.list(cast, eventual)).toEqual([{ id: outerUser }, { id: innerUser }]);
  });
});

describe('app role assignments', () => {
  const appPath = (): string => `/servicePrincipals/${graph.tenant.maptician.id}/appRoleAssignedTo`;

  it('finds the app by its appId and lists who is assigned', async () => {
    const [user = ''] = fill(1);
    const group = graph.tenant.groups.create({ displayName: 'Team' }).id;
    const row = graph.tenant.assign(user);
    graph.tenant.assign(group, graph.tenant.maptician.appRoles[0]?.id);
    const rows = await graph.list(
      `/servicePrincipals(appId='${graph.tenant.maptician.appId}')/appRoleAssignedTo?$top=1`,
    );
    expect(rows).toEqual([
      {
        id: row.id,
        deletedDateTime: null,
        appRoleId: '00000000-0000-0000-0000-000000000000',
        createdDateTime: '2026-01-01T00:00:00.0000000Z',
        principalDisplayName: 'user1',
        principalId: user,
        principalType: 'User',
        resourceDisplayName: 'Maptician',
        resourceId: graph.tenant.maptician.id,
      },
      expect.objectContaining({ principalId: group, principalType: 'Group' }),
    ]);
  });

  it('lists a disabled user, hides a soft-deleted one, and shows it again once restored', async () => {
    const [user = ''] = fill(1);
    graph.tenant.assign(user);
    graph.tenant.users.update(user, { accountEnabled: false });
    expect(await graph.list(appPath())).toHaveLength(1);
    graph.tenant.users.delete(user);
    expect(await graph.list(appPath())).toHaveLength(0);
    graph.tenant.restoreUser(user);
    expect(await graph.list(appPath())).toHaveLength(1);
    graph.tenant.users.delete(user);
    graph.tenant.purgeUser(user);
    expect(await graph.list(appPath())).toHaveLength(0);
  });

  it('lags behind, while a direct read from the principal does not', async () => {
    const [leaver = '', joiner = ''] = fill(2);
    graph.tenant.permissions = ['Application.Read.All', 'Directory.Read.All'];
    graph.tenant.assign(leaver);
    graph.clock.advance(60_000);
    graph.sandbox.behaviour.assignmentLag = 30_000;
    graph.tenant.unassign(leaver);
    graph.tenant.assign(joiner);
    const principals = async (): Promise<unknown[]> => (await graph.list(appPath())).map((row) => row.principalId);
    expect(await principals()).toEqual([leaver]);
    const direct = `/appRoleAssignments?$filter=resourceId eq ${graph.tenant.maptician.id}`;
    expect(await graph.list(`/users/${leaver}${direct}`)).toHaveLength(0);
    expect(await graph.list(`/users/${joiner}${direct}`)).toHaveLength(1);
    graph.clock.advance(30_000);
    expect(await principals()).toEqual([joiner]);
  });

  it('shows from a user what comes through a group of which the user is a direct member', async () => {
    const [user = ''] = fill(1);
    const group = graph.tenant.groups.create({ displayName: 'Team' }).id;
    graph.tenant.groups.addMember(group, user);
    graph.tenant.assign(group);
    graph.tenant.permissions = ['Directory.Read.All'];
    const rows = await graph.list(`/users/${user}/appRoleAssignments`);
    expect(rows.map((row) => row.principalId)).toEqual([group]);
    expect(await graph.list(`/groups/${group}/appRoleAssignments`)).toEqual(rows);
  });

  it('can stop at 999 rows without a next link', async () => {
    for (const id of fill(1001)) graph.tenant.assign(id);
    expect(await graph.list(`${appPath()}?$top=999`)).toHaveLength(1001);
    graph.sandbox.behaviour.assignmentCap = true;
    expect(await graph.list(`${appPath()}?$top=999`)).toHaveLength(999);
    const { body } = await graph.get(`${appPath()}?$top=1&$count=true`, eventual);
    expect(body['@odata.count']).toBe(1001);
  });

  it('does not mistake what an app was granted for who is assigned to it', async () => {
    graph.tenant.assign(addUser(graph.tenant));
    expect(await graph.list(`/servicePrincipals/${graph.tenant.maptician.id}/appRoleAssignments`)).toEqual([]);
  });
});

describe('directoryObjects/getByIds', () => {
  it('gives the selected properties of those that exist', async () => {
    const [first = '', second = ''] = fill(2);
    graph.tenant.users.delete(second);
    const { body } = await graph.post('/directoryObjects/getByIds?$select=id,accountEnabled', {
      ids: [first, second, graph.tenant.id],
      types: ['user'],
    });
    expect(body.value).toEqual([{ '@odata.type': '#microsoft.graph.user', id: first, accountEnabled: true }]);
  });
});

describe('the groups of a user', () => {
  it('are those it is a direct member of, and transitively those around them; of a deleted user there are none', async () => {
    const { tenant } = graph;
    const id = addUser(tenant);
    const [inner, outer, other] = ['Inner', 'Outer', 'Other'].map((displayName) =>
      tenant.groups.create({ displayName }),
    );
    tenant.groups.addMember(inner?.id ?? '', id);
    tenant.groups.addMember(outer?.id ?? '', inner?.id ?? '');
    tenant.groups.addMember(other?.id ?? '', addUser(tenant));
    const direct = await graph.get(`/users/${id}/memberOf?$select=id`);
    expect(direct.body.value).toEqual([{ '@odata.type': '#microsoft.graph.group', id: inner?.id }]);
    const all = await graph.get(`/users/${id}/transitiveMemberOf?$select=id`);
    expect(all.body.value?.map((group) => group.id)).toEqual([inner?.id, outer?.id]);
    tenant.users.delete(id);
    expect((await graph.get(`/users/${id}/memberOf`)).status).toBe(404);
  });
});
