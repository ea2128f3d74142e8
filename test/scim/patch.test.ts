import fc from 'fast-check';
import { scimPatch } from 'scim-patch';
import SCIMMY from 'scimmy';
import { describe, expect, test } from 'vitest';
import { attributePaths, type UserAttributes } from '../../src/mapping/maptician-user.ts';
import { enterpriseUserSchema, userSchema } from '../../src/mapping/scim-path.ts';
import {
  type Dialect,
  type PatchOperation,
  patchBody,
  patchFromResource,
  patchOperations,
} from '../../src/maptician/scim/patch.ts';
import { readAttributes, toResource } from '../../src/maptician/scim/user-resource.ts';
import { readScimmySchemas } from '../support/scim-schema.ts';

const schemas = readScimmySchemas();

const email = 'emails[type eq "work"].value';
const locality = 'addresses[type eq "work"].locality';
const region = 'addresses[type eq "work"].region';
const workPhone = 'phoneNumbers[type eq "work"].value';
const mobilePhone = 'phoneNumbers[type eq "mobile"].value';
const department = `${enterpriseUserSchema}:department` as const;
const nothing: UserAttributes = Object.fromEntries(attributePaths.map((path) => [path, null]));

function bodyOf(changes: UserAttributes, before: UserAttributes, dialect: Dialect): string {
  return JSON.stringify(patchBody(patchOperations(changes, { ...nothing, ...before }, dialect)));
}

const envelope = (operations: string) =>
  `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[${operations}]}`;

