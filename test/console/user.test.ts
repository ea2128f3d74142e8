/** The page of one user: why it is as it is, what comes next, and what was done. */
import { Hono } from 'hono';
import { expect, it } from 'vitest';
import type { ConsoleEnv } from '../../src/console/context.ts';
import { failuresPages } from '../../src/console/pages/failures.ts';
import { usersPages } from '../../src/console/pages/users.ts';
import { openProvisionTurns } from '../../src/console/provision-by-hand.ts';
import { countRunning } from '../../src/running.ts';
import type { World } from '../pipeline/world.ts';
import { openConsoleWorld, textOf } from './console-world.ts';

it('says why a user is in scope, what is wanted and applied and in Maptician, and what was done', async () => {
  const { world, tenant, ids, console } = await openConsoleWorld(2, {
    config: {
      filters:
        'filters:\n  - title: Floor\n    clauses: [{ attribute: department, operator: NOT EQUALS, value: Sales }]\n',
    },
  });
  const [direct = '', seller = ''] = ids;
  const group = tenant.groups.create({ displayName: 'Planners' });
  tenant.assign(group.id);
  tenant.groups.addMember(group.id, direct);
  tenant.users.update(seller, { department: 'Sales' });
  tenant.users.update(direct, { department: 'Engineering' });
  await world.sync();
  await world.pool.query(`update maptician.users set title = 'By hand' where external_id = $1`, [direct]);

  const page = await console.read(`/users/${direct}`);
  expect(page).toContain('person1@contoso.example Next: nothing by itself: a value was changed in Maptician');
  expect(page).toContain('in scope assigned directly and through the group Planners');
  expect(page).toContain('passes: Floor department NOT EQUALS Sales');
  expect(page).toMatch(/title – – By hand ≠ changed in Maptician/);
  expect(page).toMatch(/History .* create success .* 1$/);
  expect(page).not.toContain('maptician-sync');
  const html = await (await console.fetch(`/users/${direct}`)).text();
  expect(html).toMatch(/href="\/log\/\d+"/);
  expect(await console.read(`/users/${seller}`)).toMatch(/not in scope assigned directly, but does not pass .* ✗/);
});

it('tells of a failure and of what is held or was rejected, with the way out', async () => {
  const { world, tenant, ids, console } = await openConsoleWorld(2);
  const [refused = '', leaver = ''] = ids;
  await world.sync();
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  tenant.users.update(refused, { jobTitle: 'Chief' });
  await world.sync();
  await world.pool.query(
    `insert into maptician_sync.operations (cycle_id, entra_id, kind, attributes, state, set_id) values (1, $1, 'deactivate', '{"active": false}', 'held', 7)`,
    [leaver],
  );

  const failing = await console.read(`/users/${refused}`);
  expect(failing).toMatch(/Failed: UnprocessableEntity: .*no_chiefs.* It was tried once since/);
  expect(failing).toContain('title Chief – – ≠ to be written');
  expect(failing).toContain('at once with: Provision now');
  const held = await (await console.fetch(`/users/${leaver}`)).text();
  expect(held).toContain('href="/held#set-7"');

  const answer = await console.post(`/users/${refused}/retry`);
  expect(answer.headers.get('location')).toBe(`/users/${refused}?done=retry`);
  expect(await console.read(`/users/${refused}?done=retry`)).toContain('The next cycle tries this user again.');
  expect((await console.post(`/users/${leaver}/retry`)).headers.get('location')).toContain('retry-nothing');
  expect((await console.post('/users/ada@contoso.example/retry')).status).toBe(400);

  await world.pool.query('delete from maptician_sync.operations');
  await world.pool.query(`update maptician_sync.users set rejected_removal = 'deactivate' where id = $1`, [leaver]);
  expect(await console.read(`/users/${leaver}`)).toMatch(/has rejected to deactivate this account.*Remove after all/);
});

