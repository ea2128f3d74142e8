/** What every user store must do; each adapter's test applies it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { attributePaths, type UserAttributes } from '../src/mapping/maptician-user.ts';
import type { StoredUser, StoreResult, UserStore } from '../src/maptician/user-store.ts';

/** A store, and what stands behind it by another way than through the store. */
export interface OpenedUserStore {
  readonly store: UserStore;
  /** All users, every attribute present. */
  users(): Promise<StoredUser[]>;
  /** Removes all users. */
  clear(): Promise<void>;
  /** From now on the other side refuses a user with this title, for a reason that quotes it. */
  refuse(title: string): Promise<void>;
  cleanup(): Promise<void>;
}

const nothing: UserAttributes = Object.fromEntries(attributePaths.map((path) => [path, null]));

/** The attributes by which users are looked for, beside the userName. */
export const matchedBy = ['externalId', 'emails[type eq "work"].value'] as const;

const refusedTitle = 'Refused Title';

/** A user with a value for every attribute. */
export function completeUser(userName: string): UserAttributes {
  const values = Object.fromEntries(
    attributePaths.map((path, index) => [path, `${index} of ${userName} – Zoë "研究" \\ '`]),
  );
  return { ...values, userName, active: true };
}

/** A user with hardly any. */
export function bareUser(userName: string): UserAttributes {
  return { ...nothing, userName, active: true };
}

export function resultOf(results: readonly StoreResult[], key: string): StoreResult {
  const [result, ...others] = results.filter((candidate) => candidate.key === key);
  if (result === undefined || others.length > 0) throw new Error(`${others.length + 1} results for ${key}`);
  return result;
}

/** Creates users and gives their ids, in order. */
export async function createAll(store: UserStore, users: readonly UserAttributes[]): Promise<string[]> {
  const requests = users.map((attributes, index) => ({ key: String(index), attributes }));
  const ids: string[] = [];
  for (let start = 0; start < requests.length; start += store.batchSize) {
    const part = requests.slice(start, start + store.batchSize);
    const results = await store.create(part);
    for (const { key } of part) {
      const result = resultOf(results, key);
      if (result.outcome !== 'done') throw new Error(`${key}: ${result.outcome}`);
      ids.push(result.id);
    }
  }
  return ids;
}

