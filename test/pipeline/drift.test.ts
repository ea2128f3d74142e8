import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { checkDrift, listDiscovered } from '../../src/cycle/drift.ts';
import type { DiscoveredAccount } from '../../src/cycle/drift-accounts.ts';
import { provisionUsers } from '../../src/cycle/provision.ts';
import { createLog } from '../../src/log.ts';
import { addTick } from '../../src/queue/ticks.ts';
import type { Tenant } from '../../src/sandbox/tenant.ts';
import { openService } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { readCycles } from '../../src/state/cycles.ts';
import { type DriftAction, readLastDrift, type UserDrift } from '../../src/state/drift.ts';
import { pauseJob, resumeJob } from '../../src/state/job.ts';
import { readLog } from '../../src/state/provisioning-log.ts';
import { waitUntil } from '../support/wait-until.ts';
import { addPerson, tenantOf } from './people.ts';
import { isWrite, openScimWorld } from './scim-world.ts';
import { openWorld, type World } from './world.ts';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function look(world: World, action: DriftAction = 'report') {
  const found: UserDrift[] = [];
  const context = await (await world.service()).cycleContext();
  const counts = await checkDrift(context, { action, each: (one) => found.push(one) });
  return { ...counts, found: Object.fromEntries(found.map((one) => [one.entraId, one])) };
}

const output = z.object({ drift: z.array(z.unknown()), counts: z.unknown() });

/** The command itself. */
async function runDrift({ folder, settings }: World) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), 'drift', '--json'], {
    cwd: folder,
    env: { PATH: process.env.PATH, ...settings },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const closed = once(child, 'close');
  const stdout = await text(child.stdout);
  const [status] = await closed;
  return { status, json: output.parse(JSON.parse(stdout)) };
}

async function discover(world: World) {
  const accounts: DiscoveredAccount[] = [];
  const context = await (await world.service()).cycleContext();
  await listDiscovered(context, { each: (account) => accounts.push(account) });
  return Object.fromEntries(accounts.map(({ userName, kind, active, linked }) => [userName, { kind, active, linked }]));
}

const nameOf = (tenant: Tenant, id: string) => tenant.users.find(id)?.properties.userPrincipalName ?? '';
const noDrift = { access: 0, missing: 0, changed: 0 };
const nothing = { created: 0, updated: 0, reactivated: 0, deactivated: 0, deleted: 0, skipped: 0, failed: 0 };

/** Eight people: all provisioned, the last two without access again; and an account of somebody else. */
async function open(settings: Record<string, string> = {}) {
  const { tenant, ids } = tenantOf(8);
  const world = await openWorld({
    sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
    settings: { REMOVAL_LIMIT_PERCENT: '100', ...settings },
  });
  worlds.push(world);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 8 } });
  tenant.unassign(ids[6] ?? '');
  tenant.users.update(ids[7] ?? '', { accountEnabled: false });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 2 } });
  await world.pool.query(
    `insert into maptician.users (user_name, external_id, active, title) values ('local@b.example', 'x', true, 'Local')`,
  );
  const { pool } = (await world.service()).database;
  const set = (assignments: string, id = '') =>
    world.pool.query(`update maptician.users set ${assignments} where external_id = $1`, [id]);
  const state = async () => {
    const { rows } = await world.pool.query(
      'select l.*, c.id as compare from maptician_sync.links l left join maptician_sync.to_compare c on c.id = l.entra_id order by 1',
    );
    return { links: rows, users: await world.rows() };
  };
  const log = () => readLog(pool, { status: 'warning', limit: 100 });
  return { world, tenant, ids, pool, set, state, log };
}

async function makeDrift({ world, ids, set }: Awaited<ReturnType<typeof open>>) {
  const [inactive, changed, gone, , , , returned] = ids;
  await set(`active = false, title = 'Ex'`, inactive);
  await set(`title = 'by hand', work_phone = null, department = 'Sales'`, changed);
  await world.pool.query('delete from maptician.users where external_id = $1', [gone]);
  await set(`active = true, title = 'Again'`, returned);
}