it('hides redacted values, and has nothing to pull for readers', async () => {
  const { world, ids, tenant } = await openConsoleWorld(1, {
    config: {
      attributes: `attributes:
  - { target: userName, source: userPrincipalName, matching: 1 }
  - { target: active, source: not IsSoftDeleted }
  - { target: name.familyName, expression: 'Redact([surname])' }
`,
    },
  });
  await world.sync();
  const [id = ''] = ids;
  const service = await world.service();
  const signal = new AbortController().signal;
  const { pool } = service.database;
  const context = {
    service,
    pool,
    origin: '',
    schedule: false,
    signal,
    turns: openProvisionTurns(),
    running: countRunning(),
    counts: async () => undefined,
  };
  const reader = new Hono<ConsoleEnv>();
  reader.use(async (c, next) => {
    c.set('viewer', { name: 'r', role: 'reader', session: true });
    await next();
  });
  reader.route('/', usersPages(context)).route('/', failuresPages(context));
  await world.pool.query(
    `insert into maptician_sync.escrow (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, last_cycle_id)
     values ($1, 'update', 'Conflict', 'taken', 1, now(), now(), 1)`,
    [id],
  );
  const paths = ['/users', `/users/${id}`, '/failures', '/failures/users?code=Conflict', `/users/${gone}`];
  for (const path of paths) {
    const html = await (await reader.request(path)).text();
    expect(html.replaceAll(/action="\/(users\/search|sign-out)"/g, '')).not.toContain('action=');
    expect(html).not.toContain('Familyperson1');
  }
  expect(await (await reader.request(`/users/${id}`)).text()).toContain('[Redact]');
  expect(tenant.users.find(id)?.properties.surname).toBe('Familyperson1');
  const search = async (text: string) =>
    textOf(
      await (
        await reader.request('/users/search', { method: 'POST', body: new URLSearchParams({ search: text }) })
      ).text(),
    );
  expect(await search('familyperson')).toContain('Nobody found');
});

it('comes soon where Maptician does not answer, and asks again when told to', async () => {
  const { world, ids, console } = await openConsoleWorld(1, { store: 'scim' });
  await world.sync();
  world.sandbox.faults.inject({ path: '/scim/*', fault: { kind: 'stall', milliseconds: 2_500 } });
  const began = Date.now();
  const page = await console.fetch(`/users/${ids[0]}`);
  const html = await page.text();
  expect(Date.now() - began).toBeLessThan(2_400);
  expect(textOf(html)).toContain('What Maptician has is not shown (Timeout: Maptician did not answer within 1.5 s)');
  expect(textOf(html)).toContain('name.givenName Givenperson1 Givenperson1 not read');
  expect(html).toContain(`href="/users/${ids[0]}?ask=maptician#attributes"`);
  expect(await console.read(`/users/${ids[0]}?ask=maptician`)).toContain(
    'name.givenName Givenperson1 Givenperson1 Givenperson1',
  );
});

const gone = '0a1b2c3d-0000-4000-8000-000000000000';

it('pages through what was done, also of somebody who has been forgotten', async () => {
  const { world, console } = await openConsoleWorld(0);
  await world.service();
  const nobody = await console.fetch(`/users/${gone}`);
  expect(nobody.status).toBe(404);
  expect(textOf(await nobody.text())).toContain('Look in Entra');
  expect((await console.fetch('/users/ada')).status).toBe(404);
  expect((await console.fetch(`/users/${gone}?before=x`)).status).toBe(400);
  await log(world, gone, 45);
  const seen: string[] = [];
  let next: string | undefined = `/users/${gone}`;
  while (next !== undefined) {
    const html: string = await (await console.fetch(next)).text();
    seen.push(...[...html.matchAll(/href="\/log\/(\d+)"/g)].map(([, id = '']) => id));
    next = /rel="next" href="([^"#]+)/.exec(html)?.[1];
  }
  expect(seen).toHaveLength(45);
  expect(seen.map(Number)).toEqual(seen.map(Number).toSorted((a, b) => b - a));
});

async function log({ pool }: World, id: string, entries: number): Promise<void> {
  await pool.query(
    `set search_path = maptician_sync;
     insert into provisioning_log (cycle_id, action, operation, status, entra_id, user_name)
     select 1, 'update', 'update', 'success', '${id}', 'gone@contoso.example' from generate_series(1, ${entries})`,
  );
}

it('says when what was refused is tried again as all moments are said; the first failure is no later than the last', async () => {
  const { world, tenant, ids, console } = await openConsoleWorld(1);
  const [id = ''] = ids;
  await world.sync();
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  tenant.users.update(id, { jobTitle: 'Chief' });
  await world.sync();
  const { rows } = await world.pool.query(
    'select first_failed_at = last_failed_at as same, payload is not null as refused from maptician_sync.escrow',
  );
  expect(rows).toEqual([{ same: true, refused: true }]);
  expect(await console.read(`/users/${id}`)).toMatch(
    /Next: refused as it is .* or until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC;/,
  );
});
