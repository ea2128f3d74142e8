import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type Permits, planPass } from '../../src/cycle/plan-pass.ts';
import {
  type ProvisionedUser,
  type ProvisionResult,
  provisionStatus,
  provisionUsers,
} from '../../src/cycle/provision.ts';
import type { ActStep, ProvisioningStep } from '../../src/cycle/provision-steps.ts';
import { pull } from '../../src/directory/pull.ts';
import { beginCycle, readCycles } from '../../src/state/cycles.ts';
import { beginOnDemand } from '../../src/state/on-demand.ts';
import { readLog } from '../../src/state/provisioning-log.ts';
import { waitUntil } from '../support/wait-until.ts';
import { converge } from './converge.ts';
import { mixedChanges } from './mixed-changes.ts';
import { createOracle } from './oracle.ts';
import { addPerson, tenantOf } from './people.ts';
import { methodsOf, openScimWorld } from './scim-world.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

type Provisioned = ProvisionResult & { readonly exit: number };

async function provision(world: World, users: readonly string[], dryRun = false): Promise<Provisioned> {
  const service = await world.service();
  const result = await provisionUsers(service.provisionContext(), users, { dryRun });
  return { ...result, exit: provisionStatus(result) };
}

async function open(people: number, options: WorldOptions & { readonly permissions?: string[] } = {}) {
  const { tenant, ids } = tenantOf(people, options.permissions);
  const world = await openWorld({ ...options, sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  const nameOf = (id: string) => tenant.users.get(id)?.properties.userPrincipalName ?? '';
  const row = async (id: string) => (await world.rows()).find(({ external_id }) => external_id === id);
  return { world, tenant, ids, nameOf, row, [Symbol.asyncDispose]: () => world.close() };
}

/** The steps as `step status`, in order. */
const shape = (user: ProvisionedUser | undefined) => user?.steps.map(({ step, status }) => `${step} ${status}`);

function stepOf<Name extends ProvisioningStep['step']>(result: ProvisionResult, name: Name) {
  const steps = result.users.at(-1)?.steps.filter((step) => step.step === name) ?? [];
  return steps.at(-1) as Extract<ProvisioningStep, { step: Name }> | undefined;
}

describe('provisioning on demand', () => {
  it('leaves the connections of the pool to the work, however many are provisioned at the same moment', async () => {
    await using opened = await open(16);
    const results = await Promise.all(opened.ids.map((id) => provision(opened.world, [id])));
    expect(results.map(({ exit }) => exit)).toEqual(opened.ids.map(() => 0));
    expect(await opened.world.rows()).toHaveLength(16);
  });

  it('creates, updates and leaves as it is who is assigned directly, before there ever was a cycle', async () => {
    await using opened = await open(3);
    const { world, tenant, ids, nameOf, row } = opened;
    const [id = ''] = ids;
    const first = await provision(world, [nameOf(id).toUpperCase()]);
    expect(first).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
    expect(shape(first.users[0])).toEqual(['import success', 'scope success', 'match success', 'act success']);
    expect(stepOf(first, 'scope')).toMatchObject({ assignedThrough: [{ via: 'direct' }], inScope: true });
    expect(stepOf(first, 'match')).toMatchObject({
      linked: null,
      tries: [{ attribute: 'userName', value: nameOf(id), accounts: [] }],
    });
    expect(stepOf(first, 'act')?.modified).toContainEqual({
      displayName: 'userName',
      oldValue: null,
      newValue: nameOf(id),
    });
    expect(await world.rows()).toMatchObject([{ external_id: id, active: true }]);

    expect(await provision(world, [id])).toMatchObject({ exit: 0, users: [{ outcome: 'nothing' }] });
    tenant.users.update(id, { jobTitle: 'Surveyor' });
    const changed = await provision(world, [id]);
    expect(stepOf(changed, 'match')?.linked).toBe((await row(id))?.id);
    expect(stepOf(changed, 'act')).toMatchObject({
      operation: 'update',
      modified: [{ displayName: 'title', oldValue: null, newValue: 'Surveyor' }],
    });
    const before = await row(id);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 2, updated: 0 } });
    expect(await row(id)).toEqual(before);
    const { pool } = (await world.service()).database;
    const log = await readLog(pool, { user: id, limit: 10 });
    expect(log.map(({ operation, status }) => `${operation} ${status}`)).toEqual(['update success', 'create success']);
    expect(
      (
        await pool.query('select distinct kind, trigger from cycles where id = any($1)', [
          log.map(({ cycleId }) => cycleId),
        ])
      ).rows,
    ).toEqual([{ kind: 'on_demand', trigger: 'provision' }]);
    expect(await readCycles(pool, 9), 'what was done by hand is no cycle').toHaveLength(1);
  });

  it.each([
    { can: 'the three permissions', permissions: [], nested: 'false' },
    { can: 'Directory.Read.All, too', permissions: ['Directory.Read.All'], nested: 'false' },
    { can: 'the three permissions, and nested groups', permissions: [], nested: 'true' },
  ])('follows assigned groups with $can', async ({ permissions, nested }) => {
    await using opened = await open(2, { permissions, settings: { SYNC_NESTED_GROUPS: nested } });
    const { world, tenant, row } = opened;
    const group = tenant.groups.create({ displayName: 'Planners' });
    tenant.assign(group.id);
    const id = addPerson(tenant, {}, false);
    const inner = tenant.groups.create({ displayName: 'Within' });
    tenant.groups.addMember(inner.id, id);
    const member = nested === 'true' ? inner.id : id;
    tenant.groups.addMember(group.id, member);
    const found = await provision(world, [id]);
    expect(found).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
    expect(stepOf(found, 'scope')?.assignedThrough).toEqual([{ via: 'group', id: group.id, name: 'Planners' }]);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 2, updated: 0, deactivated: 0 } });

    const leave = [
      () => tenant.unassign(group.id),
      () => tenant.groups.removeMember(group.id, member),
      () => tenant.groups.delete(group.id),
    ];
    for (const [place, end] of leave.entries()) {
      if (place > 0) {
        tenant.assign(group.id);
        tenant.groups.addMember(group.id, member);
        expect(await provision(world, [id])).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
        expect(await row(id)).toMatchObject({ active: true });
      }
      end();
      world.sandbox.requests.clear();
      const left = await provision(world, [id]);
      expect(stepOf(left, 'scope')).toMatchObject({ status: 'skipped', assignedThrough: [], inScope: false });
      expect(stepOf(left, 'act')).toMatchObject({ operation: 'deactivate', status: 'success' });
      expect(await row(id)).toMatchObject({ active: false });
      const asked = world.sandbox.requests.entries.filter(({ path }) => /appRole|members/i.test(path));
      expect(asked.length, 'access ends on two readings').toBeGreaterThanOrEqual(2);
    }
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { reactivated: 0, deactivated: 0, updated: 0 } });
  });

  it('says of everybody else why they have no access, and ends it where they had it', async () => {
    const filters =
      'filters:\n  - title: Floor\n    clauses: [{ attribute: department, operator: NOT EQUALS, value: Sales }]\n';
    await using opened = await open(5, { config: { filters }, settings: { REMOVAL_LIMIT_PERCENT: '100' } });
    const { world, tenant, ids, nameOf, row } = opened;
    const [seller = '', disabled = '', deleted = '', purged = '', unassigned = ''] = ids;
    for (const id of ids) tenant.users.update(id, { department: 'Engineering' });
    tenant.users.update(purged, { userPrincipalName: 'ana_fabrikam.example#EXT#@contoso.example' });
    const names = ids.map(nameOf);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 5 } });
    tenant.users.update(seller, { department: 'Sales' });
    tenant.users.update(disabled, { accountEnabled: false });
    tenant.users.delete(deleted);
    tenant.purgeUser(purged);
    tenant.unassign(unassigned);
    const newcomer = addPerson(tenant, { department: 'Sales' });

    const { users, exit } = await provision(world, [...names, newcomer, 'nobody@contoso.example', randomUUID()]);
    expect(exit).toBe(2);
    const told = users.map(({ outcome, steps }) => {
      const scope = steps.find(({ step }) => step === 'scope');
      const act = steps.findLast((step): step is ActStep => step.step === 'act');
      return [outcome, scope?.description, act?.operation ?? act?.description];
    });
    expect(told).toEqual([
      ['done', 'not in scope: assigned directly, but does not pass the scoping filters', 'deactivate'],
      ['done', 'not in scope: disabled in Entra', 'deactivate'],
      ['done', expect.stringContaining('not in scope: deleted in Entra, and can be restored'), 'deactivate'],
      ['done', expect.stringContaining('not in scope: permanently deleted in Entra'), 'delete'],
      ['done', expect.stringContaining('not in scope: not assigned to the app'), 'deactivate'],
      ['skipped', 'not in scope: assigned directly, but does not pass the scoping filters', 'plan'],
      ['unknown', undefined, undefined],
      ['unknown', undefined, undefined],
    ]);
    const [filtered] = users[0]?.steps.filter((step) => step.step === 'scope') ?? [];
    expect(filtered?.clauses).toEqual([{ clause: 'Floor department NOT EQUALS Sales', passed: false }]);
    expect(await row(purged)).toBeUndefined();
    expect((await world.rows()).map(({ active }) => active)).toEqual([false, false, false, false]);

    tenant.restoreUser(deleted);
    expect(stepOf(await provision(world, [deleted]), 'act')?.operation).toBe('reactivate');
    const before = await world.rows();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0, reactivated: 0, deleted: 0 } });
    expect(await world.rows()).toEqual(before);
  });

  it('says whose name a user waits for, and does both when both are asked for', async () => {
    await using opened = await open(3);
    const { world, tenant, ids, nameOf } = opened;
    const [heir = '', holder = '', twin = ''] = ids;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    const name = nameOf(holder);
    tenant.users.update(holder, { userPrincipalName: 'renamed@contoso.example' });
    tenant.users.update(heir, { userPrincipalName: name });
    const alone = await provision(world, [heir]);
    expect(alone).toMatchObject({ exit: 1, users: [{ outcome: 'waiting' }] });
    expect(stepOf(alone, 'act')?.description).toContain(
      `waits for the userName that is still held by the account of ${holder}`,
    );
    const both = await provision(world, [heir, holder]);
    expect(both).toMatchObject({ exit: 0, users: [{ outcome: 'done' }, { outcome: 'done' }] });
    expect((await world.rows()).map(({ user_name }) => user_name).sort()).toEqual(
      [name, 'renamed@contoso.example', nameOf(twin)].sort(),
    );
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 0 } });
  });

  it('tries again by hand whom the store refused, whenever the retry is, and says what it says', async () => {
    await using opened = await open(2);
    const { world, ids, tenant, row } = opened;
    const [id = ''] = ids;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
    tenant.users.update(id, { jobTitle: 'Chief' });
    for (let run = 1; run <= 2; run++) {
      const refused = await provision(world, [id]);
      expect(refused).toMatchObject({ exit: 1, users: [{ outcome: 'failed' }] });
      expect(stepOf(refused, 'act')).toMatchObject({ status: 'failure', code: 'UnprocessableEntity' });
      expect(stepOf(refused, 'act')?.description).toContain('no_chiefs');
    }
    await world.pool.query('alter table maptician.users drop constraint no_chiefs');
    expect(await provision(world, [id])).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
    expect(await row(id)).toMatchObject({ title: 'Chief' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { failed: 0, updated: 0 } });
  });

  it('removes one user by an explicit word while the guard holds the others', async () => {
    await using opened = await open(12);
    const { world, tenant, ids, row } = opened;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    for (const id of ids) tenant.unassign(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
    expect(await provision(world, ids.slice(0, 1))).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
    expect(await row(ids[0] ?? '')).toMatchObject({ active: false });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 11, deactivated: 0 } });
  });

  it('of everybody with SYNC_SCOPE=all', async () => {
    await using opened = await open(1, { settings: { SYNC_SCOPE: 'all' } });
    const { world, tenant, row } = opened;
    const id = addPerson(tenant, {}, false);
    const found = await provision(world, [id]);
    expect(stepOf(found, 'scope')?.description).toBe('in scope: every user of the tenant is (SYNC_SCOPE=all)');
    expect(await row(id)).toMatchObject({ active: true });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, updated: 0, deactivated: 0 } });
  });

  it('as a dry run tells the same and writes nothing at all', async () => {
    await using opened = await open(4);
    const { world, tenant, ids, nameOf } = opened;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    const [changed = '', gone = '', leaver = ''] = ids;
    const newcomer = addPerson(tenant);
    const returning = addPerson(tenant);
    await world.pool.query(`insert into maptician.users (user_name, active, title) values ($1, false, 'Old')`, [
      nameOf(returning).toUpperCase(),
    ]);
    tenant.users.update(changed, { jobTitle: 'Surveyor' });
    tenant.purgeUser(gone);
    tenant.unassign(leaver);
    const asked = [changed, gone, leaver, newcomer, returning];
    const before = await contents(world);
    const dry = await provision(world, asked, true);
    expect(await contents(world)).toEqual(before);
    expect(dry).toMatchObject({ exit: 0, cycleId: undefined });
    const acts = (result: ProvisionResult) =>
      result.users.map(({ steps }) => {
        const act = steps.findLast((step): step is ActStep => step.step === 'act');
        return [act?.operation, act?.modified.toSorted((one, other) => (one.displayName < other.displayName ? -1 : 1))];
      });
    expect(acts(dry).map(([operation]) => operation)).toEqual(['update', 'delete', 'deactivate', 'create', 'adopt']);
    expect(acts(await provision(world, asked))).toEqual(acts(dry));
  });
});

