/** Provisioning one user from the console. */
import { expect, it } from 'vitest';
import { addPerson } from '../pipeline/people.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld, textOf } from './console-world.ts';

it('shows what would be done, does it, and writes down who had it done', async () => {
  const { world, tenant, console } = await openConsoleWorld(1);
  await world.sync();
  const id = addPerson(tenant);
  const look = textOf(
    await (await console.post('/users/provision', { user: 'PERSON2@contoso.example', mode: 'dry-run' })).text(),
  );
  expect(look).toMatch(/✓ success: import read from Entra .* scope in scope: assigned directly .* match no account/);
  expect(look).toMatch(/userName – person2@contoso\.example/);
  expect(look).toContain('To be provisioned');
  expect(look).toContain('Nothing was written: this was a dry run.');
  expect(await world.rows()).toHaveLength(1);
  expect(await audited()).toEqual([]);

  const done = textOf(await (await console.post(`/users/${id}/provision`, { mode: 'now' })).text());
  expect(done).toMatch(/act created an account.* Provisioned \(\d+\.\d s\)\./);
  expect(await world.rows()).toHaveLength(2);
  expect(await audited()).toEqual([['this machine (console)', `user ${id}`]]);
  expect(await console.read(`/users/${id}`)).toMatch(/Next: nothing: .* History .* create success/);

  const nobody = textOf(
    await (await console.post('/users/provision', { user: 'nobody@contoso.example', mode: 'now' })).text(),
  );
  expect(nobody).toContain('nobody in Entra has this object id or userPrincipalName');
  expect(await audited()).toHaveLength(1);
  expect((await console.post('/users/provision', { user: ' ', mode: 'now' })).status).toBe(400);
  expect((await console.post(`/users/${id}/provision`, { mode: 'perhaps' })).status).toBe(400);

  async function audited() {
    const { rows } = await world.pool.query(
      `select actor, subject from maptician_sync.audit where action = 'provision' order by id`,
    );
    return rows.map(({ actor, subject }) => [actor, subject]);
  }
});

it('writes down who has it done before anything is written, and does nothing where that cannot be', async () => {
  const { world, tenant, console } = await openConsoleWorld(1);
  await world.sync();
  const id = addPerson(tenant);
  await world.pool.query(
    `alter table maptician_sync.audit add constraint full_up check (action <> 'provision') not valid`,
  );
  await (await console.post(`/users/${id}/provision`, { mode: 'now' })).text();
  expect(await world.rows()).toHaveLength(1);
  const known = await world.pool.query('select from maptician_sync.users where id = $1', [id]);
  expect(known.rows).toEqual([]);
});

it('shows each step when it is done, and ends when nobody looks any more', async () => {
  const { world, tenant, console } = await openConsoleWorld(1, { store: 'scim' });
  await world.sync();
  const id = addPerson(tenant);
  world.sandbox.faults.inject({ path: '/scim/*', times: 1000, fault: { kind: 'status', status: 500 } });
  const leave = new AbortController();
  const answer = await console.post(`/users/${id}/provision`, { mode: 'now' }, { signal: leave.signal });
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (!text.includes('</strong> in scope')) text += (await reader?.read())?.value ?? '';
  expect(text).not.toContain('</main>');
  leave.abort();
  await waitUntil(async () => {
    const { rows } = await world.pool.query(
      `select state from maptician_sync.cycles where kind = 'on_demand' and ended_at is not null`,
    );
    return rows[0]?.state === 'interrupted';
  });
});

it('says what is wrong where Entra cannot be asked', async () => {
  const { world, ids, console } = await openConsoleWorld(1);
  await world.sync();
  world.sandbox.faults.inject({ path: '*', fault: { kind: 'status', status: 401 }, times: 100 });
  const page = textOf(await (await console.post(`/users/${ids[0]}/provision`, { mode: 'dry-run' })).text());
  expect(page).toMatch(/✗ failure: .*(refused|credentials)/);
  expect(page).not.toContain('maptician-sync');
});
