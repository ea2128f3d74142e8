/** How the dialect of a server is learned from its first refusals, where neither a setting nor test-connection names it. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Dialect, dialects } from '../../src/maptician/scim/patch.ts';
import { openScimStore, type ScimStore } from '../support/scim-store.ts';

let scim: ScimStore;
beforeAll(async () => {
  scim = await openScimStore();
});
afterAll(() => scim[Symbol.asyncDispose]());

const refusals = () => scim.sent('PATCH').filter(({ status }) => status === 400);

describe.each(dialects)('a server that takes %s alone', (patchNeeds) => {
  test('has its first user disabled at once, and the others without a refusal', async () => {
    await scim.begin({ patchNeeds });
    const store = await scim.open();
    const users = [scim.user(), scim.user(), scim.user()];
    const results = await scim.change(store, users, () => ({ active: false }));
    expect(results).toMatchObject(Array(3).fill({ outcome: 'done', changed: true }));
    expect(users.map(({ id }) => scim.sandbox.maptician.user(id).attributes.active)).toEqual(Array(3).fill(false));
    expect(refusals()).toHaveLength(dialects.indexOf(patchNeeds));
  });

  test('has its words learned by a text, and its Booleans when there is one', async () => {
    await scim.begin({ patchNeeds });
    const store = await scim.open();
    const [one, other] = [scim.user(), scim.user()];
    await scim.change(store, [one], () => ({ title: 'Chief' }));
    const words = refusals().length;
    expect(words).toBe(patchNeeds === 'capitals' || patchNeeds === 'classic' ? 1 : 0);
    await scim.change(store, [other], () => ({ active: false }));
    expect(scim.sandbox.maptician.user(other.id).attributes.active).toBe(false);
    expect(refusals().length - words).toBe(patchNeeds === 'text' || patchNeeds === 'classic' ? 1 : 0);
  });

  test('is found out by test-connection', async () => {
    await scim.begin({ patchNeeds });
    const found = await (await scim.open()).check();
    const tellings: Record<Dialect, string> = {
      compliant: 'changes are sent as RFC 7644 has them',
      capitals: 'changes are sent with capitals (Replace)',
      text: 'changes are sent with Booleans as text ("False")',
      classic: "changes are sent in Microsoft's classic dialect",
    };
    expect(found).toContain(tellings[patchNeeds]);
    scim.sandbox.requests.clear();
    await scim.change(await scim.open(), [scim.user()], () => ({ active: false, title: 'Chief' }));
    expect(scim.sent('PATCH').map(({ status }) => status)).toEqual([200]);
  });
});

test('a value that no dialect makes good is told of in the words of the first refusal', async () => {
  await scim.begin({ refusedTitle: 'Chief', patchNeeds: 'compliant' });
  const store = await scim.open();
  const [result] = await scim.change(store, [scim.user()], () => ({ title: 'Chief', active: false }));
  expect(result).toMatchObject({
    outcome: 'failed',
    error: { httpStatus: 400, detail: 'The title "Chief" is not allowed.' },
  });
  expect(refusals()).toHaveLength(4);
  scim.sandbox.requests.clear();
  await scim.change(store, [scim.user()], () => ({ title: 'Boss', active: false }));
  await scim.change(store, [scim.user()], () => ({ title: 'Chief', active: false }));
  expect(refusals(), 'and once it is certain no other is tried').toHaveLength(1);
});
