/** Changes that a server answers as done and does not do: found out on one user, and made good. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import { createShapeTrials } from '../../src/maptician/scim/operation-shapes.ts';
import { openScimStore, type ScimStore } from '../support/scim-store.ts';

let scim: ScimStore;
beforeAll(async () => {
  scim = await openScimStore();
});
afterAll(() => scim[Symbol.asyncDispose]());

const email = 'emails[type eq "work"].value';
const phone = 'phoneNumbers[type eq "work"].value';
const mobile = 'phoneNumbers[type eq "mobile"].value';
const locality = 'addresses[type eq "work"].locality';
const region = 'addresses[type eq "work"].region';
const department = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department';

/** Everybody with these, so that everything can be replaced, added and cleared. */
const rich = (index: number): UserAttributes => ({
  title: `Title ${index}`,
  [email]: `user${index}@mail.example`,
  [phone]: `+1 555 010${index}`,
  [locality]: 'Oslo',
  [region]: 'Oslo fylke',
});
const mixed = (index: number): UserAttributes =>
  [
    { [phone]: `+2 ${index}`, title: `Chief ${index}` },
    { [email]: null },
    { [mobile]: `+3 ${index}` },
    { [region]: null },
    { [locality]: 'Rome', [region]: null, title: null },
    { [locality]: null, [region]: null, [mobile]: `+4 ${index}` },
    { [department]: 'Sales', active: false },
    { [phone]: null, [mobile]: `+5 ${index}` },
  ][index % 8] ?? {};

const held = (id: string) => scim.sandbox.maptician.user(id).attributes;
const nulled = (attributes: UserAttributes) =>
  Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null));

describe.each(['nothing', 'always', 'resource'] as const)('a server that answers a PATCH with %s', (patchAnswers) => {
  test('and passes over paths with a filter gets every value all the same, and such a path hardly ever', async () => {
    await scim.begin({ ignoresTypedPaths: true, patchAnswers });
    const users = Array.from({ length: 40 }, (_, index) => scim.user(rich(index)));
    const store = await scim.open();
    const results = await scim.change(store, users, mixed);
    expect(new Set(results.map(({ outcome }) => outcome))).toEqual(new Set(['done']));
    expect(results.filter((result) => 'kept' in result)).toEqual([]);
    for (const [index, { id, before }] of users.entries())
      expect(held(id), `user ${index}`).toEqual(nulled({ ...before, ...mixed(index) }));
    expect(scim.sent('PATCH').filter(({ text }) => text.includes('[type eq')).length).toBeLessThanOrEqual(8);
  });

  test('costs 1.2 requests a change at most, where it is as it should be', async () => {
    await scim.begin({ patchAnswers });
    const users = Array.from({ length: 50 }, (_, index) => scim.user(rich(index)));
    const requests = users.map(({ id, before }, index) => ({ key: id, id, before, changes: mixed(index) }));
    await (await scim.open()).update(requests);
    for (const [index, { id, before }] of users.entries())
      expect(held(id)).toEqual(nulled({ ...before, ...mixed(index) }));
    expect(scim.sent('PATCH')).toHaveLength(50);
    expect(scim.sent('GET').length).toBeLessThanOrEqual(10);
  });
});

test('the first change of a shape goes alone, and the others when it is seen to work', async () => {
  await scim.begin({ patchAnswers: 'nothing' });
  const users = Array.from({ length: 8 }, (_, index) => scim.user(rich(index)));
  await scim.change(await scim.open(), users, (index) => ({ [email]: `other${index}@mail.example` }));
  expect(scim.sandbox.requests.entries.map(({ method }) => method)).toEqual([
    'PATCH',
    'GET',
    ...Array<string>(7).fill('PATCH'),
  ]);
});

test('what a server keeps otherwise is told of each user, and says nothing against the shape', async () => {
  await scim.begin({ patchAnswers: 'nothing', normalisesPhones: true });
  const store = await scim.open();
  const users = Array.from({ length: 4 }, (_, index) => scim.user(rich(index)));
  const results = await scim.change(store, users, (index) => ({ [phone]: `1555000000${index}` }));
  for (const [index, result] of results.entries())
    expect(result).toMatchObject({ outcome: 'done', kept: { [phone]: `+1 (555) 000-000${index}` } });
  scim.sandbox.requests.clear();
  await scim.change(store, users, (index) => ({ [email]: `other${index}@mail.example` }));
  expect(scim.sent('PATCH').map(({ text }) => text)).toEqual(
    Array(4).fill(expect.stringContaining(String.raw`emails[type eq \"work\"].value`)),
  );
});

test('an answer without the user, of a server that otherwise gives it, is looked into', async () => {
  await scim.begin();
  const store = await scim.open();
  const users = Array.from({ length: 6 }, (_, index) => scim.user(rich(index)));
  await scim.change(store, users, () => ({ title: 'Chief' }));
  scim.sandbox.maptician.behaviour.dropsAttribute = ['title'];
  const now = users.map(({ id, before }) => ({ id, before: { ...before, title: 'Chief' } }));
  const results = await scim.change(store, now, () => ({ title: 'Boss' }));
  expect(results).toMatchObject(Array(6).fill({ outcome: 'done', kept: { title: 'Chief' } }));
});

test('what test-connection tried out is not tried again', async () => {
  await scim.begin({ patchAnswers: 'nothing' });
  await (await scim.open()).check();
  const store = await scim.open();
  const users = Array.from({ length: 8 }, (_, index) => scim.user(rich(index)));
  scim.sandbox.requests.clear();
  await scim.change(store, users, (index) => ({ [email]: index < 4 ? null : 'x@mail.example', [region]: null }));
  expect(scim.sandbox.requests.entries.findIndex(({ method }) => method === 'GET')).not.toBe(1);
  expect(scim.sent('GET').length).toBeLessThanOrEqual(1);
});

test('a change of a shape that is not known, and cannot be looked into, is not taken as done', async () => {
  await scim.begin({ ignoresTypedPaths: true, patchAnswers: 'nothing' });
  const store = await scim.open();
  const user = scim.user(rich(0));
  const changes = { [phone]: '+2 1' };
  scim.sandbox.faults.inject({
    method: 'GET',
    path: '/scim/v2/Users/*',
    times: 5,
    fault: { kind: 'status', status: 500 },
  });
  expect(await scim.change(store, [user], () => changes)).toMatchObject([
    { outcome: 'failed', error: { code: 'InternalServerError' } },
  ]);
  // As the job's second try does, which does not rely on what is believed.
  expect(await store.update([{ key: 'k', id: user.id, changes }])).toMatchObject([{ outcome: 'done' }]);
  expect(held(user.id)).toMatchObject(changes);
});

test('nobody waits in line for the timeouts of others', async () => {
  const trials = createShapeTrials([]);
  const first = Promise.withResolvers<void>();
  const others = Promise.withResolvers<void>();
  let running = 0;
  const lost = trials.run(
    () => ['write'],
    () => first.promise,
  );
  const waiting = [1, 2, 3].map(() =>
    trials.run(
      () => ['write'],
      () => {
        running++;
        return others.promise;
      },
    ),
  );
  expect(running).toBe(0);
  first.reject(new Error('timeout'));
  await expect(lost).rejects.toThrow('timeout');
  await expect.poll(() => running).toBe(3);
  others.resolve();
  await Promise.all(waiting);
});
