import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ada, adaAttributes, openScim, type TestScim } from './maptician-support.ts';

let scim: TestScim;
beforeEach(async () => {
  scim = await openScim();
});
afterEach(() => scim[Symbol.asyncDispose]());

const behave = (changes: Partial<TestScim['maptician']['behaviour']>): void =>
  void Object.assign(scim.maptician.behaviour, changes);

describe('Maptician can', () => {
  it('limit titles, and say so', async () => {
    behave({ titleLimit: 5 });
    expect(await scim.post({ userName: 'a', title: '123456' })).toMatchObject({
      status: 400,
      body: { scimType: 'invalidValue', detail: 'The title must not be longer than 5 characters.' },
    });
    const { body } = await scim.post({ userName: 'a', title: '🗺️🗺️1' });
    const operation = { op: 'replace', path: 'title', value: '123456' };
    expect((await scim.patch(body?.id ?? '', operation)).status).toBe(400);
    behave({ titleLimit: null });
    expect((await scim.patch(body?.id ?? '', operation)).status).toBe(200);
  });

  it('refuse a taken name without saying why', async () => {
    behave({ conflictWithoutScimType: true });
    await scim.post(ada);
    const { status, body } = await scim.post(ada);
    expect(status).toBe(409);
    expect(Object.keys(body ?? {}).sort()).toEqual(['detail', 'schemas']);
  });

  it('keep a Boolean as the text it was sent as', async () => {
    behave({ activeAsText: true });
    const { body } = await scim.post({ userName: 'a', active: 'True' });
    expect(body).toMatchObject({ active: 'True' });
    const id = body?.id ?? '';
    const activeAfter = async (value: unknown) =>
      (await scim.patch(id, { op: 'Replace', path: 'active', value })).body?.active;
    expect(await activeAfter('False')).toBe('False');
    expect(await scim.patch(id, { op: 'Add', path: 'title', value: 'x' })).toMatchObject({ body: { active: 'False' } });
    expect(await activeAfter(true)).toBe(true);
    expect(scim.maptician.user(id).attributes.active).toBe(true);
  });

  it('answer a DELETE with the account', async () => {
    behave({ deleteAnswersBody: true });
    const { id } = scim.maptician.create(adaAttributes);
    expect(await scim.send('DELETE', `/Users/${id}`)).toMatchObject({
      status: 200,
      body: { id, userName: ada.userName },
    });
    expect(scim.maptician.size).toBe(0);
  });

  it('only deactivate on DELETE', async () => {
    behave({ softDeletes: true });
    const { id } = scim.maptician.create(adaAttributes);
    expect((await scim.send('DELETE', `/Users/${id}`)).status).toBe(204);
    expect(await scim.get(`/Users/${id}`)).toMatchObject({ status: 200, body: { active: false } });
  });

  it('answer every PATCH with nothing', async () => {
    behave({ patchAnswers: 'nothing' });
    const { id } = scim.maptician.create(adaAttributes);
    const answer = await scim.patch(id, { op: 'replace', path: 'title', value: 'x' });
    expect(answer).toMatchObject({ status: 204, body: undefined });
    expect(scim.maptician.user(id).attributes.title).toBe('x');
  });

  it.each([
    ['classic', 'Replace', 'False', 200],
    ['classic', 'replace', 'False', 400],
    ['classic', 'Replace', false, 400],
    ['capitals', 'Replace', false, 200],
    ['capitals', 'replace', false, 400],
    ['capitals', 'Replace', 'False', 400],
    ['text', 'replace', 'False', 200],
    ['text', 'Replace', 'False', 400],
    ['text', 'replace', false, 400],
    ['compliant', 'replace', false, 200],
    ['compliant', 'Replace', false, 400],
    ['compliant', 'replace', 'False', 400],
  ] as const)('need the %s dialect: %s with %j gets %d', async (patchNeeds, op, value, status) => {
    behave({ patchNeeds });
    const { id } = scim.maptician.create(adaAttributes);
    expect((await scim.patch(id, { op, path: 'active', value })).status).toBe(status);
    expect((await scim.patch(id, { op, value: { active: value } })).status).toBe(status === 200 ? 204 : 400);
  });

  it('pass over a path with a filter without a word', async () => {
    behave({ ignoresTypedPaths: true, patchAnswers: 'always' });
    const { id } = scim.maptician.create(adaAttributes);
    const typed = { op: 'replace', path: 'emails[type eq "work"].value', value: 'x@example.com' };
    expect(await scim.patch(id, typed, { op: 'replace', path: 'title', value: 'x' })).toMatchObject({ status: 200 });
    expect((await scim.patch(id, typed)).status).toBe(200);
    expect(scim.maptician.user(id).attributes).toEqual({ ...adaAttributes, title: 'x' });
  });

  it('answer a filter that finds nobody with 404, and no list', async () => {
    behave({ filterAnswersNotFound: true });
    expect((await scim.filter('userName eq "nobody"')).status).toBe(404);
    expect((await scim.get('/Users')).status).toBe(200);
  });

  it('require attributes, and answer a new account without its id or not at all', async () => {
    behave({ requires: ['name.familyName'], createAnswers: 'withoutId' });
    expect((await scim.post({ userName: 'a' })).status).toBe(400);
    const answer = await scim.post({ userName: 'a', name: { familyName: 'A' } });
    expect(answer).toMatchObject({ status: 201, body: { userName: 'a' } });
    expect(answer.body).not.toHaveProperty('id');
    behave({ createAnswers: 'nothing', requires: [] });
    const { status, body, headers } = await scim.post({ userName: 'b' });
    expect({ status, body }).toEqual({ status: 201, body: undefined });
    expect(headers.get('location')).toContain(scim.maptician.user('b').id);
  });

  it('store phone numbers and texts in its own way', async () => {
    behave({ normalisesPhones: true, trimsText: true });
    const { body } = await scim.post({ ...ada, title: '  Analyst ' });
    expect(body).toMatchObject({
      title: 'Analyst',
      phoneNumbers: [{ value: '+5 (555) 555-5555' }, { value: '+4 (444) 444-4444' }],
    });
    const operation = { op: 'replace', path: 'phoneNumbers[type eq "work"].value', value: '55555555555' };
    expect((await scim.patch(body?.id ?? '', operation)).status).toBe(204);
  });

  it('drop attributes without a word, and keep what they had', async () => {
    const { id } = scim.maptician.create(adaAttributes);
    behave({ dropsAttribute: ['title', 'phoneNumbers[type eq "work"].value'] });
    const answer = await scim.patch(id, { op: 'replace', path: 'title', value: 'x' });
    expect(answer.status).toBe(204);
    expect(scim.maptician.user(id).attributes).toEqual(adaAttributes);
    const { body } = await scim.post({ userName: 'b', title: 'x', phoneNumbers: [{ type: 'work', value: '1' }] });
    expect(body).not.toHaveProperty('title');
    expect(body).not.toHaveProperty('phoneNumbers');
  });
});

