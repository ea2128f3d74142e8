/** The list of users: by name, by state, and searched. */
import { expect, it } from 'vitest';
import { readUserList } from '../../src/state/user-list.ts';
import { addPerson } from '../pipeline/people.ts';
import { openConsoleWorld, textOf } from './console-world.ts';

it('lists everyone once, page by page in the order of their names', async () => {
  const { world, console, ids } = await openConsoleWorld(60);
  await world.sync();
  const seen: string[] = [];
  let next: string | undefined = '/users';
  for (let pages = 0; next !== undefined && pages < 5; pages++) {
    const html: string = await (await console.fetch(next)).text();
    seen.push(...[...html.matchAll(/href="\/users\/([0-9a-f-]{36})">person/g)].map(([, id = '']) => id));
    next = /rel="next" href="([^"]+)"/.exec(html)?.[1]?.replaceAll('&amp;', '&');
  }
  expect(seen.toSorted()).toEqual(ids.toSorted());
  expect(seen).not.toEqual(ids);
});

it('finds a part of a name whatever its case and accents, and names nobody in a URL', async () => {
  const { world, tenant, console } = await openConsoleWorld(3);
  const bjorn = addPerson(tenant, { givenName: 'Björn', surname: 'Strand', userPrincipalName: 'bs@contoso.example' });
  const other = addPerson(tenant, { givenName: 'Bjorn', surname: 'Berg', userPrincipalName: 'bb@contoso.example' });
  await world.sync();
  const search = async (text: string) => console.post('/users/search', { search: text });

  expect((await search('BJÖRN str')).headers.get('location')).toBe(`/users/${bjorn}`);
  expect((await search('bjorn berg')).headers.get('location')).toBe(`/users/${other}`);
  expect((await search(bjorn.toUpperCase())).headers.get('location')).toBe(`/users/${bjorn}`);
  const [{ id: account = '' } = {}] = (await world.rows()).filter((row) => row.external_id === other);
  expect((await search(account)).headers.get('location')).toBe(`/users/${other}`);

  const both = textOf(await (await search('bjorn')).text());
  expect(both).toContain('2 found by “bjorn”.');
  expect(both).toMatch(/bb@contoso\.example .*bs@contoso\.example /);
  expect(textOf(await (await search('100%')).text())).toContain('Nobody found');
  expect((await search('x'.repeat(201))).status).toBe(400);
  expect((await search(' ')).headers.get('location')).toBe('/users');

  // As a version before had written them.
  await world.pool.query('update maptician_sync.users set search = null');
  expect((await search('bs@')).headers.get('location')).toBe(`/users/${bjorn}`);
});

it('lists who is in a state, and says what it is', async () => {
  const { world, tenant, ids, console } = await openConsoleWorld(5);
  await world.sync();
  const [disabled = '', refused = ''] = ids;
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  tenant.users.update(disabled, { accountEnabled: false });
  tenant.users.update(refused, { jobTitle: 'Chief' });
  await world.sync();

  const listed = async (state: string) => {
    const html = await (await console.fetch(`/users?state=${state}`)).text();
    return [...html.matchAll(/href="\/users\/([0-9a-f-]{36})">/g)].map(([, id]) => id);
  };
  expect(await listed('failed')).toEqual([refused]);
  expect(await listed('inactive')).toEqual([disabled]);
  expect(await listed('out-of-scope')).toEqual([disabled]);
  expect(await listed('active')).toHaveLength(4);
  expect(await listed('in-scope')).toHaveLength(4);
  expect(await listed('held')).toEqual([]);
  expect(await console.read('/users?state=failed')).toContain('failed UnprocessableEntity');
  expect((await console.fetch('/users?state=odd')).status).toBe(400);
  expect((await console.fetch('/users?after=odd')).status).toBe(400);

  await world.pool.query('insert into maptician_sync.to_compare (id) values ($1)', [ids[3]]);
  expect(await listed('waiting')).toEqual([ids[3]]);
});

it('puts whom no cycle has read yet at the end, and pages through them and through many', async () => {
  const { world } = await openConsoleWorld(0);
  const { pool } = (await world.service()).database;
  await pool.query(
    `insert into users (id, user_name, needs_read, in_scope)
     select gen_random_uuid(), case when n % 3 > 0 then 'User' || n % 9000 || '@contoso.example' end, true, true
     from generate_series(1, 18000) as n`,
  );
  // Those of the last come behind more than are looked at in their order.
  for (const filter of [{}, { state: 'waiting' }, { search: 'user1' }, { search: 'user89' }] as const) {
    const seen: (string | null)[] = [];
    const ids = new Set<string>();
    let after: string | undefined;
    do {
      const page = await readUserList(pool, filter, { after, limit: 'search' in filter ? 90 : 1500 });
      seen.push(...page.users.map(({ userName }) => userName));
      for (const { id } of page.users) ids.add(id);
      after = page.next;
    } while (after !== undefined);
    expect(ids.size).toBe(seen.length);
    expect(seen.length).toBe('search' in filter ? await countNamed(pool, filter.search) : 18_000);
    const names = seen.map((name) => name?.toLowerCase() ?? '￿');
    expect(names).toEqual(names.toSorted());
  }
});

async function countNamed(pool: Parameters<typeof readUserList>[0], start: string): Promise<number> {
  const { rows } = await pool.query<{ users: number }>(
    'select count(*) as users from users where starts_with(lower(user_name), $1)',
    [start],
  );
  return rows[0]?.users ?? 0;
}
