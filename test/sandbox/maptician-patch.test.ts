import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adaAttributes, enterprise, openScim, type TestScim } from './maptician-support.ts';

let scim: TestScim;
let id: string;
beforeEach(async () => {
  scim = await openScim();
  id = scim.maptician.create(adaAttributes).id;
});
afterEach(() => scim[Symbol.asyncDispose]());

const stored = () => scim.maptician.user(id).attributes;
const without = (...paths: string[]) =>
  Object.fromEntries(Object.entries(adaAttributes).filter(([path]) => !paths.includes(path)));

describe('a PATCH', () => {
  it.each(Object.keys(adaAttributes).filter((path) => path !== 'active'))('replaces %s', async (path) => {
    const { status, body } = await scim.patch(id, { op: 'replace', path, value: 'new' });
    expect(status).toBe(200);
    expect(stored()).toEqual({ ...adaAttributes, [path]: 'new' });
    expect(body).toEqual(scim.maptician.user(id).resource);
  });

  it.each(Object.keys(adaAttributes).filter((path) => path !== 'userName'))('removes %s', async (path) => {
    expect((await scim.patch(id, { op: 'remove', path })).status).toBe(200);
    expect(stored()).toEqual(without(path));
  });

  it.each(['replace', 'Replace', 'add', 'Add', 'ADD'])('deactivates by %s, by Boolean and by text', async (op) => {
    for (const value of [false, 'False', 'false']) {
      scim.maptician.update(id, { active: true });
      expect(await scim.patch(id, { op, path: 'active', value })).toMatchObject({
        status: 200,
        body: { active: false },
      });
      expect(stored().active).toBe(false);
    }
  });

  it('takes dotted and URN keys of an operation without a path, and drops what it does not know', async () => {
    const value = {
      active: false,
      displayName: 'Ada',
      'name.familyName': 'King',
      name: { formatted: 'x', givenName: 'Augusta' },
      [`${enterprise}:department`]: 'Poetry',
      [enterprise]: { costCenter: '1', organization: 'Home' },
    };
    expect((await scim.patch(id, { op: 'replace', value })).status).toBe(200);
    expect(stored()).toMatchObject({
      active: false,
      'name.givenName': 'Augusta',
      [`${enterprise}:organization`]: 'Home',
    });
    expect((await scim.patch(id, { op: 'add', value: { displayName: 'Ada' } })).status).toBe(204);
  });

  it('takes paths with the prefix of the core schema', async () => {
    const path = 'urn:ietf:params:scim:schemas:core:2.0:User:title';
    expect((await scim.patch(id, { op: 'replace', path, value: 'Countess' })).status).toBe(200);
    expect(stored().title).toBe('Countess');
  });

  it('answers 204 without a body when nothing changed', async () => {
    const { status, body } = await scim.patch(id, { op: 'replace', path: 'title', value: 'Analyst' });
    expect([status, body]).toEqual([204, undefined]);
  });

  it.each(['add', 'replace'])(
    'refuses to %s a typed value where there is none, and takes the whole list',
    async (op) => {
      scim.maptician.update(id, { 'emails[type eq "work"].value': null, 'phoneNumbers[type eq "mobile"].value': null });
      const typed = { op, path: 'emails[type eq "work"].value', value: 'new@example.com' };
      expect(await scim.patch(id, typed)).toMatchObject({ status: 400, body: { scimType: 'noTarget' } });
      const mobile = { op: 'add', path: 'phoneNumbers', value: [{ type: 'mobile', value: '1' }] };
      const list = { op, path: 'emails', value: [{ type: 'work', value: 'new@example.com' }] };
      expect((await scim.patch(id, list, mobile)).status).toBe(200);
      expect(stored()).toEqual({
        ...adaAttributes,
        'emails[type eq "work"].value': 'new@example.com',
        'phoneNumbers[type eq "mobile"].value': '1',
      });
    },
  );

  it('replaces a list as a whole, so that what is not in it is gone', async () => {
    await scim.patch(id, { op: 'replace', path: 'phoneNumbers', value: [{ type: 'work', value: '1' }] });
    expect(stored()).toEqual({
      ...without('phoneNumbers[type eq "mobile"].value'),
      'phoneNumbers[type eq "work"].value': '1',
    });
  });

  it('carries out all operations or none', async () => {
    const { status } = await scim.patch(
      id,
      { op: 'replace', path: 'title', value: 'Countess' },
      { op: 'replace', path: 'nickName', value: 'A' },
    );
    expect(status).toBe(400);
    expect(stored()).toEqual(adaAttributes);
  });

  it.each([
    ['an unknown path', [{ op: 'replace', path: 'nickName', value: 'A' }], 'invalidPath'],
    ['an unknown operation', [{ op: 'increase', path: 'title', value: 'A' }], 'invalidSyntax'],
    ['no operations', [], 'invalidValue'],
    ['a remove without a path', [{ op: 'remove' }], 'noTarget'],
    ['a removed userName', [{ op: 'remove', path: 'userName' }], 'invalidValue'],
    ['a number for a text', [{ op: 'replace', path: 'title', value: 7 }], 'invalidValue'],
    ['another id', [{ op: 'replace', path: 'id', value: 'x' }], 'mutability'],
  ])('with %s is refused', async (_, operations, scimType) => {
    expect(await scim.patch(id, ...operations)).toMatchObject({ status: 400, body: { status: '400', scimType } });
    expect(stored()).toEqual(adaAttributes);
  });

  it('refuses a body that is no PatchOp', async () => {
    const body = { Operations: [{ op: 'replace', path: 'title', value: 'A' }] };
    expect(await scim.send('PATCH', `/Users/${id}`, body)).toMatchObject({ body: { scimType: 'invalidSyntax' } });
  });

  it('refuses a userName or work e-mail that is taken, and lets an account change the case of its own', async () => {
    scim.maptician.create({ userName: 'grace@example.com', 'emails[type eq "work"].value': 'g@example.com' });
    const taken = [
      { op: 'replace', path: 'userName', value: 'GRACE@example.com' },
      { op: 'replace', path: 'emails[type eq "work"].value', value: 'G@example.com' },
    ];
    for (const operation of taken) {
      const detail = expect.stringContaining(operation.value);
      expect(await scim.patch(id, operation)).toMatchObject({ status: 409, body: { scimType: 'uniqueness', detail } });
    }
    expect((await scim.patch(id, { op: 'replace', path: 'userName', value: 'ADA@example.com' })).status).toBe(200);
  });
});
