import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUser, openGraph, type TestGraph } from './support.ts';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph({ behaviour: { userPageSize: 1 } });
});
afterEach(() => graph[Symbol.asyncDispose]());

const id = '00000000-0000-4000-8000-000000000000';
const manyIds = Array.from({ length: 51 }, () => id).map((text, index) => `id eq '${text.slice(0, -2)}${10 + index}'`);

describe('a malformed request', () => {
  it.each([
    ['$expand on delta', '/users/delta?$expand=manager'],
    ['$orderby on delta', '/users/delta?$orderby=displayName'],
    ['a delta filter by another property', '/users/delta?$filter=accountEnabled eq true'],
    ['a delta filter of more than fifty ids', `/users/delta?$filter=${manyIds.join(' or ')}`],
    ['an unknown property', '/users/delta?$select=displayName,favouriteColour'],
    ['an unknown property of a group', '/groups/delta?$select=colour'],
    ['a page of a thousand', '/users?$top=1000'],
    ['a filter by what cannot be filtered', `/servicePrincipals/{app}/appRoleAssignedTo?$filter=principalId eq ${id}`],
    ['a count without ConsistencyLevel', '/servicePrincipals/{app}/appRoleAssignedTo?$count=true'],
    ['a deleted item without a cast', '/directory/deletedItems'],
    ['a token that is none', '/users/delta?$deltatoken=abc.def'],
  ])('gets 400: %s', async (_name, path) => {
    const { status, body } = await graph.get(path.replace('{app}', graph.tenant.maptician.id));
    expect(status).toBe(400);
    expect(body.error?.code).toMatch(/BadRequest|Request_UnsupportedQuery/);
  });

  it('gets 400 for $select beside $skiptoken', async () => {
    addUser(graph.tenant);
    addUser(graph.tenant);
    const first = await graph.get('/users/delta?$select=displayName');
    expect((await graph.get(`${first.body['@odata.nextLink']}&$select=displayName`)).status).toBe(400);
  });

  it('gets 400 for more than a thousand ids', async () => {
    const { status } = await graph.post('/directoryObjects/getByIds', { ids: Array(1001).fill(id), types: ['user'] });
    expect(status).toBe(400);
  });

  it('gets 501 for what is kept outside the directory', async () => {
    expect((await graph.get('/users?$select=skills')).status).toBe(501);
  });

  it('gets 404 for an app the tenant does not have and 405 for a method it does not take', async () => {
    expect((await graph.get(`/servicePrincipals(appId='${id}')`)).status).toBe(404);
    expect((await graph.post('/users/delta', {})).status).toBe(405);
  });

  it('is explained in an error that carries the request id of the headers', async () => {
    const { headers, body } = await graph.get('/users/nobody@contoso.example', { 'client-request-id': 'mine' });
    expect(headers.get('client-request-id')).toBe('mine');
    expect(body.error).toMatchObject({
      code: 'Request_ResourceNotFound',
      innerError: { 'request-id': headers.get('request-id'), 'client-request-id': 'mine' },
    });
  });
});
