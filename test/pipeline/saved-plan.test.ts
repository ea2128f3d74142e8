/** `plan --save` and `sync --plan`: exactly that plan is carried out, or nothing. */
import { spawn } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { openMappedWorld } from './mapped-world.ts';
import { addPerson, tenantOf } from './people.ts';
import { planOf } from './planned.ts';
import { openWorld, type World } from './world.ts';

async function open(people: number, settings: Record<string, string> = {}) {
  const { tenant, ids } = tenantOf(people);
  const world = await openWorld({
    sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
    settings: { REMOVAL_LIMIT_PERCENT: '100', ...settings },
  });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: people } });
  return { world, tenant, ids };
}

async function run(world: World, ...args: readonly string[]) {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), ...args], {
    cwd: world.folder,
    env: { PATH: process.env.PATH, ...world.settings },
  });
  const [stdout, stderr, status] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise((resolve) => child.once('close', resolve)),
  ]);
  return { stdout, stderr, status };
}

describe('a saved plan', () => {
  it('is refused where the world has moved, and then nothing is done, written or forgotten', async () => {
    const { world, tenant, ids } = await open(15);
    await using _ = world;
    const [changed = '', other = '', late = '', gone = ''] = ids;
    tenant.users.update(changed, { jobTitle: 'Chief' });
    tenant.users.update(other, { jobTitle: 'Chief' });
    tenant.users.update(gone, { accountEnabled: false });
    const before = await world.rows();
    const { saved, changing } = await planOf(world);
    expect(changing.map(({ id, action }) => `${action} ${id}`).toSorted()).toEqual(
      [`update ${changed}`, `update ${other}`, `deactivate ${gone}`].toSorted(),
    );
    const refused = async (...who: string[]) => {
      const { exit, error, counts } = await world.sync({ plan: saved });
      expect({ exit, code: error?.code, failed: counts.failed }).toEqual({ exit: 2, code: 'PlanOutdated', failed: 0 });
      for (const id of who) expect(error?.message).toContain(id);
      expect(await world.rows()).toEqual(before);
      return error?.message ?? '';
    };
    tenant.users.update(late, { jobTitle: 'Late' });
    expect(await refused(late), 'more is to be done').not.toContain(changed);
    tenant.users.update(late, { jobTitle: null });
    tenant.users.update(changed, { jobTitle: 'Boss' });
    await refused(changed);
    tenant.users.update(changed, { jobTitle: null });
    await refused(changed);
    tenant.users.update(changed, { jobTitle: 'Chief' });
    tenant.users.update(gone, { accountEnabled: true });
    await refused(gone);
    for (const id of ids) tenant.users.update(id, { city: 'Porto' });
    const message = await refused();
    expect(message).toContain('15 users');
    expect(ids.filter((id) => message.includes(id))).toHaveLength(10);
    for (const id of ids) tenant.users.update(id, { city: null });
    tenant.users.update(gone, { accountEnabled: false });

    expect(await world.sync({ plan: saved })).toMatchObject({ exit: 0, counts: { updated: 2, deactivated: 1 } });
    expect((await planOf(world)).changing).toEqual([]);
  });

  it('that goes above the limit is held as without it, and carried out once it is approved', async () => {
    const { world, tenant, ids } = await open(14, { REMOVAL_LIMIT_PERCENT: '25' });
    await using _ = world;
    for (const id of ids.slice(0, 10)) tenant.users.update(id, { accountEnabled: false });
    tenant.users.update(ids[12] ?? '', { jobTitle: 'Chief' });
    const first = await planOf(world);
    expect(first).toMatchObject({ held: true });
    expect(await world.sync({ plan: first.saved })).toMatchObject({ exit: 3, counts: { updated: 1, held: 10 } });
    const second = await planOf(world);
    expect(second.changing.map(({ action, held }) => ({ action, held }))).toEqual(
      Array.from({ length: 10 }, () => ({ action: 'deactivate', held: true })),
    );
    await world.pool.query(`update maptician_sync.operations set state = 'approved'`);
    expect(await world.sync({ plan: second.saved })).toMatchObject({ exit: 0, counts: { deactivated: 10 } });
  });

  it('carries out nothing that was to wait for approval, because some of it was approved meanwhile', async () => {
    const { world, tenant, ids } = await open(40, { REMOVAL_LIMIT_PERCENT: '25' });
    await using _ = world;
    for (const id of ids.slice(0, 11)) tenant.users.update(id, { accountEnabled: false });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 11 } });
    for (const id of ids.slice(11, 20)) tenant.users.update(id, { accountEnabled: false });
    const { saved, limitsPassed } = await planOf(world);
    expect(limitsPassed).toHaveProperty('deactivate');
    await world.pool.query(`update maptician_sync.operations set state = 'approved'`);
    expect(await world.sync({ plan: saved })).toMatchObject({ exit: 2, error: { code: 'PlanOutdated' } });
    expect((await world.rows()).filter(({ active }) => !active)).toEqual([]);
  });

  it('does not do what only shows on the way: that waits for the next cycle', async () => {
    const { world, tenant, ids } = await open(3);
    await using _ = world;
    const [lost = ''] = ids;
    tenant.users.update(lost, { jobTitle: 'Chief' });
    const { saved } = await planOf(world);
    await world.pool.query('delete from maptician.users where external_id = $1', [lost]);
    const { exit, warnings, counts } = await world.sync({ plan: saved });
    expect({ exit, created: counts.created }).toEqual({ exit: 1, created: 0 });
    expect(warnings.join()).toContain('the plan does not foresee what is to be done now for one user');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1 } });
  });

  it('is refused after the attribute table has changed, and shows nothing that is hidden', async () => {
    const rows = [`{ target: title, expression: 'Redact([jobTitle])' }`];
    await using mapped = await openMappedWorld(2, rows, { person: () => ({ jobTitle: 'Secret title' }) });
    const { saved, changing } = await planOf(mapped.world);
    expect(changing).toHaveLength(2);
    const content = await readFile(saved.path, 'utf8');
    expect(content).toContain('[Redact]');
    expect(content).not.toContain('Secret');
    await mapped.remap([...rows, '{ target: userType, source: userType }']);
    const { exit, error } = await mapped.world.sync({ plan: saved });
    expect({ exit, code: error?.code }).toEqual({ exit: 2, code: 'PlanOutdated' });
    expect(error?.message).toContain('attribute table');
    expect(await mapped.world.rows()).toEqual([]);
  });

  it('goes from one command to the other in a file that only its owner reads', async () => {
    const { world, tenant } = await open(2);
    await using _ = world;
    addPerson(tenant);
    const planned = await run(world, 'plan', '--save', 'plan.ndjson');
    expect(planned).toMatchObject({ status: 4, stdout: expect.stringContaining('sync --plan plan.ndjson') });
    expect((await stat(join(world.folder, 'plan.ndjson'))).mode & 0o777).toBe(0o600);
    expect(await run(world, 'sync', '--plan', 'plan.ndjson')).toMatchObject({ status: 0 });
    expect(await run(world, 'plan', '--json')).toMatchObject({
      status: 0,
      stdout: '{"operations":[],"counts":{},"held":false,"limitsPassed":{},"warnings":[]}\n',
    });
  }, 60_000);
});
