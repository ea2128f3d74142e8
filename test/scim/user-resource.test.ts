import fc from 'fast-check';
import SCIMMY from 'scimmy';
import { describe, expect, test } from 'vitest';
import { attributePaths, type UserAttributes } from '../../src/mapping/maptician-user.ts';
import { enterpriseUserSchema, userSchema } from '../../src/mapping/scim-path.ts';
import { keptInstead, readAttributes, readList, readUser, toResource } from '../../src/maptician/scim/user-resource.ts';
import { readScimmySchemas } from '../support/scim-schema.ts';

const schemas = readScimmySchemas();

const texts = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const users: fc.Arbitrary<UserAttributes> = fc
  .record(
    Object.fromEntries(attributePaths.map((path) => [path, path === 'active' ? fc.boolean() : fc.option(texts)])),
    { requiredKeys: [] },
  )
  .map((user) => ({ ...user, userName: 'ada@example.com' }));

const nothing: UserAttributes = Object.fromEntries(attributePaths.map((path) => [path, null]));

describe('the body of a new user', () => {
  test('has every attribute where SCIM wants it', () => {
    const attributes = Object.fromEntries(attributePaths.map((path, index) => [path, `v${index}`]));
    expect(toResource({ ...attributes, active: true })).toEqual({
      schemas: [userSchema, enterpriseUserSchema],
      userName: 'v0',
      emails: [{ type: 'work', value: 'v1', primary: true }],
      active: true,
      title: 'v3',
      userType: 'v4',
      name: { givenName: 'v5', familyName: 'v6' },
      addresses: [{ type: 'work', locality: 'v7', region: 'v8' }],
      phoneNumbers: [
        { type: 'work', value: 'v9' },
        { type: 'mobile', value: 'v10' },
      ],
      externalId: 'v11',
      [enterpriseUserSchema]: { employeeNumber: 'v12', organization: 'v13', department: 'v14' },
    });
  });

  test('leaves out what has no value, and the extension with it', () => {
    expect(toResource({ ...nothing, userName: 'ada', active: false, title: '' })).toEqual({
      schemas: [userSchema],
      userName: 'ada',
      active: false,
    });
  });

  test('fits the schemas of a strict server, and reads as it was meant after that server has taken it', () => {
    fc.assert(
      fc.property(users, (user) => {
        const body = toResource(user);
        expect(schemas.resourceProblems(body)).toEqual([]);
        const stored: unknown = JSON.parse(JSON.stringify(new SCIMMY.Schemas.User(body, 'in')));
        expect(readAttributes(stored)).toEqual({ ...nothing, ...user });
      }),
    );
  });
});

describe('a user as a server gives it is read', () => {
  test.each<[string, object, UserAttributes]>([
    ['with texts for Booleans', { active: 'True' }, { active: true }],
    ['with texts for Booleans in any case', { ACTIVE: 'false' }, { active: false }],
    ['without a value for active that says neither', { active: 'maybe' }, { active: null }],
    [
      'with numbers for texts',
      { externalId: 7, [enterpriseUserSchema]: { employeeNumber: 12 } },
      {
        externalId: '7',
        [`${enterpriseUserSchema}:employeeNumber`]: '12',
      },
    ],
    [
      'with other cases of names',
      { UserName: 'ada', NAME: { GIVENNAME: 'Ada' } },
      {
        userName: 'ada',
        'name.givenName': 'Ada',
      },
    ],
    [
      'with nulls, empty texts and values that are no text',
      { title: null, userType: '', externalId: {}, name: null },
      {},
    ],
    [
      'with nulls among the entries',
      { emails: [null, { type: 'work', value: 'w' }], phoneNumbers: [null], addresses: null },
      {
        'emails[type eq "work"].value': 'w',
      },
    ],
    [
      'with the primary one of several',
      {
        emails: [
          { type: 'work', value: 'a' },
          { type: 'work', value: 'b', primary: true },
        ],
      },
      { 'emails[type eq "work"].value': 'b' },
    ],
    ['without entries of other types', { emails: [{ type: 'home', value: 'h' }, { value: 'none' }] }, {}],
  ])('%s', (_, resource, attributes) => {
    expect(readUser({ id: 'a1', ...resource })).toEqual({ id: 'a1', attributes: { ...nothing, ...attributes } });
  });

  test('with a number for its id', () => {
    expect(readUser({ ID: 42 }).id).toBe('42');
  });

  test.each([null, undefined, 'text', [], {}, { id: '' }, { id: null }, { id: {} }])('and %j is none', (body) => {
    expect(() => readUser(body)).toThrow(
      expect.objectContaining({ code: 'SystemForCrossDomainIdentityManagementServiceIncompatible' }),
    );
  });
});

describe('a list of users', () => {
  const ids = (body: unknown) => {
    const { users: found, total } = readList(body);
    return { ids: found.map(({ id }) => id), total };
  };

  test.each([
    ['is read', { totalResults: 3, Resources: [{ id: 'a' }, { id: 'b' }] }, { ids: ['a', 'b'], total: 3 }],
    ['may be empty', { totalResults: 0, Resources: [] }, { ids: [], total: 0 }],
    ['may lack Resources', { totalResults: 0 }, { ids: [], total: 0 }],
    ['may have null for Resources', { totalResults: 5, Resources: null }, { ids: [], total: 5 }],
    ['may have text for its total', { totalResults: '2', resources: [{ id: 1 }] }, { ids: ['1'], total: 2 }],
    ['may lack its total', { Resources: [{ id: 'a' }] }, { ids: ['a'], total: 1 }],
  ])('%s', (_, body, read) => {
    expect(ids(body)).toEqual(read);
  });

  test.each([
    null,
    'text',
    {},
    [],
    { totalResults: -1 },
    { totalResults: 'many' },
    { totalResults: 1, Resources: [{ userName: 'ada' }] },
    { totalResults: 1, Resources: [null] },
  ])('is not %j', (body) => {
    expect(() => readList(body)).toThrow(
      expect.objectContaining({ code: 'SystemForCrossDomainIdentityManagementServiceIncompatible' }),
    );
  });
});

describe('what a server kept instead', () => {
  test('is nothing where all is as sent, however absence is told', () => {
    expect(keptInstead({ userName: 'ada', title: null, userType: '' }, { userName: 'ada', title: '' })).toEqual({});
    fc.assert(
      fc.property(users, (user) => {
        expect(keptInstead(user, readUser({ id: '1', ...toResource(user) }).attributes)).toEqual({});
      }),
    );
  });

  test('is its own value, or null for one it dropped; what was not sent does not count', () => {
    const wanted = { userName: 'Ada', title: 'T', active: false, userType: null };
    const actual = { userName: 'ada', active: true, userType: 'Member', externalId: 'e' };
    expect(keptInstead(wanted, actual)).toEqual({ userName: 'ada', title: null, active: true, userType: 'Member' });
  });
});
