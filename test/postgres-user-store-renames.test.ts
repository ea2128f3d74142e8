import fc from 'fast-check';
import type pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { planNameChanges } from '../src/maptician/postgres/name-changes.ts';
import { openPostgresUserStore } from '../src/maptician/postgres/postgres-user-store.ts';
import { createDatabase, type TestDatabase } from './support/database.ts';
import { openTestPool } from './support/pool.ts';
import { bareUser, createAll, resultOf } from './user-store-contract.ts';

let database: TestDatabase;
let pool: pg.Pool;

beforeAll(async () => {
  database = await createDatabase();
  pool = openTestPool(database.url);
  await openPostgresUserStore({ pool }).prepare();
  await pool.query(`alter table maptician.users add constraint no_boss check (title <> 'Boss')`);
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

/** Five users n0 to n4; some are given one of seven names in some case, and some of those a title that is refused. */
const batches = fc.uniqueArray(
  fc.record({
    user: fc.integer({ min: 0, max: 4 }),
    name: fc.option(fc.constantFrom('n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6', 'N0', 'N3'), { nil: undefined }),
    bad: fc.boolean(),
  }),
  { selector: (change) => change.user, maxLength: 5 },
);

test('whatever names change hands in a batch, each result is true and nobody keeps a name between two', async () => {
  const store = openPostgresUserStore({ pool });
  await fc.assert(
    fc.asyncProperty(batches, async (batch) => {
      await pool.query('truncate maptician.users');
      const ids = await createAll(store, ['n0', 'n1', 'n2', 'n3', 'n4'].map(bareUser));
      const requests = batch.map(({ user, name, bad }) => ({
        key: String(user),
        id: ids[user] ?? '',
        changes: { title: bad ? 'Boss' : 'Staff', ...(name === undefined ? {} : { userName: name }) },
      }));
      const results = await store.update(requests);
      const { rows } = await pool.query<{ id: string; user_name: string; title: string | null }>(
        'select id, user_name, title from maptician.users',
      );
      const stored = new Map(rows.map((row) => [row.id, row]));
      expect(results).toHaveLength(requests.length);
      ids.forEach((id, user) => {
        const request = requests.find((candidate) => candidate.id === id);
        const outcome = request === undefined ? undefined : resultOf(results, request.key).outcome;
        const before = { id, user_name: `n${user}`, title: null };
        if (request === undefined || outcome !== 'done') expect(stored.get(id)).toEqual(before);
        else {
          expect(stored.get(id)).toEqual({ id, user_name: request.changes.userName ?? `n${user}`, title: 'Staff' });
        }
        if (outcome === 'failed') expect(request?.changes.title).toBe('Boss');
        if (outcome === 'conflict') {
          // The name is truly taken in the end.
          const wanted = request?.changes.userName?.toLowerCase();
          const holders = rows.filter((row) => row.user_name.toLowerCase() === wanted);
          expect(holders.map((holder) => holder.id)).not.toEqual([id]);
          expect(holders).toHaveLength(1);
        }
      });
    }),
    { numRuns: 150 },
  );
});

test('a conflict is only ever the fault of a name that stays taken', () => {
  const name = fc.integer({ min: 0, max: 6 }).map(String);
  fc.assert(
    fc.property(fc.array(name, { minLength: 6, maxLength: 6 }), fc.integer({ min: 0, max: 6 }), (wanted, outside) => {
      // Six rows hold the names 0 to 5; those from `outside` on take no part.
      const changes = wanted.slice(0, outside).map((wantedName, index) => ({
        id: `id${index}`,
        currentName: String(index),
        wantedName,
        holder: Number(wantedName) < 6 && Number(wantedName) !== index ? `id${wantedName}` : undefined,
      }));
      const { conflicts, parked } = planNameChanges(changes);
      const final = new Map(Array.from({ length: 6 }, (_, index) => [`id${index}`, String(index)]));
      for (const change of changes) if (!conflicts.has(change.id)) final.set(change.id, change.wantedName);
      expect(new Set(final.values()).size).toBe(6);
      for (const id of parked) expect(conflicts.has(id)).toBe(false);
      for (const change of changes.filter((candidate) => conflicts.has(candidate.id))) {
        expect([...final.values()]).toContain(change.wantedName);
      }
    }),
  );
});