describe('the control API', () => {
  const call = async (method: string, path: string, body?: unknown): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${scim.sandbox.origin}/_emu/maptician${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  };

  it('shows and edits accounts behind the back of the worker', async () => {
    expect((await call('POST', '/users', adaAttributes)).body).toMatchObject(ada);
    const id = scim.maptician.user('ADA@example.com').id;
    expect((await call('PATCH', '/users/ada@example.com', { title: 'Edited', 'name.givenName': null })).status).toBe(
      200,
    );
    expect((await call('GET', '/users')).body).toEqual([(await scim.get(`/Users/${id}`)).body]);
    expect((await call('GET', `/users/${id}`)).body).toMatchObject({
      title: 'Edited',
      name: { familyName: 'Lovelace' },
    });
    expect((await call('DELETE', `/users/${id}`)).status).toBe(204);
    await call('POST', '/users', { userName: 'x' });
    await call('DELETE', '/users');
    expect((await call('GET', '')).body).toMatchObject({ users: 0, tenantUrl: scim.maptician.url });
  });

  it.each([
    ['POST', '/users', { userName: 'ADA@example.com' }, 409],
    ['POST', '/users', { title: 'nameless' }, 400],
    ['POST', '/users', { userName: 'x', nickName: 'y' }, 400],
    ['PATCH', '/users/ada@example.com', { userName: null }, 400],
    ['PATCH', '/users/nobody', { title: 'x' }, 404],
    ['DELETE', '/users/nobody', undefined, 404],
    ['PATCH', '', { pageLimit: 0 }, 400],
    ['PATCH', '', { isPerfect: true }, 400],
    ['PUT', '/token', { token: '' }, 400],
  ])('refuses %s %s %j with %d', async (method, path, body, status) => {
    scim.maptician.create(adaAttributes);
    expect(await call(method, path, body)).toMatchObject({ status, body: { error: expect.stringMatching(/\S/) } });
    expect(scim.maptician.users().map(({ attributes }) => attributes)).toEqual([adaAttributes]);
  });

  it('changes switches and the token', async () => {
    expect((await call('PATCH', '', { pageLimit: 7, dropsAttribute: ['title'] })).status).toBe(200);
    expect(scim.maptician.behaviour).toMatchObject({ pageLimit: 7, dropsAttribute: ['title'], activeAsText: false });
    const before = scim.maptician.token;
    expect((await call('PUT', '/token')).body).toEqual({ token: scim.maptician.token });
    expect(scim.maptician.token).not.toBe(before);
    expect((await scim.send('GET', '/Users', undefined, { authorization: `Bearer ${before}` })).status).toBe(401);
    await call('PUT', '/token', { token: before });
    expect((await scim.send('GET', '/Users', undefined, { authorization: `Bearer ${before}` })).status).toBe(200);
  });
});

describe('the sandbox', () => {
  it('tells a worker the Tenant URL and the Secret Token when it is asked to', () => {
    const { sandbox, maptician } = scim;
    expect(sandbox.environment()).not.toHaveProperty('MAPTICIAN_TENANT_URL');
    expect(sandbox.environment({ maptician: 'scim' })).toEqual({
      ...sandbox.environment(),
      MAPTICIAN_TENANT_URL: `${sandbox.origin}/scim/v2`,
      MAPTICIAN_SECRET_TOKEN: maptician.token,
    });
  });
});