describe('the body of a PATCH is, byte for byte,', () => {
  test.each<[string, UserAttributes, UserAttributes, Record<'compliant' | 'classic', string>]>([
    [
      'to disable',
      { active: false },
      { active: true },
      {
        compliant: '{"op":"replace","path":"active","value":false}',
        classic: '{"op":"Replace","path":"active","value":"False"}',
      },
    ],
    [
      'to enable',
      { active: true },
      { active: false },
      {
        compliant: '{"op":"replace","path":"active","value":true}',
        classic: '{"op":"Replace","path":"active","value":"True"}',
      },
    ],
    [
      'to add a value',
      { title: 'Babs' },
      {},
      {
        compliant: '{"op":"add","path":"title","value":"Babs"}',
        classic: '{"op":"Add","path":"title","value":"Babs"}',
      },
    ],
    [
      'to add a typed value',
      { [email]: 'a@b' },
      {},
      {
        compliant: '{"op":"add","path":"emails","value":[{"type":"work","value":"a@b"}]}',
        classic: '{"op":"Add","path":"emails[type eq \\"work\\"].value","value":"a@b"}',
      },
    ],
    [
      'to replace several',
      { [email]: 'new@b', 'name.givenName': 'N', [department]: 'D' },
      {
        [email]: 'old@b',
        'name.givenName': 'O',
        [department]: 'O',
      },
      {
        compliant:
          '{"op":"replace","path":"emails[type eq \\"work\\"].value","value":"new@b"},' +
          '{"op":"replace","path":"name.givenName","value":"N"},' +
          `{"op":"replace","path":"${department}","value":"D"}`,
        classic:
          '{"op":"Replace","path":"emails[type eq \\"work\\"].value","value":"new@b"},' +
          '{"op":"Replace","path":"name.givenName","value":"N"},' +
          `{"op":"Replace","path":"${department}","value":"D"}`,
      },
    ],
    [
      'to add a whole address and both phones',
      { [locality]: 'L', [region]: 'R', [workPhone]: '1', [mobilePhone]: '2' },
      {},
      {
        compliant:
          '{"op":"add","path":"addresses","value":[{"type":"work","locality":"L","region":"R"}]},' +
          '{"op":"add","path":"phoneNumbers","value":[{"type":"work","value":"1"},{"type":"mobile","value":"2"}]}',
        classic:
          '{"op":"Add","path":"addresses[type eq \\"work\\"].locality","value":"L"},' +
          '{"op":"Add","path":"addresses[type eq \\"work\\"].region","value":"R"},' +
          '{"op":"Add","path":"phoneNumbers[type eq \\"work\\"].value","value":"1"},' +
          '{"op":"Add","path":"phoneNumbers[type eq \\"mobile\\"].value","value":"2"}',
      },
    ],
    [
      'to add the other half of an address and the other phone',
      { [region]: 'R', [mobilePhone]: '2' },
      { [locality]: 'L', [workPhone]: '1' },
      {
        compliant:
          '{"op":"add","path":"addresses[type eq \\"work\\"].region","value":"R"},' +
          '{"op":"add","path":"phoneNumbers","value":[{"type":"mobile","value":"2"}]}',
        classic:
          '{"op":"Add","path":"addresses[type eq \\"work\\"].region","value":"R"},' +
          '{"op":"Add","path":"phoneNumbers[type eq \\"mobile\\"].value","value":"2"}',
      },
    ],
    [
      'to clear values',
      { title: null, 'name.givenName': '', [email]: null, [department]: null },
      {
        title: 'T',
        'name.givenName': 'G',
        [email]: 'a@b',
        [department]: 'D',
      },
      {
        compliant:
          '{"op":"remove","path":"emails[type eq \\"work\\"]"},{"op":"remove","path":"title"},' +
          `{"op":"remove","path":"name.givenName"},{"op":"remove","path":"${department}"}`,
        classic:
          '{"op":"Remove","path":"emails[type eq \\"work\\"]"},{"op":"Remove","path":"title"},' +
          `{"op":"Remove","path":"name.givenName"},{"op":"Remove","path":"${department}"}`,
      },
    ],
    [
      'to clear one half of an address',
      { [locality]: null },
      { [locality]: 'L', [region]: 'R' },
      {
        compliant: '{"op":"remove","path":"addresses[type eq \\"work\\"].locality"}',
        classic: '{"op":"Remove","path":"addresses[type eq \\"work\\"].locality"}',
      },
    ],
    [
      'to clear a whole address',
      { [locality]: null, [region]: null },
      { [locality]: 'L', [region]: 'R' },
      {
        compliant: '{"op":"remove","path":"addresses[type eq \\"work\\"]"}',
        classic: '{"op":"Remove","path":"addresses[type eq \\"work\\"]"}',
      },
    ],
    [
      'to exchange one half of an address for the other',
      { [locality]: null, [region]: 'R' },
      { [locality]: 'L' },
      {
        compliant:
          '{"op":"add","path":"addresses[type eq \\"work\\"].region","value":"R"},' +
          '{"op":"remove","path":"addresses[type eq \\"work\\"].locality"}',
        classic:
          '{"op":"Add","path":"addresses[type eq \\"work\\"].region","value":"R"},' +
          '{"op":"Remove","path":"addresses[type eq \\"work\\"].locality"}',
      },
    ],
  ])('%s', (_, changes, before, bodies) => {
    expect(bodyOf(changes, before, 'compliant')).toBe(envelope(bodies.compliant));
    expect(bodyOf(changes, before, 'classic')).toBe(envelope(bodies.classic));
  });
});

describe('a change', () => {
  test('to what already is so needs no operation', () => {
    expect(patchOperations({ title: 'T', userType: null, [email]: '' }, { title: 'T' }, 'compliant')).toEqual([]);
    expect(patchFromResource({ title: 'T', active: false }, { title: 'T', active: 'False' }, 'compliant')).toEqual([]);
  });

  test('that clears half an address spares the other half when nobody knows it', () => {
    expect(patchOperations({ [locality]: null }, { [locality]: 'L' }, 'compliant')).toEqual([
      { op: 'remove', path: 'addresses[type eq "work"].locality' },
    ]);
  });
});