/** Applies the contract to an adapter. */
export function describeUserStore(name: string, open: () => Promise<OpenedUserStore>): void {
  describe(`${name}: a user store`, () => {
    let opened: OpenedUserStore;
    let store: UserStore;

    beforeAll(async () => {
      opened = await open();
      store = opened.store;
      await store.prepare();
      await opened.refuse(refusedTitle);
    });
    beforeEach(() => opened.clear());
    afterAll(() => opened.cleanup());

    const create = async (attributes: UserAttributes) => (await createAll(store, [attributes]))[0] ?? '';
    const only = async () => {
      const users = await opened.users();
      expect(users).toHaveLength(1);
      return users[0]?.attributes;
    };

    test('can be prepared again, and says what it is', async () => {
      await create(bareUser('ann@a.example'));
      await store.prepare();
      expect(await opened.users()).toHaveLength(1);
      expect(await store.check()).toMatch(/\w/);
    });

    test('takes calls without requests', async () => {
      expect(await store.create([])).toEqual([]);
      expect(await store.update([])).toEqual([]);
      expect(await store.delete([])).toEqual([]);
      expect(await store.match('userName', [])).toEqual(new Map());
    });

    test('creates a user with every value as it was given', async () => {
      const id = await create(completeUser('Ann.O’Hara+1@a.example'));
      expect(await opened.users()).toEqual([{ id, attributes: completeUser('Ann.O’Hara+1@a.example') }]);
    });

    test('creates a user without values, and an inactive one', async () => {
      await create({ userName: 'ann@a.example', active: false });
      expect(await only()).toEqual({ ...bareUser('ann@a.example'), active: false });
    });

    test('refuses a second user of the same name, whatever its case, and leaves the first as it was', async () => {
      await create(completeUser('ann@a.example'));
      for (const userName of ['ann@a.example', 'ANN@A.example']) {
        const results = await store.create([{ key: 'k', attributes: bareUser(userName) }]);
        expect(results).toMatchObject([{ key: 'k', outcome: 'conflict', error: { code: 'Conflict' } }]);
      }
      expect(await only()).toEqual(completeUser('ann@a.example'));
    });

    test('finds users by name without regard to case, with an entry for every name asked', async () => {
      const [ann, zoe] = await createAll(store, [completeUser('Ann@a.example'), bareUser('zoë@a.example')]);
      const found = await store.match('userName', [
        'aNN@A.example',
        'zoë@a.example',
        'nobody@a.example',
        'a%@a.example',
        'x" or "',
      ]);
      expect(found).toEqual(
        new Map([
          ['aNN@A.example', [{ id: ann, attributes: completeUser('Ann@a.example') }]],
          ['zoë@a.example', [{ id: zoe, attributes: bareUser('zoë@a.example') }]],
          ['nobody@a.example', []],
          ['a%@a.example', []],
          ['x" or "', []],
        ]),
      );
    });

    test.each(matchedBy)('finds users by %s', async (attribute) => {
      const value = `Value "of" ${attribute} \\ Zoë`;
      const [ann] = await createAll(store, [
        { ...bareUser('ann@a.example'), [attribute]: value },
        { ...bareUser('bob@a.example'), [attribute]: 'other' },
        bareUser('eve@a.example'),
      ]);
      const found = await store.match(attribute, [value, 'Value', 'other']);
      const names = [...found].map(([asked, users]) => [asked, users.map(({ attributes }) => attributes.userName)]);
      expect(Object.fromEntries(names)).toEqual({ [value]: ['ann@a.example'], Value: [], other: ['bob@a.example'] });
      expect(found.get(value)?.[0]?.id).toBe(ann);
    });

    test('finds everyone who has a value that is not unique', async () => {
      const shared = { externalId: 'x1' };
      await createAll(store, [
        { ...bareUser('ann@a.example'), ...shared },
        { ...bareUser('bob@a.example'), ...shared },
      ]);
      expect((await store.match('externalId', ['x1'])).get('x1')).toHaveLength(2);
    });

    test('finds one user under each spelling that was asked', async () => {
      const id = await create(bareUser('ann@a.example'));
      const found = await store.match('userName', ['ann@a.example', 'ANN@a.example', 'ann@a.example']);
      expect([...found].map(([asked, users]) => [asked, users.map((user) => user.id)])).toEqual([
        ['ann@a.example', [id]],
        ['ANN@a.example', [id]],
      ]);
    });

    test('reads users by id and leaves out those that are gone', async () => {
      const [ada = '', bob = ''] = await createAll(store, [
        completeUser('ada@contoso.example'),
        bareUser('bob@contoso.example'),
      ]);
      const unknown = '0190f3b4-0000-7000-8000-000000000000';
      const found = await store.read([ada, unknown, bob, 'not-an-id']);
      const byId = new Map(found.map((user) => [user.id, user.attributes]));
      expect([...byId.keys()].sort()).toEqual([ada, bob].sort());
      expect(byId.get(ada)).toEqual(completeUser('ada@contoso.example'));
      expect(byId.get(bob)).toEqual(bareUser('bob@contoso.example'));
      expect(await store.read([])).toEqual([]);
    });

    test('lists every account once, with all values, as it is at that moment', async () => {
      const list = async (fresh: boolean) => {
        const listed: StoredUser[] = [];
        for await (const page of store.accounts({ cycleId: 1, fresh })) listed.push(...page);
        return listed.toSorted((one, other) => (one.id < other.id ? -1 : 1));
      };
      expect(await list(true)).toEqual([]);
      await createAll(store, [completeUser('ada@a.example'), bareUser('bob@a.example')]);
      await create({ ...completeUser('eve@a.example'), active: false });
      const all = (await opened.users()).toSorted((one, other) => (one.id < other.id ? -1 : 1));
      expect(await list(true)).toEqual(all);
      expect(await list(false)).toEqual(all);
    });

    test('updates what is given and leaves the rest alone', async () => {
      const id = await create(completeUser('ann@a.example'));
      const changes: UserAttributes = { title: 'Chief', active: false, 'name.givenName': 'Änn' };
      expect(await store.update([{ key: 'k', id, changes }])).toEqual([
        { key: 'k', outcome: 'done', id, changed: true },
      ]);
      expect(await opened.users()).toEqual([{ id, attributes: { ...completeUser('ann@a.example'), ...changes } }]);
    });

    test('clears every attribute that is set to null', async () => {
      const id = await create(completeUser('ann@a.example'));
      const { userName: _, active: __, ...changes } = nothing;
      await store.update([{ key: 'k', id, changes }]);
      expect(await only()).toEqual(bareUser('ann@a.example'));
    });

    test('changes nothing when an update is carried out twice, or says what is already so', async () => {
      const id = await create(completeUser('ann@a.example'));
      const request = { key: 'k', id, changes: { title: 'Chief', userType: null } };
      await store.update([request]);
      expect(await store.update([request])).toEqual([{ key: 'k', outcome: 'done', id, changed: false }]);
      expect(await store.update([{ key: 'k', id, changes: {} }])).toMatchObject([{ outcome: 'done', changed: false }]);
    });

    test('renames a user, in case alone too, and keeps its id', async () => {
      const id = await create(bareUser('ann@a.example'));
      for (const userName of ['Ann@a.example', 'ann.brown@b.example']) {
        const results = await store.update([{ key: 'k', id, changes: { userName } }]);
        expect(results).toEqual([{ key: 'k', outcome: 'done', id, changed: true }]);
        expect(await opened.users()).toEqual([{ id, attributes: bareUser(userName) }]);
      }
    });

    test('refuses a name that another user has, and applies nothing of that update', async () => {
      const [, id = ''] = await createAll(store, [bareUser('ann@a.example'), bareUser('bob@a.example')]);
      const changes = { userName: 'ANN@a.example', title: 'Chief' };
      expect(await store.update([{ key: 'k', id, changes }])).toMatchObject([{ key: 'k', outcome: 'conflict' }]);
      const names = (await opened.users()).map((user) => [user.attributes.userName, user.attributes.title]);
      expect(names.sort()).toEqual([
        ['ann@a.example', null],
        ['bob@a.example', null],
      ]);
    });

    test('lets a name be taken once its holder has another', async () => {
      const [ann = '', bob = ''] = await createAll(store, [bareUser('ann@a.example'), bareUser('bob@a.example')]);
      await store.update([{ key: '1', id: ann, changes: { userName: 'ann2@a.example' } }]);
      const results = await store.update([{ key: '2', id: bob, changes: { userName: 'ann@a.example' } }]);
      expect(results).toMatchObject([{ outcome: 'done', changed: true }]);
    });

    test('deletes a user once; the second time it is missing', async () => {
      const id = await create(completeUser('ann@a.example'));
      expect(await store.delete([{ key: 'k', id }])).toEqual([{ key: 'k', outcome: 'done', id, changed: true }]);
      expect(await store.delete([{ key: 'k', id }])).toEqual([{ key: 'k', outcome: 'missing' }]);
      expect(await opened.users()).toEqual([]);
    });

    test('says of an unknown id that it is missing, whatever it looks like', async () => {
      await create(bareUser('ann@a.example'));
      for (const id of ['00000000-0000-4000-8000-000000000000', 'no-such-id', '']) {
        expect(await store.update([{ key: 'k', id, changes: { title: 'x' } }])).toEqual([
          { key: 'k', outcome: 'missing' },
        ]);
        expect(await store.delete([{ key: 'k', id }])).toEqual([{ key: 'k', outcome: 'missing' }]);
      }
      expect(await opened.users()).toHaveLength(1);
    });

    test('gives its own reason where it refuses a new user', async () => {
      const attributes = { ...bareUser('ann@a.example'), title: refusedTitle };
      const [result] = await store.create([{ key: 'k', attributes }]);
      expect(result).toMatchObject({ key: 'k', outcome: 'failed', error: { code: 'UnprocessableEntity' } });
      expect(result).toHaveProperty('error.detail', expect.stringContaining(refusedTitle));
      expect(result).toHaveProperty('error.message', expect.not.stringContaining(refusedTitle));
      expect(await opened.users()).toEqual([]);
    });

    test('gives its own reason where it refuses a change, and applies nothing of it', async () => {
      const id = await create(bareUser('ann@a.example'));
      const [result] = await store.update([{ key: 'k', id, changes: { title: refusedTitle, userType: 'x' } }]);
      expect(result).toMatchObject({ key: 'k', outcome: 'failed', error: { code: 'UnprocessableEntity' } });
      expect(result).toHaveProperty('error.detail', expect.stringContaining(refusedTitle));
      expect(await only()).toEqual(bareUser('ann@a.example'));
    });
  });
}