it('leaves whoever is provisioned by hand while it looks to the next time, and repairs nothing of theirs', async () => {
  const { tenant, ids } = tenantOf(12);
  const settings = { REMOVAL_LIMIT_PERCENT: '100' };
  const world = await openWorld({
    store: 'scim',
    sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
    settings,
  });
  worlds.push(world);
  const [changed = '', returned = ''] = ids;
  expect(await world.sync()).toMatchObject({ exit: 0 });
  tenant.users.update(returned, { accountEnabled: false });
  expect(await world.sync()).toMatchObject({ exit: 0 });
  const service = await world.service();
  const context = await service.cycleContext();
  const found: UserDrift[] = [];
  let listed = false;
  const openStore: typeof context.openStore = async () => {
    const store = await context.openStore();
    const accounts: typeof store.accounts = async function* (...args) {
      yield* store.accounts(...args);
      if (listed) return;
      listed = true;
      tenant.users.update(changed, { jobTitle: 'Surveyor' });
      tenant.users.update(returned, { accountEnabled: true });
      const byHand = await provisionUsers(service.provisionContext(), [changed, returned], { dryRun: false });
      expect(byHand).toMatchObject({ users: [{ outcome: 'done' }, { outcome: 'done' }] });
    };
    return { ...store, accounts };
  };
  await checkDrift({ ...context, openStore }, { action: 'repair', each: (one) => found.push(one) });
  expect(found).toEqual([]);
  tenant.users.update(returned, { accountEnabled: false });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1, updated: 0 } });
  expect((await world.rows()).find((row) => row.external_id === returned)).toMatchObject({ active: false });
});

describe('drift', () => {
  it('tells who has another access, is missing or was changed, and changes nothing', async () => {
    const opened = await open();
    const { world, tenant, ids, state, log, pool } = opened;
    expect(await look(world)).toEqual({
      drift: noDrift,
      accounts: { assigned: 6, unassigned: 2, unassignedActive: 0, local: 1 },
      found: {},
    });
    await makeDrift(opened);
    const before = await state();
    const [inactive = '', changed = '', gone = '', , , , returned = '', disabled = ''] = ids;
    const { drift, accounts, found } = await look(world);
    expect(drift).toEqual({ access: 2, missing: 1, changed: 1 });
    expect(accounts).toEqual({ assigned: 5, unassigned: 2, unassignedActive: 1, local: 1 });
    expect(Object.keys(found).sort()).toEqual([inactive, changed, gone, returned].sort());
    expect(found[inactive]).toMatchObject({
      kind: 'access',
      reason: 'inactive in Maptician, although it is to be active',
      before: { active: true, title: null },
      after: { active: false, title: 'Ex' },
    });
    expect(found[returned]).toMatchObject({ kind: 'access', before: { active: false }, after: { active: true } });
    expect(found[gone]).toMatchObject({ kind: 'missing' });
    expect(found[changed]).toMatchObject({
      kind: 'changed',
      after: { title: 'by hand', [department]: 'Sales' },
    });
    expect(await state(), 'neither links nor accounts').toEqual(before);

    const entries = await log();
    expect(entries.map(({ entraId, operation }) => [operation, entraId]).sort()).toEqual(
      [inactive, changed, gone, returned].map((id) => ['drift', id]).sort(),
    );
    expect(entries.find(({ entraId }) => entraId === changed)?.modified).toContainEqual({
      displayName: 'title',
      oldValue: null,
      newValue: 'by hand',
    });
    const command = await runDrift(world);
    expect(command.status).toBe(1);
    expect(command.json).toMatchObject({ counts: { drift, accounts } });
    expect(command.json.drift).toHaveLength(4);
    expect(await log(), 'the same is told of once').toHaveLength(4);
    expect(await readLastDrift(pool)).toMatchObject({ action: 'report', counts: { drift, accounts }, stopCode: null });

    const discovered = await discover(world);
    expect(discovered['local@b.example']).toEqual({ kind: 'local', active: true, linked: false });
    expect(discovered[nameOf(tenant, returned)]).toEqual({ kind: 'unassigned', active: true, linked: true });
    expect(discovered[nameOf(tenant, disabled)]).toEqual({ kind: 'unassigned', active: false, linked: true });
    expect(discovered[nameOf(tenant, changed)]).toEqual({ kind: 'assigned', active: true, linked: true });
  });

  it('is made good by a repair and the cycle after it, and told of, though the repair is killed', async () => {
    const opened = await open();
    const { world, state } = opened;
    const values = async () =>
      (await state()).users.map(({ id: _id, xmin: _xmin, updated_at: _u, created_at: _c, ...row }) => row);
    const before = await values();
    await makeDrift(opened);
    const killed = checkDrift(await (await world.service()).cycleContext(), {
      action: 'repair',
      each: () => {
        throw new Error('killed');
      },
    });
    await expect(killed).rejects.toThrow('killed');
    expect((await look(world, 'repair')).drift, 'the links say it already').toEqual(noDrift);
    const { exit, counts, warnings } = await world.sync();
    expect({ exit, counts }).toMatchObject({
      exit: 0,
      counts: { ...nothing, created: 1, updated: 1, reactivated: 1, deactivated: 1 },
    });
    expect(warnings).toEqual([
      expect.stringMatching(
        /2 with wrong access \(person\S+, person\S+\), 1 missing .*, 1 with other values.* made good/,
      ),
    ]);
    // Of whoever has no access nothing but access is looked after.
    expect(await values()).toEqual(
      before.map((row) => (row.external_id === opened.ids[6] ? { ...row, title: 'Again' } : row)),
    );
    expect(await look(world)).toMatchObject({ drift: noDrift, accounts: { local: 1 } });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: nothing, warnings: [] });
  });

  it('is not what Maptician is known to keep, what no row of the table writes, nor what waits to be written', async () => {
    const { tenant, ids } = tenantOf(3);
    const world = await openWorld({
      sandbox: { tenant },
      config: {
        attributes: `attributes:
  - { target: userName, source: userPrincipalName, matching: 1 }
  - { target: active, expression: 'Not([IsSoftDeleted])' }
  - { target: externalId, source: objectId }
  - { target: title, source: jobTitle }
  - { target: userType, source: userType, apply: create }
  - { target: 'name.familyName', expression: 'Redact([surname])' }
`,
      },
    });
    worlds.push(world);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
    const [kept, own, secret] = ids;
    await world.pool.query(`update maptician.users set title = 'KEPT' where external_id = $1`, [kept]);
    await world.pool.query(`update maptician_sync.links set kept = '{"title": "KEPT"}' where entra_id = $1`, [kept]);
    await world.pool.query(
      `update maptician.users set mobile_phone = '+49 1', user_type = 'Boss' where external_id = $1`,
      [own],
    );
    tenant.users.update(own ?? '', { jobTitle: 'waits for the next cycle' });
    expect((await look(world)).drift).toEqual(noDrift);

    await world.pool.query(`update maptician.users set family_name = 'Shown' where external_id = $1`, [secret]);
    const { found } = await look(world);
    expect(found).toMatchObject({
      [secret ?? '']: { before: { 'name.familyName': '[Redact]' }, after: { 'name.familyName': '[Redact]' } },
    });
  });
});