describe('from a resource as it was read', () => {
  const changes = { [email]: 'new@b' };

  test.each<[string, unknown, UserAttributes, PatchOperation[]]>([
    [
      'the whole list is written, with the other entries as they are',
      {
        emails: [
          { type: 'home', value: 'h', display: 'H' },
          { type: 'work', value: 'old@b', primary: true },
        ],
      },
      changes,
      [
        {
          op: 'replace',
          path: 'emails',
          value: [
            { type: 'home', value: 'h', display: 'H' },
            { type: 'work', value: 'new@b', primary: true },
          ],
        },
      ],
    ],
    [
      'one of several entries of our type is left',
      {
        emails: [
          { type: 'work', value: 'a' },
          { type: 'WORK', value: 'b' },
          { type: 'home', value: 'h' },
        ],
      },
      changes,
      [
        {
          op: 'replace',
          path: 'emails',
          value: [
            { type: 'work', value: 'new@b' },
            { type: 'home', value: 'h' },
          ],
        },
      ],
    ],
    [
      'neither nulls nor empty lists are sent back',
      {
        emails: [null, { type: 'home', value: 'h', display: null, tags: [], more: { a: null } }, {}],
      },
      changes,
      [
        {
          op: 'replace',
          path: 'emails',
          value: [
            { type: 'home', value: 'h' },
            { type: 'work', value: 'new@b' },
          ],
        },
      ],
    ],
    [
      'a list that was not there is added',
      { emails: [] },
      changes,
      [{ op: 'add', path: 'emails', value: [{ type: 'work', value: 'new@b' }] }],
    ],
    [
      'a list in which nothing is left is removed',
      { emails: [{ type: 'work', value: 'w', display: 'W' }] },
      { [email]: null },
      [{ op: 'remove', path: 'emails' }],
    ],
    [
      'an address keeps what is not ours',
      {
        addresses: [{ type: 'work', streetAddress: 'S', locality: 'L', region: 'R' }],
      },
      { [locality]: null, [region]: null },
      [{ op: 'replace', path: 'addresses', value: [{ type: 'work', streetAddress: 'S' }] }],
    ],
    [
      'simple values go by their paths',
      { Title: 'T', name: { givenName: 'G' } },
      { title: 'N', 'name.givenName': null, [department]: 'D' },
      [
        { op: 'replace', path: 'title', value: 'N' },
        { op: 'remove', path: 'name.givenName' },
        { op: 'add', path: department, value: 'D' },
      ],
    ],
  ])('%s', (_, resource, wanted, operations) => {
    expect(patchFromResource(wanted, resource, 'compliant')).toEqual(operations);
  });

  test.each([
    ['capitals', 'Replace', false],
    ['text', 'replace', 'False'],
  ] as const)('the dialect %s has %s with %j', (dialect, op, value) => {
    const operations = [{ op, path: 'active', value }];
    expect(patchFromResource({ active: false }, { active: true }, dialect)).toEqual(operations);
    expect(patchOperations({ active: false }, { active: true }, dialect)).toEqual(operations);
  });

  test('the classic dialect has its words and its text for a Boolean', () => {
    expect(patchFromResource({ active: false, ...changes }, { active: true }, 'classic')).toEqual([
      { op: 'Replace', path: 'active', value: 'False' },
      { op: 'Add', path: 'emails', value: [{ type: 'work', value: 'new@b' }] },
    ]);
  });
});

