import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseAttributeTable } from '../../src/mapping/attribute-table.ts';
import { attributePaths, readAttributePath } from '../../src/mapping/maptician-user.ts';
import {
  enterpriseUserSchema,
  formatScimPath,
  parseScimPath,
  readPath,
  type ScimPath,
  userSchema,
  writePath,
} from '../../src/mapping/scim-path.ts';

const department = `${enterpriseUserSchema}:department`;
const work = { attribute: 'type', value: 'work' };

const names = fc.constantFrom('userName', 'emails', 'value', 'x-1', 'a_b', '$ref');
const paths: fc.Arbitrary<ScimPath> = fc
  .record({
    attribute: names,
    schema: fc.option(fc.constantFrom(userSchema, enterpriseUserSchema, 'urn:x:1.0')),
    filter: fc.option(fc.record({ attribute: names, value: fc.string({ unit: 'binary' }) })),
    subAttribute: fc.option(names),
  })
  .map((parts) => Object.fromEntries(Object.entries(parts).filter(([, part]) => part !== null)) as unknown as ScimPath);

const json = fc.jsonValue({ depthSize: 'small' }).filter((value) => value !== null);

const read = (resource: unknown, path: string) => readPath(resource, parseScimPath(path));
const write = (resource: unknown, path: string, value: unknown) => writePath(resource, parseScimPath(path), value);

describe('a SCIM path', () => {
  test.each<[string, ScimPath]>([
    ['userName', { attribute: 'userName' }],
    ['name.givenName', { attribute: 'name', subAttribute: 'givenName' }],
    ['emails[type eq "work"]', { attribute: 'emails', filter: work }],
    ['emails[type eq "work"].value', { attribute: 'emails', filter: work, subAttribute: 'value' }],
    [' emails[ type  EQ "work" ].value ', { attribute: 'emails', filter: work, subAttribute: 'value' }],
    [
      'emails[type eq "a:b].c \\"\\u00e9"].value',
      { attribute: 'emails', filter: { attribute: 'type', value: 'a:b].c "é' }, subAttribute: 'value' },
    ],
    [department, { schema: enterpriseUserSchema, attribute: 'department' }],
    [
      `${enterpriseUserSchema}:manager.value`,
      { schema: enterpriseUserSchema, attribute: 'manager', subAttribute: 'value' },
    ],
    [`${userSchema}:userName`, { schema: userSchema, attribute: 'userName' }],
  ])('is read: %s', (text, path) => {
    expect(parseScimPath(text)).toEqual(path);
  });

  test('means the same after it was written and read again', () => {
    fc.assert(
      fc.property(paths, (path) => {
        expect(parseScimPath(formatScimPath(path))).toEqual(path);
      }),
    );
  });

  test.each([
    ['', 'expected an attribute name at character 1, where the path ends'],
    ['1name', 'expected an attribute name at character 1, before 1name'],
    ['name.', 'expected the name of a sub-attribute at character 6, where the path ends'],
    ['name.a.b', 'expected the end of the path at character 7, before .b'],
    ['emails [type eq "work"]', 'expected the end of the path at character 7, before  [type eq "work"]'],
    ['emails[]', 'expected an attribute name at character 8, before ]'],
    ['emails[type ne "work"]', 'expected " eq " at character 12, before  ne "work"]'],
    ["emails[type eq 'work']", "expected text in double quotes at character 16, before 'work']"],
    ['emails[type eq "work]', 'expected text in double quotes at character 16, before "work]'],
    ['emails[type eq "wo\\rk\\x"]', 'expected text in double quotes at character 16, before "wo'],
    ['emails[type eq "work" and primary eq true]', 'expected "]" at character 22'],
    [`${enterpriseUserSchema}:`, `expected an attribute name at character ${enterpriseUserSchema.length + 2}`],
  ])('is refused with place and reason: %s', (text, reason) => {
    expect(() => parseScimPath(text)).toThrow(reason);
  });
});

describe('reading at a path', () => {
  const resource = {
    USERNAME: 'ada',
    Name: { familyname: 'Lovelace' },
    emails: [
      null,
      'text',
      { type: 'home', value: 'home@a' },
      { type: 'Work', value: 'first@a' },
      { Type: 'work', Value: 'primary@a', primary: true },
    ],
    addresses: [
      { type: 'work', locality: 'London' },
      { type: 'work', region: 'Kent' },
    ],
    phoneNumbers: { type: 'work', value: '1' },
    [enterpriseUserSchema.toUpperCase()]: { Department: 'Engines' },
  };

  test.each([
    ['userName', 'ada'],
    [`${userSchema}:userName`, 'ada'],
    ['name.familyName', 'Lovelace'],
    ['emails[type eq "work"].value', 'primary@a'],
    ['emails[type eq "other"].value', undefined],
    ['addresses[type eq "work"].locality', 'London'],
    ['addresses[type eq "work"].region', 'Kent'],
    ['phoneNumbers[type eq "work"].value', '1'],
    [department, 'Engines'],
    ['department', undefined],
    ['constructor', undefined],
    ['userName.length', undefined],
  ])('%s', (path, value) => {
    expect(read(resource, path)).toBe(value);
  });

  test('gives the whole entry where no sub-attribute is named', () => {
    expect(read(resource, 'emails[type eq "work"]')).toEqual({ Type: 'work', Value: 'primary@a', primary: true });
  });

  test.each([null, undefined, 'text', 5, []])('finds nothing in %j', (nothing) => {
    expect(attributePaths.map((path) => read(nothing, path))).toEqual(attributePaths.map(() => undefined));
  });
});