it("beside cycles, many users at a time, ends as Entra says, and is in no cycle's way", async () => {
  await using opened = await open(50, { settings: { REMOVAL_LIMIT_PERCENT: '100' } });
  const { world, tenant } = opened;
  const oracle = createOracle(tenant);
  await converge(world, oracle);
  let ids: readonly string[] = opened.ids;
  for (const id of ids.slice(0, 3)) tenant.users.update(id, { accountEnabled: false });
  await converge(world, oracle);
  const context = (await world.service()).provisionContext();
  for (let round = 0; round < 3; round++) {
    const changed = ids.slice(0, 18);
    ids = mixedChanges(tenant, ids, 3);
    const cycle = world.sync();
    const parts = [0, 1, 2].map((part) => changed.filter((_, place) => place % 3 === part));
    const byHand = await Promise.all(parts.map((part) => provisionUsers(context, part, { dryRun: false })));
    for (const { users, error } of byHand) {
      expect(error).toBeUndefined();
      expect(users.filter(({ outcome }) => outcome === 'failed' || outcome === 'waiting')).toEqual([]);
    }
    expect(await cycle).toMatchObject({ exit: 0 });
    await converge(world, oracle);
  }
});

describe('provisioning on demand over SCIM', () => {
  it('looks for the user by userName, and takes no more requests than a cycle would', async () => {
    await using scim = await openScimWorld(30);
    const { world, ids, tenant, maptician, during } = scim;
    const [id = '', known = ''] = ids;
    maptician.create({ userName: tenant.users.find(known)?.properties.userPrincipalName ?? '', active: true });
    const create = await during(() => provision(world, [id]));
    expect(create.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /scim/v2/Users',
      'POST /scim/v2/Users',
    ]);
    expect(create[0]?.url).toContain('filter=');
    expect(methodsOf(await during(() => provision(world, [known])))).toEqual({ GET: 1, PATCH: 1 });
    expect(await during(() => provision(world, [id]))).toEqual([]);
    tenant.users.update(id, { jobTitle: 'Surveyor' });
    expect(methodsOf(await during(() => provision(world, [id])))).toEqual({ PATCH: 1 });
    maptician.clear();
    tenant.users.update(id, { jobTitle: 'Planner' });
    const healed = await provision(world, [id]);
    expect(healed).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
    const acts = healed.users[0]?.steps.filter(({ step }) => step === 'act');
    expect(acts).toMatchObject([{ operation: 'unlink' }, { operation: 'create', status: 'success' }]);
  });

  it('waits for what a running cycle has in hand of the user, and does others meanwhile', async () => {
    await using scim = await openScimWorld(3);
    const { world, ids, tenant, faults, maptician, during } = scim;
    const [stalled = ''] = ids;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    tenant.users.update(stalled, { jobTitle: 'Surveyor' });
    faults.inject({ method: 'PATCH', fault: { kind: 'stall', milliseconds: 2000 } });
    const sent = await during(async () => {
      const cycle = world.sync();
      await waitUntil(() => faults.list().length === 0);
      const newcomer = addPerson(tenant);
      expect(await provision(world, [newcomer])).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
      const waited = await provision(world, [stalled]);
      const { cycleId, exit } = await cycle;
      expect(exit).toBe(0);
      expect(waited).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
      const acts = waited.users[0]?.steps.filter((step) => step.step === 'act');
      expect(acts).toMatchObject([
        { description: `cycle ${cycleId} is at work on this user: waiting until it is done` },
        { operation: 'update', status: 'success', cycleId },
      ]);
    });
    expect(methodsOf(sent)).toEqual({ GET: 1, POST: 1, PATCH: 1 });
    expect(maptician.users().find(({ attributes }) => attributes.externalId === stalled)?.attributes.title).toBe(
      'Surveyor',
    );
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, updated: 0 } });
  });

  it('keeps its operation from cycles that begin meanwhile, and leaves it to them when it is killed', async () => {
    await using scim = await openScimWorld(2);
    const { world, ids, tenant, faults } = scim;
    const [id = ''] = ids;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    tenant.users.update(id, { jobTitle: 'Surveyor' });
    faults.inject({ method: 'PATCH', fault: { kind: 'status', status: 503 }, times: 2 });
    const byHand = provision(world, [id]);
    await waitUntil(async () => (await world.pool.query('select from maptician_sync.operations')).rowCount === 1);
    const cycle = world.sync();
    expect(await byHand).toMatchObject({ exit: 0, users: [{ outcome: 'done' }] });
    expect(await cycle).toMatchObject({ exit: 0, counts: { updated: 0, failed: 0 } });

    const { pool, url } = (await world.service()).database;
    const killed = await beginOnDemand(url, 'provision');
    await pool.query(
      `insert into operations (cycle_id, entra_id, kind, attributes, state, maptician_id)
       select $1, $2, 'update', '{"title": "Nobody"}', 'open', maptician_id from links where entra_id = $2`,
      [killed.id, id],
    );
    await killed.release();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 0 } });
    const { rows } = await pool.query('select state from cycles where id = $1', [killed.id]);
    expect(rows).toEqual([{ state: 'interrupted' }]);
    expect((await pool.query('select from operations')).rows).toEqual([]);
  });

  it('stops where Maptician refuses the token, and leaves what was planned to the next cycle', async () => {
    await using scim = await openScimWorld(2);
    const { world, ids, faults } = scim;
    faults.inject({ path: '/scim/*', times: 5, fault: { kind: 'status', status: 401 } });
    expect(await provision(world, ids)).toMatchObject({ exit: 2, error: { code: 'Unauthorized' } });
    faults.clear();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 2 } });
  });
});

