import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { provisionUsers } from '../../src/cycle/provision.ts';
import { why } from '../../src/cycle/why.ts';
import { openMappedWorld } from './mapped-world.ts';
import { addPerson } from './people.ts';
import { openScimWorld } from './scim-world.ts';
import type { World } from './world.ts';

async function ask(world: World, user: string) {
  const found = await why((await world.service()).whyContext(), user);
  if (found === undefined) throw new Error('Nobody is known by that name.');
  const differences = found.comparison.attributes.filter(({ difference }) => difference !== null);
  return { ...found, differences };
}

it('says through what a user is in scope, what was done, and what Maptician has now', async () => {
  const filters =
    'filters:\n  - title: Floor\n    clauses: [{ attribute: department, operator: NOT EQUALS, value: Sales }]\n';
  await using mapped = await openMappedWorld(
    4,
    ['{ target: title, source: jobTitle }', "{ target: name.familyName, expression: 'Redact([surname])' }"],
    { config: { filters }, person: () => ({ department: 'Engineering' }) },
  );
  const { world, tenant, ids } = mapped;
  const [direct = '', seller = '', refused = '', removed = ''] = ids;
  const group = tenant.groups.create({ displayName: 'Planners' });
  tenant.assign(group.id);
  const member = addPerson(tenant, { department: 'Engineering' }, false);
  tenant.groups.addMember(group.id, member);
  tenant.users.update(seller, { department: 'Sales' });
  await (await world.service()).store();
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  tenant.users.update(refused, { jobTitle: 'Chief' });
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 3, failed: 1 } });

  const well = await ask(world, direct);
  expect(well).toMatchObject({
    scopeSentence: 'in scope: assigned directly',
    decision: { kind: 'nothing' },
    log: [{ operation: 'create', status: 'success' }],
    comparison: { account: 'there', linked: expect.any(String) },
    differences: [],
    next: 'nothing: Maptician has what Entra says',
  });
  expect(well.comparison.attributes.find(({ attribute }) => attribute === 'name.familyName')).toMatchObject({
    wanted: '[Redact]',
    applied: '[Redact]',
    maptician: '[Redact]',
  });
  expect(JSON.stringify(well)).not.toContain(tenant.users.find(direct)?.properties.surname);

  expect(await ask(world, member)).toMatchObject({
    scopeSentence: 'in scope: assigned through the group Planners',
    assignedThrough: [{ via: 'group', id: group.id, name: 'Planners' }],
  });
  expect(await ask(world, seller)).toMatchObject({
    scope: { inScope: false, clauses: [{ clause: 'Floor department NOT EQUALS Sales', passed: false }] },
    comparison: { linked: null, matching: [] },
    next: 'nothing: not created: does not pass the scoping filters',
  });
  const failing = await ask(world, refused);
  expect(failing.standing.failure).toMatchObject({ code: 'UnprocessableEntity', attempts: 1 });
  expect(failing.standing.failure?.reason).toContain('no_chiefs');
  expect(failing.next).toMatch(
    /^refused as it is \(UnprocessableEntity\): create waits for a change, or until .*; at once with: maptician-sync provision$/,
  );

  await world.pool.query(`update maptician.users set title = 'Edited by hand' where external_id = $1`, [direct]);
  await world.pool.query('delete from maptician.users where external_id = $1', [member]);
  expect(await ask(world, direct)).toMatchObject({
    differences: [{ attribute: 'title', maptician: 'Edited by hand', difference: 'changed in Maptician' }],
    next: expect.stringContaining('a value was changed in Maptician'),
  });
  expect(await ask(world, member)).toMatchObject({
    comparison: { account: 'missing' },
    next: expect.stringContaining('the account is gone from Maptician'),
  });

  await world.pool.query(`insert into maptician_sync.operations (cycle_id, entra_id, kind, attributes, state, set_id)
    values (1, '${removed}', 'deactivate', '{"active": false}', 'held', 7)`);
  expect((await ask(world, removed)).next).toBe(
    'the deactivation is held until somebody decides: maptician-sync approve 7, or reject 7',
  );

  await world.pool.query('update maptician_sync.job set paused_at = now()');
  expect((await ask(world, direct)).next).toContain('(provisioning is paused: maptician-sync resume)');
  const byHand = await provisionUsers((await world.service()).provisionContext(), [direct], { dryRun: true });
  expect(byHand.warnings).toEqual([expect.stringContaining('paused')]);

  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), 'why', direct], {
    cwd: world.folder,
    env: { PATH: process.env.PATH, ...world.settings },
  });
  const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^User +person1@contoso\.example, object id/);
  expect(stdout).toMatch(/^Scope +in scope: assigned directly$/m);
  expect(stdout).toMatch(/^title +– +– +Edited by hand +≠ changed in Maptician$/m);
});

it('asks Maptician over SCIM with one request, and says so where it does not answer', async () => {
  await using scim = await openScimWorld(2);
  const { world, ids, faults, during } = scim;
  const [id = ''] = ids;
  expect(await world.sync()).toMatchObject({ exit: 0 });
  const sent = await during(async () => expect(await ask(world, id)).toMatchObject({ differences: [] }));
  expect(sent.map(({ method }) => method)).toEqual(['GET']);
  faults.inject({ path: '/scim/*', fault: { kind: 'status', status: 401 } });
  expect((await ask(world, id)).comparison).toMatchObject({
    account: 'unread',
    problem: expect.stringContaining('Unauthorized'),
  });
});
