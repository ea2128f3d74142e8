import { describe, expect, it } from 'vitest';
import { errorPolicy } from '../../src/errors.ts';
import { refusalOf, scimErrorOf } from '../../src/maptician/scim/scim-error.ts';

const error = (status: unknown, more: object) => ({
  schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
  status,
  ...more,
});

describe('the words of a refusal', () => {
  it.each<[string, unknown, object]>([
    [
      'with its status as text',
      error('409', { scimType: 'uniqueness', detail: 'Taken' }),
      { scimType: 'uniqueness', detail: 'Taken' },
    ],
    ['with its status as a number', error(409, { scimType: 'uniqueness' }), { scimType: 'uniqueness' }],
    ['with a keyword of another case', error(400, { scimType: 'InvalidPath' }), { scimType: 'invalidpath' }],
    ['with nulls', error(404, { scimType: null, detail: null }), {}],
    ['with fields of other types', error(400, { scimType: 7, detail: { a: 1 } }), {}],
    [
      'with the list of SCIM 1.1',
      { Errors: [{ description: 'No such user', code: '404' }] },
      { detail: 'No such user' },
    ],
    ['with a list of another spelling', { errors: [{ message: 'No' }, { message: 'Never' }] }, { detail: 'No' }],
    ['that is a list itself', [{ scimType: 'tooMany', detail: 'Fewer' }], { scimType: 'toomany', detail: 'Fewer' }],
    ['with the fields of OAuth', { error: 'invalid_token', error_description: 'It expired' }, { detail: 'It expired' }],
    ['in plain text', 'userName\n  is taken', { detail: 'userName is taken' }],
    ['that is a page for people', '\n<!doctype html><title>Bad gateway</title>', {}],
    ['that is nothing', undefined, {}],
    ['that is null', null, {}],
    ['that is a number', 42, {}],
    ['that is an empty list', [], {}],
  ])('are read from an answer %s', (_how, body, expected) => {
    expect(scimErrorOf({ status: 400, body })).toEqual(expected);
  });

  it('are cut at 500 characters, and none in the middle', () => {
    const { detail = '' } = scimErrorOf({ status: 400, body: error('400', { detail: '🙂'.repeat(600) }) });
    expect([...detail]).toHaveLength(500);
    expect(detail).toMatch(/^🙂+…$/u);
  });
});

describe('a refusal', () => {
  it.each<[number, object | undefined, string]>([
    [400, undefined, 'UnprocessableEntity'],
    [400, { scimType: 'invalidValue', detail: "Attribute 'userName' is required" }, 'MandatoryFieldsMissing'],
    [400, { scimType: 'invalidValue', detail: 'Required attribute "userName" missing' }, 'MandatoryFieldsMissing'],
    [400, { detail: 'familyName cannot be blank' }, 'MandatoryFieldsMissing'],
    [400, { scimType: 'invalidValue', detail: "expected value type 'boolean'" }, 'UnprocessableEntity'],
    [400, { scimType: 'invalidPath' }, 'SchemaAttributeNotFound'],
    [400, { scimType: 'noTarget' }, 'SchemaAttributeNotFound'],
    [400, { detail: 'Unknown attribute: costCenter' }, 'SchemaAttributeNotFound'],
    [400, { detail: 'The attribute costCenter is not supported' }, 'SchemaAttributeNotFound'],
    [400, { scimType: 'uniqueness' }, 'Conflict'],
    [400, { scimType: 'invalidValue', detail: 'Email already exists' }, 'Conflict'],
    [400, { scimType: 'mutability', detail: 'id is readOnly' }, 'UnprocessableEntity'],
    [404, undefined, 'InvalidAnchor'],
    [405, undefined, 'MethodNotAllowed'],
    [409, undefined, 'Conflict'],
    [409, { detail: 'a required value is missing' }, 'Conflict'],
    [412, undefined, 'UnprocessableEntity'],
    [413, undefined, 'UnprocessableEntity'],
    [414, undefined, 'UnprocessableEntity'],
    [422, undefined, 'UnprocessableEntity'],
    [422, { detail: 'The e-mail address has already been taken' }, 'Conflict'],
    [428, undefined, 'UnprocessableEntity'],
    [501, undefined, 'NotImplemented'],
  ])('%i %o is %s', (status, more, code) => {
    const refusal = refusalOf({ status, body: more === undefined ? undefined : error(String(status), more) });
    expect(refusal).toMatchObject({ code, httpStatus: status });
    expect(errorPolicy(refusal.code)).toBe(code === 'InvalidAnchor' ? 'retry' : 'escrow');
  });

  it('of what is too large says so', () => {
    expect(refusalOf({ status: 413, body: undefined }).message).toBe(
      'Maptician refused the request (413): it is too large for it',
    );
  });

  it('has the words of the server apart from its own', () => {
    const refusal = refusalOf({ status: 409, body: error('409', { detail: 'ada@example.com is taken' }) });
    expect(refusal.detail).toBe('ada@example.com is taken');
    expect(refusal.message).toBe(
      "Maptician refused the request (409): a value that must be unique is another account's",
    );
  });
});
