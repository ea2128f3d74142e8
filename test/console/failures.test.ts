/** Failures by cause, and trying them again. */
import { expect, it } from 'vitest';
import { commonReasons } from '../../src/state/failure-groups.ts';
import { openConsoleWorld } from './console-world.ts';

it('groups who failed by cause, says what to do, and tries one cause again', async () => {
  const { world, ids, tenant, console } = await openConsoleWorld(6);
  expect(await console.read('/failures')).toContain('Nobody has failed');
  await world.sync();
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  const [first = '', second = '', third = ''] = ids;
  for (const id of [first, second]) tenant.users.update(id, { jobTitle: 'Chief' });
  await world.sync();
  await world.pool.query(
    `insert into maptician_sync.escrow (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, last_cycle_id, http_status)
     values ($1, 'update', 'Conflict', 'taken', 30, now() - interval '30 days', now(), 1, 409)`,
    [third],
  );

  const page = await console.read('/failures');
  expect(page).toContain('3 users failed, for 2 causes.');
  expect(page).toContain('1 user failed for 28 days and is not tried by itself any more');
  expect(page).toMatch(/UnprocessableEntity: 2 users Maptician refuses these values\..*no_chiefs/);
  expect(page).not.toContain('maptician-sync');
  expect(page).toMatch(/Conflict \(409\): 1 user Another account .* taken .* Given up 1 /);
  const users = await console.read('/failures/users?code=UnprocessableEntity');
  expect(users.match(/person\d+@/g)).toHaveLength(2);
  expect(await console.read('/failures/users?code=Conflict&status=500')).toContain('Nobody fails for this cause');

  const next = async () => {
    const { rows } = await world.pool.query<{ id: string }>(
      'select entra_id as id from maptician_sync.escrow where next_retry_at <= now()',
    );
    return rows.map(({ id }) => id).toSorted();
  };
  expect((await console.post('/failures/retry', { code: 'UnprocessableEntity' })).headers.get('location')).toBe(
    '/failures?done=retry',
  );
  expect(await next()).toEqual([first, second].toSorted());
  await console.post('/failures/retry-all');
  expect(await next()).toEqual([first, second, third].toSorted());
  expect(await audited(world.pool)).toEqual([
    ['this machine (console)', 'everyone who failed with UnprocessableEntity', { users: 2 }],
    ['this machine (console)', 'everyone who failed', { users: 3 }],
  ]);
  const gone = await console.post('/failures/retry', { code: 'Timeout', status: '408' });
  expect(gone.headers.get('location')).toBe('/failures?done=retry-nobody');
  expect((await console.post('/failures/retry', { code: 'no word' })).status).toBe(400);

  await world.pool.query('alter table maptician.users drop constraint no_chiefs');
  await world.sync();
  expect(await console.read('/failures')).toContain('Nobody has failed');
});

it('says what reasons have in common', () => {
  const taken = (name: string) => `Key (lower(user_name))=(${name}@contoso.example) of "users" is taken.`;
  expect(commonReasons(['Ann', 'Björn.Öst', 'c-d'].map(taken))).toEqual([
    'Key (lower(user_name))=(…) of "users" is taken.',
  ]);
  const long = (title: string) =>
    `The user's title "${title}" of 8b2f0c1e-3f0a-4c7e-9c8e-0123456789ab has 12345 signs (max 64)`;
  expect(commonReasons([...['A', 'B', 'C', 'D'].map(long), 'No'])).toEqual([
    "The user's title … of … has … signs (max 64)",
    'No',
  ]);
});

async function audited(pool: {
  query: (text: string) => Promise<{ rows: { actor: string; subject: string; detail: unknown }[] }>;
}) {
  const { rows } = await pool.query(
    `select actor, subject, detail from maptician_sync.audit where action = 'retry' order by id`,
  );
  return rows.map(({ actor, subject, detail }) => [actor, subject, detail]);
}