describe('writing at a path', () => {
  test('what was written is read, and writing it again changes nothing', () => {
    const resources = fc.option(fc.dictionary(fc.constantFrom('userName', 'EMAILS', 'name'), json));
    fc.assert(
      fc.property(
        resources,
        fc.constantFrom(...attributePaths),
        fc.string({ minLength: 1 }),
        (resource, path, value) => {
          const written = write(resource, path, value);
          expect(read(written, path)).toBe(value);
          expect(write(written, path, value)).toEqual(written);
          expect(read(write(written, path, null), path)).toBeUndefined();
        },
      ),
    );
  });

  test('leaves the resource it was given as it was', () => {
    const resource = Object.freeze({ emails: Object.freeze([Object.freeze({ type: 'work', value: 'a' })]) });
    expect(write(resource, 'emails[type eq "work"].value', 'b')).toEqual({ emails: [{ type: 'work', value: 'b' }] });
    expect(resource.emails).toEqual([{ type: 'work', value: 'a' }]);
  });

  test('keeps the spelling, the place and the other entries', () => {
    const resource = { Emails: [{ type: 'home', value: 'h' }, { Type: 'WORK', display: 'd' }, { type: 'other' }] };
    expect(write(resource, 'emails[type eq "work"].value', 'w')).toEqual({
      Emails: [{ type: 'home', value: 'h' }, { Type: 'WORK', display: 'd', value: 'w' }, { type: 'other' }],
    });
  });

  test('makes one of several entries of a type, with what any of them had', () => {
    const resource = {
      addresses: [
        { type: 'work', region: 'R1', streetAddress: 'S1' },
        { type: 'home' },
        { type: 'work', region: 'R2', streetAddress: null, primary: true },
      ],
    };
    expect(write(resource, 'addresses[type eq "work"].locality', 'L')).toEqual({
      addresses: [{ type: 'home' }, { type: 'work', region: 'R2', primary: true, streetAddress: 'S1', locality: 'L' }],
    });
  });

  test.each([
    [
      'the entry without its value',
      { emails: [{ type: 'work', value: 'w', display: 'd' }], a: 1 },
      'emails[type eq "work"].value',
    ],
    [
      'the entry of nothing but a type',
      { addresses: [{ type: 'work', primary: true, locality: 'L', region: null }], a: 1 },
      'addresses[type eq "work"].locality',
    ],
    ['the empty complex attribute', { name: { givenName: 'A' }, a: 1 }, 'name.givenName'],
    ['the empty extension', { [enterpriseUserSchema]: { department: 'D' }, a: 1 }, department],
  ])('takes away, with the last value, %s', (_, resource, path) => {
    expect(write(resource, path, null)).toEqual({ a: 1 });
  });

  test('keeps an entry that still holds something', () => {
    const resource = { addresses: [{ type: 'work', locality: 'L', streetAddress: 'S' }] };
    expect(write(resource, 'addresses[type eq "work"].locality', null)).toEqual({
      addresses: [{ type: 'work', streetAddress: 'S' }],
    });
  });
});

describe('a target of the attribute table', () => {
  test.each([
    ['Name.GivenName', 'name.givenName'],
    ['EMAILS[ type Eq "Work" ].value', 'emails[type eq "work"].value'],
    [`${userSchema}:title`, 'title'],
    [department.toUpperCase(), department],
    [' active ', 'active'],
  ])('%s is %s', (text, path) => {
    expect(readAttributePath(text)).toEqual({ path });
    const rows = ['{target: userName, source: userPrincipalName, matching: 1}'];
    if (path !== 'active') rows.push('{target: active, source: not IsSoftDeleted}');
    const source = path === 'active' ? 'not IsSoftDeleted' : 'jobTitle';
    rows.push(JSON.stringify({ target: text, source }));
    const table = parseAttributeTable(`attributes:\n${rows.map((row) => `  - ${row}\n`).join('')}`, 'table.yaml');
    expect(table.mappings.at(-1)?.target).toBe(path);
  });

  test.each([
    ['nickname', 'userName'],
    ['surname', 'userName'],
    ['givenName', 'name.givenName'],
    ['mail', 'emails[type eq "work"].value'],
    ['emails.value', 'emails[type eq "work"].value'],
    ['phoneNumbers[type eq "fax"].value', 'phoneNumbers[type eq "work"].value'],
    ['mobile', 'phoneNumbers[type eq "mobile"].value'],
    ['addresses[type eq "work"].city', 'addresses[type eq "work"].locality'],
    ['urn:ietf:params:scim:schemas:extension:enterprise:1.0:User:organisation', `${enterpriseUserSchema}:organization`],
    ['', 'userName'],
  ])('that is not one, %s, gets the nearest one', (text, nearest) => {
    expect(readAttributePath(text)).toEqual({ problem: expect.stringMatching(/; did you mean .*\?$/) });
    expect(readAttributePath(text)).toHaveProperty('problem', expect.stringContaining(`did you mean ${nearest}?`));
  });
});