describe('the check against schemas finds', () => {
  test.each<[string, object]>([
    ['title: is null', { title: null }],
    ['title: is empty', { title: '' }],
    ['title: must be a string', { title: 5 }],
    ['active: must be a boolean', { active: 'True' }],
    ['emails: is empty', { emails: [] }],
    ['emails: must be a list', { emails: { value: 'a' } }],
    ['emails: has more than one primary entry', { emails: [{ primary: true }, { primary: true }] }],
    ['emails.type: must be one of work, home, other', { emails: [{ type: 'fax' }] }],
    ['emails.kind: is no attribute', { emails: [{ kind: 'work' }] }],
    ['name: is empty', { name: {} }],
    ['groups: is read-only', { groups: [] }],
    ['id: is read-only', { id: '1' }],
    ['nick: is no attribute', { nick: 'N' }],
    [`schemas: must be ${userSchema} and ${enterpriseUserSchema}`, { [enterpriseUserSchema]: { department: 'D' } }],
  ])('in a new user that %s', (problem, body) => {
    expect(schemas.resourceProblems({ schemas: [userSchema], userName: 'ada', ...body })).toEqual([problem]);
  });

  test('that a new user has no userName', () => {
    expect(schemas.resourceProblems({ schemas: [userSchema] })).toEqual(['userName: is required']);
  });

  test.each<[string, unknown]>([
    ['"move" is no operation', { op: 'move', path: 'title', value: 'T' }],
    ['has no value', { op: 'add', path: 'title' }],
    ['has no path', { op: 'remove' }],
    ['nick: is no attribute', { op: 'add', path: 'nick', value: 'N' }],
    ['has no path', { op: 'add', value: { title: 'T' } }],
    ['name.nick: is no sub-attribute', { op: 'add', path: 'name.nick', value: 'N' }],
    ['meta: is read-only', { op: 'remove', path: 'meta' }],
    ['userName: is required', { op: 'remove', path: 'userName' }],
    ['emails.value: means no entry of the list', { op: 'replace', path: 'emails.value', value: 'a' }],
    ['name[type eq "a"]: is no list, so it cannot be filtered', { op: 'remove', path: 'name[type eq "a"]' }],
    ['emails[kind eq "a"]: filters by what is no sub-attribute', { op: 'remove', path: 'emails[kind eq "a"]' }],
    ['emails: is empty', { op: 'replace', path: 'emails', value: [] }],
    ['active: must be a boolean', { op: 'replace', path: 'active', value: 'False' }],
    ['urn:x:User:a: is in no schema of this server', { op: 'remove', path: 'urn:x:User:a' }],
  ])('in an operation that %s', (problem, operation) => {
    const body = { schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'], Operations: [operation] };
    expect(schemas.patchProblems(body)).toEqual([`operation 1: ${problem}`]);
  });

  test('a PATCH without operations, or of another schema', () => {
    expect(schemas.patchProblems(patchBody([]))).toHaveLength(1);
    expect(schemas.patchProblems({ schemas: [], Operations: [{ op: 'remove', path: 'title' }] })).toHaveLength(1);
  });
});

const texts = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 });
const users: fc.Arbitrary<UserAttributes> = fc
  .record(
    Object.fromEntries(attributePaths.map((path) => [path, path === 'active' ? fc.boolean() : fc.option(texts)])),
    { requiredKeys: ['userName'] },
  )
  .map((user) => ({ ...user, userName: user.userName ?? 'ada@example.com' }));

interface Foreign {
  readonly displayName?: string;
  readonly middleName?: string;
  readonly costCenter?: string;
  readonly homeEmail?: string;
  readonly fax?: string;
  readonly homeStreet?: string;
}

const foreigners: fc.Arbitrary<Foreign> = fc.record(
  { displayName: texts, middleName: texts, costCenter: texts, homeEmail: texts, fax: texts, homeStreet: texts },
  { requiredKeys: [] },
);

const listed = fc.record({
  ours: users,
  foreign: foreigners,
  /** Whether the foreign entries come first. */
  first: fc.boolean(),
  changes: users,
});