describe('account discovery', () => {
  it('knows accounts of users without access by any matching attribute, whatever its case', async () => {
    const { tenant } = tenantOf(1);
    const named = addPerson(tenant, { accountEnabled: false });
    addPerson(tenant, { accountEnabled: false, mail: 'Known@b.example' });
    const world = await openWorld({
      sandbox: { tenant },
      config: {
        attributes: `attributes:
  - { target: userName, source: userPrincipalName, matching: 1 }
  - { target: 'emails[type eq "work"].value', source: mail, matching: 2 }
  - { target: active, expression: 'Not([IsSoftDeleted])' }
`,
      },
    });
    worlds.push(world);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1 } });
    const name = nameOf(tenant, named).toUpperCase();
    await world.pool.query(
      `insert into maptician.users (user_name, work_email, active)
       values ('other@b.example', 'kNOWN@b.example', true), ($1, null, false), ('x@b.example', 'x@b.example', true)`,
      [name],
    );
    const { 'other@b.example': byMail, 'x@b.example': local, [name]: byName, ...rest } = await discover(world);
    expect(byMail).toEqual({ kind: 'unassigned', active: true, linked: false });
    expect(byName).toEqual({ kind: 'unassigned', active: false, linked: false });
    expect(local).toEqual({ kind: 'local', active: true, linked: false });
    expect(Object.values(rest)).toEqual([{ kind: 'assigned', active: true, linked: true }]);
  });
});

