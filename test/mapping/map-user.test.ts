import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { parseAttributeTable } from '../../src/mapping/attribute-table.ts';
import { changedAttributes, mapUser, userNameOf } from '../../src/mapping/map-user.ts';
import { attributePaths, type UserAttributes } from '../../src/mapping/maptician-user.ts';
import { sourceUser } from '../../src/mapping/source-user.ts';
import { anySourceUser } from './source-users.ts';

const shipped = parseAttributeTable(
  readFileSync(new URL('../../config/attributes.yaml', import.meta.url), 'utf8'),
  'a',
);
const active = { isSoftDeleted: false };

const mappedUsers = z
  .array(
    z.strictObject({
      name: z.string(),
      user: sourceUser,
      isSoftDeleted: z.boolean().default(false),
      wanted: z.partialRecord(z.enum(attributePaths), z.union([z.string(), z.boolean()])),
    }),
  )
  .parse(parse(readFileSync(new URL('mapped-users.yaml', import.meta.url), 'utf8')));

const nothing = Object.fromEntries(attributePaths.map((path) => [path, null]));

function tableOf(...rows: string[]) {
  const text = [
    '{target: userName, source: userPrincipalName, matching: 1}',
    '{target: active, source: not IsSoftDeleted}',
  ]
    .concat(rows)
    .map((row) => `  - ${row}\n`)
    .join('');
  return parseAttributeTable(`attributes:\n${text}`, 'table.yaml');
}

describe('the shipped table maps', () => {
  test.each(mappedUsers)('$name', ({ user, isSoftDeleted, wanted }) => {
    const expected = { attributes: { ...nothing, ...wanted }, rules: {}, redacted: [] };
    expect(mapUser(shipped, user, { isSoftDeleted }, 'create')).toEqual(expected);
    expect(mapUser(shipped, user, { isSoftDeleted }, 'update')).toEqual(expected);
    expect(userNameOf(shipped, user)).toBe(wanted.userName ?? null);
  });
});

describe('a row', () => {
  test('with a constant gives it to everyone, on create and update', () => {
    const table = tableOf('{target: title, constant: Staff}');
    const user = { id: 'a', jobTitle: 'Boss' };
    expect(mapUser(table, user, active, 'create').attributes.title).toBe('Staff');
    expect(mapUser(table, user, active, 'update').attributes.title).toBe('Staff');
  });

  test('with a default uses it only where there is no value and only on create', () => {
    const table = tableOf('{target: title, source: jobTitle, default: Staff}');
    expect(mapUser(table, { id: 'a' }, active, 'create').attributes.title).toBe('Staff');
    expect(mapUser(table, { id: 'a', jobTitle: '' }, active, 'create').attributes.title).toBe('Staff');
    expect(mapUser(table, { id: 'a', jobTitle: 'Boss' }, active, 'create').attributes.title).toBe('Boss');
    const update = mapUser(table, { id: 'a' }, active, 'update');
    const changes = (title: string) =>
      changedAttributes(update.attributes, { ...update.attributes, title }, { flowNulls: true, rules: update.rules });
    expect(changes('Boss')).toEqual({ title: null });
    expect(changes('Staff')).toEqual({});
  });

  test('that is not in the table leaves its attribute out', () => {
    const user = { id: 'a', jobTitle: 'Boss' };
    expect(Object.keys(mapUser(tableOf(), user, active, 'create').attributes)).toEqual(['userName', 'active']);
  });

  test('reads the item of a collection that it names', () => {
    const table = tableOf('{target: title, source: "businessPhones[1]"}');
    expect(mapUser(table, { id: 'a', businessPhones: ['1', '2'] }, active, 'create').attributes.title).toBe('2');
    expect(mapUser(table, { id: 'a', businessPhones: ['1'] }, active, 'create').attributes.title).toBeNull();
  });

  test('can read a directory extension of any type as text', () => {
    const name = 'extension_0123456789abcdef0123456789abcdef_x';
    const table = tableOf(`{target: title, source: ${name}}`, `{target: userType, source: "${name}[1]"}`);
    const read = (value: unknown) => mapUser(table, { id: 'a', [name]: value }, active, 'create').attributes;
    expect(read(7)).toMatchObject({ title: '7', userType: null });
    expect(read(true)).toMatchObject({ title: 'True', userType: null });
    expect(read(null)).toMatchObject({ title: null, userType: null });
    expect(() => read(['a', 'b'])).toThrow('title takes one value, and its source has 2 values; take one with [0]');
  });

  test('with an expression gives its text, whatever it is of', () => {
    const of = (expression: string, user: object = {}) =>
      mapUser(tableOf(`{target: title, expression: '${expression}'}`), { id: 'a', ...user }, active, 'create')
        .attributes;
    expect(of('Count(Split([jobTitle], "u"))', { jobTitle: 'four' }).title).toBe('2');
    expect(of('[accountEnabled]', { accountEnabled: false }).title).toBe('False');
    expect(of('StripSpaces([jobTitle])', { jobTitle: '  ' }).title).toBeNull();
    expect(of('IgnoreFlowIfNullOrEmpty([jobTitle])')).not.toHaveProperty('title');
    expect(() => of('[otherMails]', { otherMails: ['a', 'b'] })).toThrow('title takes one value');
  });

  test('that fails for one user says where in the expression, and nothing of the user', () => {
    const table = tableOf(`{target: title, expression: 'DateAdd("d", 1, CDate([jobTitle]))'}`);
    const map = () => mapUser(table, { id: 'a', jobTitle: 'Personal' }, active, 'create');
    expect(map).toThrow(expect.objectContaining({ code: 'FunctionEvaluationFailed' }));
    expect(map).toThrow(/^the expression for title has no value for this user: .+ \(line 1, column \d+\)$/);
    expect(map).not.toThrow(/Personal/);
  });

  test('of the userName that fails leaves nobody without a decision', () => {
    const table = parseAttributeTable(
      `attributes:
  - {target: userName, expression: 'Item([otherMails], 3)', matching: 1}
  - {target: active, source: not IsSoftDeleted}
`,
      'a',
    );
    expect(userNameOf(table, { id: 'a', otherMails: ['x'] })).toBeNull();
  });

  test('can read a guest name as it stands in Entra', () => {
    const table = tableOf('{target: title, source: originalUserPrincipalName}');
    const name = 'ann_fabrikam.example#EXT#@contoso.example';
    const wanted = mapUser(table, { id: 'a', userPrincipalName: name }, active, 'create').attributes;
    expect(wanted).toMatchObject({ userName: 'ann@fabrikam.example', title: name });
  });
});

