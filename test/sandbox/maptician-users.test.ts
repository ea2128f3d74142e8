import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ada, adaAttributes, core, enterprise, openScim, type TestScim } from './maptician-support.ts';

let scim: TestScim;
beforeEach(async () => {
  scim = await openScim();
});
afterEach(() => scim[Symbol.asyncDispose]());

const onlyUser = () => {
  const [user, ...others] = scim.maptician.users();
  if (!user || others.length > 0) throw new Error('there is not exactly one account');
  return user;
};

describe('a POST', () => {
  it('makes an account of the fifteen attributes and answers it', async () => {
    const { status, headers, body } = await scim.post(ada);
    expect(status).toBe(201);
    expect(headers.get('content-type')).toMatch(/^application\/scim\+json/);
    const { id } = onlyUser();
    const location = `${scim.maptician.url}/Users/${id}`;
    expect(headers.get('location')).toBe(location);
    const when = expect.stringMatching(/^\d{4}-.*Z$/);
    expect(body).toEqual({
      ...ada,
      id,
      schemas: [core, enterprise],
      meta: { resourceType: 'User', created: when, lastModified: when, location },
    });
    expect(onlyUser().attributes).toEqual(adaAttributes);
    expect((await scim.get(`/Users/${id}`)).body).toEqual(body);
  });

  it('drops what Maptician does not have', async () => {
    const { status, body } = await scim.post({
      userName: 'a@example.com',
      displayName: 'A',
      nickName: 'A',
      roles: [{ value: 'admin' }],
      name: { formatted: 'A B', familyName: 'B' },
      emails: [
        { type: 'home', value: 'a@home.example' },
        { type: 'Work', value: 'a@work.example', primary: true },
      ],
      [enterprise]: { manager: { value: 'x' }, costCenter: '7' },
    });
    expect(status).toBe(201);
    const { id } = onlyUser();
    expect(body).toEqual({
      schemas: [core],
      id,
      userName: 'a@example.com',
      name: { familyName: 'B' },
      emails: [{ type: 'work', value: 'a@work.example' }],
      meta: expect.anything(),
    });
  });

  it.each([
    ['userName', { userName: 'ADA@EXAMPLE.COM' }, 'ADA@EXAMPLE.COM'],
    ['work e-mail', { userName: 'b', emails: [{ type: 'work', value: 'ADA.Lovelace@example.com' }] }, 'ADA.Lovelace'],
  ])('of a taken %s is refused, in whatever case, with the value', async (_, user, value) => {
    await scim.post(ada);
    const { status, body } = await scim.post(user);
    expect(status).toBe(409);
    expect(body).toMatchObject({ status: '409', scimType: 'uniqueness', detail: expect.stringContaining(value) });
    expect(scim.maptician.size).toBe(1);
  });

  it.each([
    ['no userName', { title: 'x' }, 'invalidValue', 'userName'],
    ['an empty userName', { userName: '' }, 'invalidValue', 'userName'],
    ['a number for a text', { userName: 'x', title: 7 }, 'invalidValue', 'title'],
    ['a text that is no Boolean', { userName: 'x', active: 'perhaps' }, 'invalidValue', 'active'],
    ['another schema', { userName: 'x', schemas: [enterprise] }, 'invalidSyntax', 'schema'],
  ])('with %s is refused', async (_, user, scimType, word) => {
    const { status, body } = await scim.post(user);
    expect(status).toBe(400);
    expect(body).toMatchObject({ status: '400', scimType, detail: expect.stringContaining(word) });
    expect(scim.maptician.size).toBe(0);
  });

  it.each([
    ['{"userName": ', 400, 'application/scim+json'],
    ['[]', 400, 'application/json'],
    ['null', 400, 'application/scim+json'],
    ['userName=x', 415, 'application/x-www-form-urlencoded'],
  ])('of the body %j is answered with %d', async (text, status, type) => {
    expect(await scim.send('POST', '/Users', text, { 'content-type': type })).toMatchObject({ status });
  });
});