it('prints the steps as they happen', async () => {
  await using opened = await open(2);
  const { world, tenant, ids, nameOf } = opened;
  const [id = ''] = ids;
  tenant.users.update(id, { jobTitle: 'Surveyor' });
  const run = async (...args: string[]) => {
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), ...args], {
      cwd: world.folder,
      env: { PATH: process.env.PATH, ...world.settings },
    });
    const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return { stdout, status };
  };
  const [shown, unknown] = [await run('provision', nameOf(id)), await run('provision', '--json', 'nobody')];
  const blank = await run('provision', '--json', id, ' ');
  expect(blank.status).toBe(2);
  expect(blank.stdout).toContain('named by a blank');
  expect(shown.status).toBe(0);
  const lines = shown.stdout.split('\n').map((line) => line.trimEnd());
  expect(lines.filter((line) => /^ {2}\S/.test(line)).map((line) => line.slice(0, 12).trim())).toEqual([
    '✓ import',
    '✓ scope',
    '✓ match',
    '✓ act',
  ]);
  expect(shown.stdout).toContain(`userName ${nameOf(id)}: none`);
  expect(shown.stdout).toContain('title: – → Surveyor');
  expect(shown.stdout).toMatch(/Provisioned \(\d+\.\d s\)\. In the log: maptician-sync log --cycle 1\n$/);
  expect(unknown.status).toBe(2);
  expect(JSON.parse(unknown.stdout.trim().split('\n').at(-1) ?? '')).toMatchObject({
    users: [{ user: 'nobody', outcome: 'unknown', steps: [{ step: 'import', status: 'failure' }] }],
  });
});

