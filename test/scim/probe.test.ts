/** What `test-connection` finds out about a Tenant URL, what it keeps, and what it does not leave behind. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { recommendedAction, type SyncError } from '../../src/errors.ts';
import type { Dialect } from '../../src/maptician/scim/patch.ts';
import { parseTenantUrl, readProfile } from '../../src/maptician/scim/profile.ts';
import { createRequestPace } from '../../src/maptician/scim/request-pace.ts';
import { createScimClient } from '../../src/maptician/scim/scim-client.ts';
import { openScimUserStore } from '../../src/maptician/scim/scim-user-store.ts';
import { type MapticianBehaviour, mapticianBehaviourSchema } from '../../src/sandbox/maptician/behaviour.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/sandbox.ts';
import { openTestState, type TestState } from '../support/state-database.ts';
import { bareUser, createAll } from '../user-store-contract.ts';

let sandbox: Sandbox;
let state: TestState;
const store = 'maptician under test';

beforeAll(async () => {
  sandbox = await startSandbox({ users: 0 });
  sandbox.trust();
  state = await openTestState();
});
beforeEach(() => {
  sandbox.maptician.clear();
  sandbox.faults.clear();
  sandbox.requests.clear();
  behave({});
});
afterAll(async () => {
  await state.close();
  await sandbox.close();
});

function behave(behaviour: Partial<MapticianBehaviour>): void {
  Object.assign(sandbox.maptician.behaviour, mapticianBehaviourSchema.parse(behaviour));
}

async function open(dialect?: Dialect, token = sandbox.maptician.token) {
  const { signal } = new AbortController();
  const pace = createRequestPace({ pool: state.pool, store, ceiling: 1000, signal });
  const { url } = sandbox.maptician;
  const client = createScimClient({ url, token, pace, signal });
  return openScimUserStore({ client, url, store, pool: state.pool, dialect, instance: '0190f3b4-7000' });
}

const people = (count: number) => {
  for (let index = 0; index < count; index++) {
    sandbox.maptician.create({ userName: `user${index}@a.example`, active: true });
  }
};
const check = async () => (await (await open()).check()).split('\n');
const bodies = (method: string) => sandbox.requests.entries.filter((entry) => entry.method === method);

describe('a server that does as the RFCs say', () => {
  test('is told of line by line, with its certificate, and the result is kept', async () => {
    people(3);
    const [first, secured, ...rest] = await check();
    expect(first).toBe('Maptician answers over SCIM, with 3 users');
    expect(secured).toMatch(/^TLSv1\.3, with a certificate that ends on \d{4}-\d{2}-\d{2}/);
    expect(rest).toEqual([
      'users are looked up by userName',
      'it pages by 100 users',
      'it has all 15 attributes',
      'changes are sent as RFC 7644 has them',
      'deleted accounts are gone',
    ]);
    const profile = await readProfile(state.pool, store);
    expect(profile).toMatchObject({ dialect: 'compliant', typedPaths: true, filter: 'works' });
    expect(await readProfile(state.pool, 'another'), 'and it is of this Tenant URL alone').toBeUndefined();
  });

  test('has no account more afterwards, and nobody else was touched', async () => {
    people(2);
    const before = sandbox.maptician.users();
    await check();
    expect(sandbox.maptician.users()).toEqual(before);
    expect(bodies('POST').map(({ body }) => body)).toMatchObject([{ active: false }]);
  });

  test('is left with one test account at most, however often a connection breaks in the middle', async () => {
    for (let round = 0; round < 3; round++) {
      sandbox.faults.inject({ method: 'DELETE', path: '/scim/v2/*', fault: { kind: 'status', status: 500 } });
      await expect(check()).rejects.toMatchObject({ code: 'InternalServerError' });
      expect(sandbox.maptician.size).toBe(1);
    }
    await check();
    expect(sandbox.maptician.size).toBe(0);
  });
});

describe('a server that does otherwise', () => {
  test('and wants the classic dialect gets it from then on', async () => {
    behave({ patchNeeds: 'classic' });
    expect(await check()).toContainEqual(expect.stringContaining("Microsoft's classic dialect"));
    const users = await open();
    const [id = ''] = await createAll(users, [bareUser('ann@a.example')]);
    sandbox.requests.clear();
    const before = bareUser('ann@a.example');
    await users.update([{ key: 'k', id, changes: { active: false }, before }]);
    expect(bodies('PATCH').map(({ body }) => body)).toEqual([
      {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:PatchOp'],
        Operations: [{ op: 'Replace', path: 'active', value: 'False' }],
      },
    ]);
    expect(sandbox.maptician.user(id).attributes.active).toBe(false);
  });

  test('and takes the compliant dialect alone is spoken to in the one that a setting forces', async () => {
    behave({ patchNeeds: 'compliant' });
    const users = await open('classic');
    expect(await users.check()).toContain('has changes sent in the classic dialect all the same');
    const [id = ''] = await createAll(users, [bareUser('ann@a.example')]);
    const changes = { title: 'Chief' };
    expect(await users.update([{ key: 'k', id, changes, before: bareUser('ann@a.example') }])).toMatchObject([
      { outcome: 'failed', error: { code: 'UnprocessableEntity', httpStatus: 400 } },
    ]);
  });

  test('and passes filters over is searched by reading all users', async () => {
    behave({ ignoresFilter: true, pageLimit: 2 });
    people(5);
    expect(await check()).toContainEqual(expect.stringContaining('it does not filter by userName'));
    const users = await open();
    const found = await users.match('userName', ['USER3@a.example', 'nobody@a.example']);
    expect([...found].map(([name, accounts]) => [name, accounts.length])).toEqual([
      ['USER3@a.example', 1],
      ['nobody@a.example', 0],
    ]);
  });

  test.each<[Partial<MapticianBehaviour>, string]>([
    [{ caseSensitiveFilter: true }, 'its filter minds upper and lower case'],
    [{ repeatsFirstPage: true, pageLimit: 2 }, 'it repeats its first page'],
    [{ pageLimit: 2 }, 'it pages by 2 users'],
    [{ softDeletes: true }, 'a deleted account can still be read'],
    [{ patchAnswers: 'nothing' }, 'changes are sent as RFC 7644 has them'],
  ])('%o is found out', async (behaviour, finding) => {
    people(5);
    behave(behaviour);
    expect(await check()).toContainEqual(expect.stringContaining(finding));
  });
});

describe('the test account', () => {
  const account = 'Maptician-Sync-Test-0190f3b4@maptician-sync.invalid';
  const users = '/scim/v2/Users*';

  test('has what servers may require, all of it of nobody', async () => {
    behave({ requires: ['emails[type eq "work"].value', 'name.givenName', 'name.familyName'] });
    await check();
    expect(bodies('POST')[0]?.body).toMatchObject({
      active: false,
      emails: [{ value: account }],
      name: { givenName: 'Maptician-Sync', familyName: 'Test' },
    });
  });

  test.each(['withoutId', 'nothing'] as const)('is found when a new account is answered %s', async (createAnswers) => {
    behave({ createAnswers });
    expect(await check()).toContain('deleted accounts are gone');
    expect(sandbox.maptician.size).toBe(0);
  });

  test.each([{}, { ignoresFilter: true, pageLimit: 2 }])(
    'is looked up when the answer to it was lost, with %j',
    async (behaviour) => {
      behave(behaviour);
      people(3);
      for (const kind of ['lost', 'truncated'] as const) {
        sandbox.faults.inject({ method: 'POST', path: users, fault: { kind } });
        expect(await check()).toContain('deleted accounts are gone');
        expect(sandbox.maptician.size).toBe(3);
      }
    },
  );

  test('is used again when one was left, also where filters find nobody', async () => {
    behave({ filterFindsNothing: true });
    sandbox.maptician.create({ userName: account, active: false, title: 'Left' });
    expect(await check()).toContainEqual(expect.stringContaining('it does not filter by userName'));
    expect(sandbox.maptician.size).toBe(0);
  });

  test.each([
    ['DELETE', { kind: 'status', status: 500 }, 'InternalServerError'],
    ['PATCH', { kind: 'lost' }, 'WebExceptionProtocolError'],
  ] as const)('that may be left after a failed %s is named in the error', async (method, fault, code) => {
    sandbox.faults.inject({ method, path: users, fault });
    if (method === 'PATCH') {
      sandbox.faults.inject({ method: 'DELETE', path: users, fault: { kind: 'status', status: 405 } });
    }
    await expect(check()).rejects.toMatchObject({ code, message: expect.stringContaining(account) });
    expect(sandbox.maptician.users().map(({ attributes }) => attributes.userName)).toEqual([account]);
  });

  test('is not spoken of where a change fails and it is deleted', async () => {
    sandbox.faults.inject({ method: 'PATCH', path: users, fault: { kind: 'status', status: 500 } });
    await expect(check()).rejects.toMatchObject({
      code: 'InternalServerError',
      message: expect.not.stringContaining(account),
    });
    expect(sandbox.maptician.size).toBe(0);
  });

  test('that stays since nothing is deleted is named', async () => {
    sandbox.faults.inject({ method: 'DELETE', path: users, fault: { kind: 'status', status: 405 } });
    expect(await check()).toContain(`it refuses to delete accounts (405): the test account ${account} stays, inactive`);
  });
});

test('a filter that says "not found" of nobody works', async () => {
  people(3);
  behave({ filterAnswersNotFound: true });
  expect(await check()).toContain('users are looked up by userName');
  expect(await readProfile(state.pool, store)).toMatchObject({ filter: 'works' });
});

describe('a server that cannot be used', () => {
  test('because it takes no change, says why in each dialect, and which setting names one', async () => {
    const fault = { kind: 'status', status: 400, message: 'PATCH is not for you' } as const;
    sandbox.faults.inject({ method: 'PATCH', path: '/scim/v2/*', times: 4, fault });
    const error: SyncError = await check().then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error.message).toContain('in neither dialect');
    expect(error.message).toContain('MAPTICIAN_SCIM_DIALECT');
    expect(error.detail).toBe(
      ['compliant', 'capitals', 'text', 'classic'].map((name) => `${name}: 400 PATCH is not for you`).join('; '),
    );
    expect(sandbox.maptician.size).toBe(0);
  });

  test('because it refuses the test account, says why and gives advice that is not about a user in Entra', async () => {
    behave({ requires: ['title'] });
    const error: SyncError = await check().then(
      () => expect.unreachable(),
      (thrown) => thrown,
    );
    expect(error).toMatchObject({ detail: "Required attribute 'title' is missing.", httpStatus: 400 });
    expect(recommendedAction(error.code)).not.toContain('Entra');
  });

  test('because it refuses the token, says so, and nothing is made there', async () => {
    await expect((await open(undefined, 'wrong')).check()).rejects.toMatchObject({ code: 'Unauthorized' });
    expect(sandbox.maptician.size).toBe(0);
  });

  test('because the Tenant URL leads elsewhere, says what it should end in', async () => {
    sandbox.faults.inject({ path: '/scim/v2/*', times: 9, fault: { kind: 'status', status: 404 } });
    await expect((await open()).check()).rejects.toMatchObject({
      code: 'Misconfigured',
      message: expect.stringContaining('MAPTICIAN_TENANT_URL'),
    });
  });
});

describe('a Tenant URL', () => {
  test.each([
    ['https://a.maptician.com/scim/v2/', 'https://a.maptician.com/scim/v2', 'a.maptician.com/scim/v2', undefined],
    [
      'https://A.maptician.com/scim?aadOptscim062020',
      'https://a.maptician.com/scim',
      'a.maptician.com/scim',
      'compliant',
    ],
    ['https://a.example/s?x=1&AzureAdScimPatch2017', 'https://a.example/s?x=1', 'a.example/s?x=1', 'classic'],
  ])("%s is taken without Microsoft's flag", (text, url, name, flag) => {
    expect(parseTenantUrl(text)).toEqual({ url, store: name, flag });
  });
});

test('the test account is the same for one installation', async () => {
  await check();
  await check();
  const names = bodies('POST').map(({ body }) => (body as { userName: string }).userName);
  expect(new Set(names)).toEqual(new Set(['Maptician-Sync-Test-0190f3b4@maptician-sync.invalid']));
  expect(names).toHaveLength(2);
});
