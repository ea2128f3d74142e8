/** Answers to look-ups, lists and new accounts that are not as they should be, and what is made of them. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openScimStore, type ScimStore } from '../support/scim-store.ts';
import { bareUser } from '../user-store-contract.ts';

let scim: ScimStore;
beforeAll(async () => {
  scim = await openScimStore();
});
afterAll(() => scim[Symbol.asyncDispose]());

const users = '/scim/v2/Users';

describe('a filter that is "not found"', () => {
  test('found nobody where the list is there, which is asked once', async () => {
    await scim.begin({ filterAnswersNotFound: true });
    const { before } = scim.user();
    const store = await scim.open();
    const names = [String(before.userName), 'nobody@a.example', 'someone@a.example'];
    const found = await store.match('userName', names);
    expect(names.map((name) => found.get(name)?.length)).toEqual([1, 0, 0]);
    await store.match('userName', ['another@a.example']);
    expect(scim.sent('GET').filter(({ text }) => !text.includes('filter='))).toHaveLength(1);
  });

  test('is a wrong Tenant URL where the list is not there either', async () => {
    await scim.begin();
    scim.sandbox.faults.inject({ path: users, times: 2, fault: { kind: 'status', status: 404 } });
    await expect((await scim.open()).match('userName', ['nobody@a.example'])).rejects.toMatchObject({
      code: 'Misconfigured',
      httpStatus: 404,
    });
  });
});

describe('a list that is refused', () => {
  const prepare = async () =>
    (await scim.open()).listing?.prepare(1, 50, () => undefined) ?? Promise.reject(new Error('no listing'));

  test('as not found is a wrong Tenant URL', async () => {
    await scim.begin();
    scim.sandbox.faults.inject({ path: users, fault: { kind: 'status', status: 404 } });
    await expect(prepare()).rejects.toMatchObject({
      code: 'Misconfigured',
      message: expect.stringContaining('MAPTICIAN_TENANT_URL'),
    });
  });

  test('for another reason, and needed, is told of with it', async () => {
    await scim.begin();
    const fault = { kind: 'status', status: 400, message: 'count must be 50 at most' } as const;
    // The filter is refused, too, so that the list is needed.
    scim.sandbox.faults.inject({ path: users, times: 2, fault });
    await expect((await scim.open()).match('userName', ['ann@a.example'])).rejects.toMatchObject({
      code: 'SystemForCrossDomainIdentityManagementServiceIncompatible',
      message: 'Maptician does not list its users (400)',
      detail: 'count must be 50 at most',
      httpStatus: 400,
    });
  });
});

test.each(['withoutId', 'nothing'] as const)(
  'a new account that is answered %s has its id in Location',
  async (createAnswers) => {
    await scim.begin({ createAnswers });
    const results = await (await scim.open()).create([{ key: 'k', attributes: bareUser('ann@a.example') }]);
    expect(results).toEqual([
      { key: 'k', outcome: 'done', id: scim.sandbox.maptician.user('ann@a.example').id, changed: true },
    ]);
  },
);

test('the manner in which it is spoken to is another after test-connection, or when a setting forces it', async () => {
  await scim.begin();
  const manner = async (dialect?: 'classic') => (await scim.open(dialect)).manner;
  const first = await manner();
  expect(await manner()).toBe(first);
  expect(await manner('classic')).not.toBe(first);
  await (await scim.open()).check();
  const probed = await manner();
  expect(probed).not.toBe(first);
  expect(await manner()).toBe(probed);
});