describe('what cycles do meanwhile', () => {
  it.each(['a disabling', 'a membership'])('%s that a cycle has read since the reading is not undone', async (what) => {
    await using opened = await open(12, {
      permissions: ['Directory.Read.All'],
      settings: { REMOVAL_LIMIT_PERCENT: '100' },
    });
    const { world, tenant, ids, row } = opened;
    const id = what === 'a disabling' ? (ids[0] ?? '') : addPerson(tenant, {}, false);
    // From two on, their members come by delta: what is told once is not told again.
    const groups = ['Planners', 'Second'].map((displayName) => tenant.groups.create({ displayName }).id);
    for (const group of groups) tenant.assign(group);
    tenant.groups.addMember(groups[1] ?? '', ids[1] ?? '');
    if (what === 'a membership') tenant.groups.addMember(groups[0] ?? '', id);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    await provisionAmid(world, id, what === 'a disabling' ? `/users/${id}?` : 'memberOf', async (time) => {
      if (time > 1) return;
      if (what === 'a disabling') tenant.users.update(id, { accountEnabled: false });
      else tenant.groups.removeMember(groups[0] ?? '', id);
      expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });
    });
    expect(await row(id)).toMatchObject({ active: false });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0, reactivated: 0 } });
  });

  it('a user who changes each time is left to the next cycle', async () => {
    await using opened = await open(2);
    const { world, tenant, ids } = opened;
    const [id = ''] = ids;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    let title = 0;
    const found = await provisionAmid(world, id, `/users/${id}?`, async (time) => {
      if (time > 9) return;
      tenant.users.update(id, { jobTitle: `Title ${++title}` });
      await world.sync();
    });
    expect(stepOf(found, 'act')).toMatchObject({ status: 'failure', code: 'Timeout' });
    const { rows } = await world.pool.query('select needs_read from maptician_sync.users where id = $1', [id]);
    expect(rows).toEqual([{ needs_read: true }]);
    expect(await world.sync()).toMatchObject({ exit: 0 });
    expect(await opened.row(id)).toMatchObject({ title: `Title ${title}` });
  });

  it('a decision of a cycle that was overtaken is not written, and the next wave decides anew', async () => {
    await using opened = await open(3, { settings: { REMOVAL_LIMIT_PERCENT: '100' } });
    const { world, tenant, ids, row } = opened;
    const [id = '', other = ''] = ids;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    const service = await world.service();
    const { pool } = service.database;
    const pass = (permits: Permits) =>
      planPass(pool, service.rules, cycle, { stages: () => false, opened: async () => undefined, permits });
    const everyone: Permits = async (_db, wanted) => new Set(wanted.map(({ entraId }) => entraId));
    for (const one of [id, other]) tenant.unassign(one);
    const cycle = await beginCycle(pool, 'sync');
    const context = { signal: new AbortController().signal, progress: () => undefined, warn: () => undefined };
    await pull(await service.openDirectory(context), { resync: false });
    const first = await pass(async (db, wanted) => {
      tenant.assign(id);
      expect(await provision(world, [id])).toMatchObject({ users: [{ outcome: 'nothing' }] });
      return everyone(db, wanted);
    });
    expect(first).toMatchObject({ operations: 1, overtaken: 1 });
    expect(await pass(everyone)).toMatchObject({ operations: 0, overtaken: 0 });
    await pool.query(`update cycles set state = 'succeeded', ended_at = now() where id = $1`, [cycle]);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });
    expect(await row(id)).toMatchObject({ active: true });
    expect(await row(other)).toMatchObject({ active: false });
  });
});

/** Provisions one user by hand; `meanwhile` takes place at each answer of Graph to a path with `part`. */
async function provisionAmid(world: World, id: string, part: string, meanwhile: (time: number) => Promise<void>) {
  const context = (await world.service()).provisionContext();
  let time = 0;
  const openDirectory: typeof context.openDirectory = async (cycle) => {
    const directory = await context.openDirectory(cycle);
    const get: typeof directory.graph.get = async (...args) => {
      const answer = await directory.graph.get(...args);
      if (args[0].includes(part)) await meanwhile(++time);
      return answer;
    };
    return { ...directory, graph: { ...directory.graph, get } };
  };
  return provisionUsers({ ...context, openDirectory }, [id], { dryRun: false });
}

/** Every row of every table, as one hash a table. */
async function contents(world: World): Promise<unknown> {
  const { rows } = await world.pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname in ('maptician_sync', 'maptician') order by 1`,
  );
  const hashes = rows.map(async ({ name }) => {
    const table = await world.pool.query(
      `select md5(string_agg(t::text, '|' order by t::text)) as hash from ${name} t`,
    );
    return [name, table.rows[0]?.hash];
  });
  return Promise.all(hashes);
}