const defined = (object: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/** A resource of ours with what somebody else put there. */
function stored({ ours, foreign, first }: { ours: UserAttributes; foreign: Foreign; first: boolean }) {
  const resource: Record<string, unknown> = { ...toResource(ours) };
  const entries = (attribute: string, entry: object | undefined) => {
    const own = Array.isArray(resource[attribute]) ? resource[attribute] : [];
    const all = entry === undefined ? own : first ? [entry, ...own] : [...own, entry];
    resource[attribute] = all.length === 0 ? undefined : all;
  };
  const members = (attribute: string, more: object) => {
    const all = defined({ ...(resource[attribute] as object | undefined), ...more });
    resource[attribute] = Object.keys(all).length === 0 ? undefined : all;
  };
  entries('emails', foreign.homeEmail === undefined ? undefined : { type: 'home', value: foreign.homeEmail });
  entries('phoneNumbers', foreign.fax === undefined ? undefined : { type: 'fax', value: foreign.fax, display: 'F' });
  entries(
    'addresses',
    foreign.homeStreet === undefined ? undefined : { type: 'home', streetAddress: foreign.homeStreet },
  );
  members('name', { middleName: foreign.middleName });
  members(enterpriseUserSchema, { costCenter: foreign.costCenter });
  return defined({
    ...resource,
    schemas: [userSchema, enterpriseUserSchema],
    id: '1',
    displayName: foreign.displayName,
  });
}

function foreignIn(resource: unknown): Foreign {
  const user = JSON.parse(JSON.stringify(resource));
  const entry = (attribute: string, type: string) =>
    (user[attribute] ?? []).filter((each: { type?: string }) => each.type === type)[0];
  return defined({
    displayName: user.displayName,
    middleName: user.name?.middleName,
    costCenter: user[enterpriseUserSchema]?.costCenter,
    homeEmail: entry('emails', 'home')?.value,
    fax: entry('phoneNumbers', 'fax')?.value,
    homeStreet: entry('addresses', 'home')?.streetAddress,
  });
}

function byScimPatch(resource: object, operations: readonly PatchOperation[]): unknown {
  const options = { mutateDocument: false, treatMissingAsAdd: true };
  return scimPatch(
    resource as Parameters<typeof scimPatch>[0],
    structuredClone(operations) as Parameters<typeof scimPatch>[1],
    options,
  );
}

/** scimmy is strict: a filter that finds nothing is an error, and so is a value of another type. */
async function byScimmy(resource: object, operations: readonly PatchOperation[]): Promise<unknown> {
  if (operations.length === 0) return resource;
  const message = new SCIMMY.Messages.PatchOp(
    patchBody(operations) as unknown as ConstructorParameters<typeof SCIMMY.Messages.PatchOp>[0],
  );
  const user = new SCIMMY.Schemas.User(resource, 'out');
  const patched: unknown = await message.apply(user, async (instance) => instance);
  return JSON.parse(JSON.stringify(patched ?? user));
}

const ways = [
  [
    'patchOperations',
    (changes: UserAttributes, resource: object, dialect: Dialect) =>
      patchOperations(changes, readAttributes(resource), dialect),
  ],
  ['patchFromResource', patchFromResource],
] as const;

const servers = [
  ['scim-patch', byScimPatch],
  ['scimmy', byScimmy],
] as const;

describe.each(ways)('%s, for whatever a server holds and whatever changes,', (_, operationsFor) => {
  test.each(servers)('gives what is wanted on %s, keeps what is not ours, and is then done', async (_name, apply) => {
    await fc.assert(
      fc.asyncProperty(listed, async ({ changes, ...held }) => {
        const resource = stored(held);
        const after = await apply(resource, operationsFor(changes, resource, 'compliant'));
        expect(readAttributes(after)).toEqual({ ...readAttributes(resource), ...changes });
        expect(foreignIn(after)).toEqual(held.foreign);
        expect(operationsFor(changes, after as object, 'compliant')).toEqual([]);
      }),
    );
  });

  test('does the same in the classic dialect on a server that understands it', () => {
    fc.assert(
      fc.property(listed, ({ changes, ...held }) => {
        const resource = stored(held);
        const after = byScimPatch(resource, operationsFor(changes, resource, 'classic'));
        expect(readAttributes(after)).toEqual({ ...readAttributes(resource), ...changes });
        expect(foreignIn(after)).toEqual(held.foreign);
      }),
    );
  });

  test('fits the schemas of a strict server, with neither nulls nor empty lists', () => {
    fc.assert(
      fc.property(listed, fc.constantFrom<Dialect>('compliant', 'classic'), ({ changes, ...held }, dialect) => {
        const operations = operationsFor(changes, stored(held), dialect);
        if (operations.length === 0) return;
        const problems = schemas.patchProblems(patchBody(operations));
        expect(
          problems.filter((problem) => dialect === 'compliant' || !problem.endsWith('active: must be a boolean')),
        ).toEqual([]);
      }),
    );
  });
});