describe('drift on schedule', () => {
  it('is looked for once by two services, and mailed once', async () => {
    const opened = await open();
    const { world, log, pool } = opened;
    await makeDrift(opened);
    const first = await world.service();
    const other = await openService({ settings: loadSettings({ env: world.settings }), log: createLog('silent') });
    const stop = new AbortController();
    await first.work({ cycles: true, signal: stop.signal });
    await other.work({ cycles: true, signal: stop.signal });
    const time = new Date();
    for (const service of [first, other]) await addTick(await service.queue(), 'check-drift', time);
    await waitUntil(async () => (await readLastDrift(pool)) !== undefined);
    await waitUntil(async () => (await (await first.queue()).depth('cycles')) === 0);
    await other.close();
    const checks = await pool.query('select from drift_checks');
    expect(checks.rowCount).toBe(1);
    expect(await log()).toHaveLength(4);

    const mails = () => world.sandbox.mailbox.mails().map(({ subject }) => subject);
    await world.sync();
    await world.sync();
    await look(world);
    await world.sync();
    expect(mails().filter((subject) => subject.includes('changed accounts in Maptician'))).toHaveLength(1);
  });

  it('is not looked for while provisioning is paused, and made good where the setting says so', async () => {
    const opened = await open({ DRIFT_ACTION: 'repair' });
    const { world, pool } = opened;
    await makeDrift(opened);
    const service = await world.service();
    await service.work({ cycles: true, signal: new AbortController().signal });
    const queue = await service.queue();
    await pauseJob(pool);
    await addTick(queue, 'check-drift', new Date(0));
    await waitUntil(async () => world.log.some((line) => line.includes('drift is not looked for')));
    expect(await readLastDrift(pool)).toBeUndefined();
    await resumeJob(pool);
    await addTick(queue, 'check-drift', new Date());
    await waitUntil(async () => {
      const [cycle] = await readCycles(pool, 1);
      return cycle?.trigger === 'drift' && cycle.endedAt !== null;
    });
    expect((await look(world)).drift).toEqual(noDrift);
  });
});

describe('drift over SCIM', () => {
  it('is found with one listing, whatever the number of accounts, and nothing is written', async () => {
    await using opened = await openScimWorld(30);
    const { world, maptician, ids, during, tenant } = opened;
    expect(await world.sync()).toMatchObject({ exit: 0 });
    tenant.unassign(ids[5] ?? '');
    expect(await world.sync()).toMatchObject({ exit: 0 });
    const outsider = maptician.create({ userName: 'local@b.example', active: true });
    const accountOf = (id = '') => maptician.users().find(({ attributes }) => attributes.externalId === id)?.id ?? '';
    const pages = Math.ceil(31 / 100);
    const clean = await during(async () => {
      expect(await look(world)).toMatchObject({
        drift: noDrift,
        accounts: { assigned: 29, unassigned: 1, unassignedActive: 0, local: 1 },
      });
    });
    expect(clean).toHaveLength(pages);

    maptician.update(accountOf(ids[0]), { active: false });
    maptician.update(accountOf(ids[1]), { title: 'by hand' });
    maptician.delete(accountOf(ids[2]));
    maptician.update(accountOf(ids[5]), { active: true });
    const sent = await during(async () => {
      expect(await look(world)).toMatchObject({
        drift: { access: 2, missing: 1, changed: 1 },
        accounts: { unassignedActive: 1 },
      });
    });
    // Who is not in the list is asked for.
    expect(sent).toHaveLength(pages + 1);
    expect(sent.filter(isWrite)).toEqual([]);

    await look(world, 'repair');
    expect(await world.sync()).toMatchObject({
      exit: 0,
      counts: { ...nothing, created: 1, updated: 1, reactivated: 1, deactivated: 1 },
    });
    expect((await look(world)).drift).toEqual(noDrift);
    expect(maptician.users().find(({ id }) => id === outsider.id)?.attributes).toMatchObject({
      userName: 'local@b.example',
      active: true,
    });
  });

  it('is not told of where the list of accounts cannot be read to its end', async () => {
    await using opened = await openScimWorld(3);
    const { world, maptician, ids } = opened;
    await world.sync();
    maptician.update(nameOf(opened.tenant, ids[0] ?? ''), { title: 'by hand' });
    Object.assign(maptician.behaviour, { wrongTotal: 4 });
    await expect(look(world)).rejects.toThrow(/cannot be read to its end/);
    const { pool } = (await world.service()).database;
    expect(await readLastDrift(pool)).toMatchObject({
      counts: null,
      stopCode: 'SystemForCrossDomainIdentityManagementServiceIncompatible',
    });
    expect(await opened.log({ status: 'warning' })).toEqual([]);
    Object.assign(maptician.behaviour, { wrongTotal: 0 });
    expect((await look(world)).drift).toEqual({ ...noDrift, changed: 1 });
  });
});

const department = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department';