describe('what changed', () => {
  const applied: UserAttributes = { userName: 'ann@a.example', active: true, title: 'Boss', userType: null };
  const flowing = { flowNulls: true };

  test('is only what differs, with its wanted value', () => {
    const wanted: UserAttributes = { ...applied, title: 'Chief', externalId: 'x' };
    expect(changedAttributes(wanted, applied, flowing)).toEqual({ title: 'Chief', externalId: 'x' });
  });

  test('includes a difference in case alone', () => {
    const wanted: UserAttributes = { ...applied, userName: 'Ann@a.example' };
    expect(changedAttributes(wanted, applied, flowing)).toEqual({ userName: 'Ann@a.example' });
  });

  test('includes a cleared value where nulls flow, and only there', () => {
    const wanted: UserAttributes = { ...applied, title: null };
    expect(changedAttributes(wanted, applied, flowing)).toEqual({ title: null });
    expect(changedAttributes(wanted, applied, { flowNulls: false })).toEqual({});
  });

  test('is false where true was applied', () => {
    expect(changedAttributes({ active: false }, applied, { flowNulls: false })).toEqual({ active: false });
  });

  test('leaves out an attribute that is not wanted, and a null that was never applied', () => {
    expect(changedAttributes({ active: true }, applied, flowing)).toEqual({});
    expect(changedAttributes({ externalId: null }, applied, flowing)).toEqual({});
  });
});

describe('for any user of Graph', () => {
  test('mapping gives every target one value of its type, never an empty string', () => {
    fc.assert(
      fc.property(anySourceUser, fc.boolean(), (user, isSoftDeleted) => {
        const wanted = mapUser(shipped, user, { isSoftDeleted }, 'create').attributes;
        expect(Object.keys(wanted).sort()).toEqual([...attributePaths].sort());
        for (const [path, value] of Object.entries(wanted)) {
          if (path === 'active') expect(value).toBe(!isSoftDeleted);
          else expect(value === null || (typeof value === 'string' && value !== '')).toBe(true);
        }
        expect(wanted.userName).toBe(userNameOf(shipped, user));
      }),
    );
  });

  test('a mapped user compared with itself has no changes', () => {
    fc.assert(
      fc.property(anySourceUser, fc.boolean(), (user, flowNulls) => {
        const wanted = mapUser(shipped, user, active, 'update').attributes;
        expect(changedAttributes(wanted, wanted, { flowNulls })).toEqual({});
      }),
    );
  });

  test('what changed, once applied, leaves nothing to change', () => {
    fc.assert(
      fc.property(anySourceUser, anySourceUser, fc.boolean(), (before, after, flowNulls) => {
        const applied = mapUser(shipped, before, active, 'update').attributes;
        const wanted = mapUser(shipped, after, { isSoftDeleted: true }, 'update').attributes;
        const changes = changedAttributes(wanted, applied, { flowNulls });
        const result = { ...applied, ...changes };
        expect(changedAttributes(wanted, result, { flowNulls })).toEqual({});
        if (flowNulls) expect(result).toEqual(wanted);
        else expect(Object.values(changes)).not.toContain(null);
      }),
    );
  });
});