describe('a PUT', () => {
  it('replaces the whole account and keeps its id', async () => {
    const { id, resource } = scim.maptician.create(adaAttributes);
    const { status, body } = await scim.send('PUT', `/Users/${id}`, { schemas: [core], userName: 'Ada@example.com' });
    expect(status).toBe(200);
    const meta = { ...(resource.meta as object), lastModified: expect.any(String) };
    expect(body).toEqual({ schemas: [core], id, userName: 'Ada@example.com', meta });
  });
});

describe('a DELETE', () => {
  it('answers 204, then 404, and frees the names', async () => {
    const { id } = scim.maptician.create(adaAttributes);
    expect(await scim.send('DELETE', `/Users/${id}`)).toMatchObject({ status: 204, body: undefined });
    const again = await scim.send('DELETE', `/Users/${id}`);
    expect(again).toMatchObject({ status: 404, body: { status: '404', detail: expect.stringContaining(id) } });
    expect(again.body).not.toHaveProperty('scimType');
    expect((await scim.get(`/Users/${id}`)).status).toBe(404);
    expect((await scim.post(ada)).status).toBe(201);
  });
});

describe('the endpoint', () => {
  it.each([
    ['none', {}],
    ['another', { authorization: 'Bearer wrong' }],
    ['a Graph token', { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.e30.x' }],
  ])('refuses every request with %s as the token', async (_, headers) => {
    for (const path of ['/Users', '/ServiceProviderConfig', '/Nothing']) {
      const response = await fetch(`${scim.maptician.url}${path}`, { headers });
      expect(response.status).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Bearer/);
      expect(await response.json()).toMatchObject({ status: '401' });
    }
  });

  it('has users and nothing else', async () => {
    expect((await scim.get('/Groups')).status).toBe(404);
    expect((await scim.get('/Bulk')).status).toBe(404);
    expect((await scim.get('')).status).toBe(404);
    expect((await scim.get('/Users/nobody')).status).toBe(404);
    expect((await scim.send('DELETE', '/Users')).status).toBe(405);
    expect((await scim.send('POST', '/Schemas', {})).status).toBe(405);
  });

  it('tells what it can do', async () => {
    scim.maptician.behaviour.pageLimit = 50;
    expect((await scim.get('/ServiceProviderConfig')).body).toMatchObject({
      patch: { supported: true },
      bulk: { supported: false },
      filter: { supported: true, maxResults: 50 },
      authenticationSchemes: [{ type: 'oauthbearertoken' }],
    });
    expect((await scim.get('/ResourceTypes')).body).toMatchObject({
      totalResults: 1,
      Resources: [{ id: 'User', endpoint: '/Users', schemaExtensions: [{ schema: enterprise, required: false }] }],
    });
    expect((await scim.get(`/Schemas/${enterprise}`)).body).toMatchObject({ id: enterprise, name: 'EnterpriseUser' });
    expect((await scim.get('/Schemas/urn:nothing')).status).toBe(404);
  });

  it('describes exactly the fifteen attributes in its schemas; externalId is common to all resources', async () => {
    const { body } = await scim.get('/Schemas');
    const named = (attributes: unknown): unknown =>
      (attributes as { name: string; subAttributes?: unknown }[]).map(({ name, subAttributes }) =>
        subAttributes === undefined ? name : [name, named(subAttributes)],
      );
    expect(body?.Resources?.map(({ id, attributes }) => [id, named(attributes)])).toEqual([
      [
        core,
        [
          ...['userName', 'active', 'title', 'userType', ['name', ['givenName', 'familyName']]],
          ...[
            ['emails', ['value', 'type', 'primary']],
            ['phoneNumbers', ['value', 'type']],
          ],
          ['addresses', ['locality', 'region', 'type']],
        ],
      ],
      [enterprise, ['employeeNumber', 'organization', 'department']],
    ]);
  });

  it('keeps the accounts of two sandboxes in one process apart', async () => {
    await using other = await openScim();
    await scim.post(ada);
    expect((await other.post(ada)).status).toBe(201);
    other.maptician.behaviour.titleLimit = 3;
    expect(scim.maptician.behaviour.titleLimit).toBeNull();
    other.maptician.clear();
    expect((await scim.filter('userName eq "ada@example.com"')).body?.totalResults).toBe(1);
    const foreign = { authorization: `Bearer ${other.maptician.token}` };
    expect((await scim.send('GET', '/Users', undefined, foreign)).status).toBe(401);
  });
});
