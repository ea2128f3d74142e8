import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { addPerson } from './people.ts';
import { openPeopled } from './peopled-world.ts';
import { backends, type WorldOptions } from './world.ts';

async function open(people: number, options: WorldOptions = {}) {
  const opened = await openPeopled(people, options);
  return { ...opened, subjects: () => opened.world.sandbox.mailbox.mails().map(({ subject }) => subject) };
}

describe.each(backends)('one user among thousands whom the store refuses (queue on %s)', (queue) => {
  it('is the only one who fails, is mailed about once, and is delivered once mended in Entra', async () => {
    const people = queue === 'postgres' ? 5000 : 300;
    const { world, tenant, ids, subjects } = await open(people, { queue });
    await (await world.service()).store();
    await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
    const bad = ids[123] ?? '';
    const name = tenant.users.find(bad)?.properties.userPrincipalName ?? '';
    tenant.users.update(bad, { jobTitle: 'Chief' });

    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: people - 1, failed: 1 } });
    expect(await world.rows()).toHaveLength(people - 1);
    const [mail] = world.sandbox.mailbox.mails();
    expect(mail?.text).toContain(name);
    expect(mail?.text).toContain('no_chiefs');
    const { rows } = await world.pool.query('select entra_id, reason from maptician_sync.escrow');
    expect(rows).toEqual([{ entra_id: bad, reason: expect.stringContaining('no_chiefs') }]);

    tenant.users.update(ids[7] ?? '', { jobTitle: 'Surveyor' });
    expect(await world.sync(), 'everybody else goes on').toMatchObject({ exit: 1, counts: { updated: 1, failed: 1 } });
    expect(subjects(), 'the same failure is told of once').toHaveLength(1);

    tenant.users.update(bad, { jobTitle: 'Surveyor' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, failed: 0 } });
    expect(await world.rows()).toHaveLength(people);
    expect(subjects(), 'and its end by one more mail').toHaveLength(2);
    expect((await world.sync()).exit).toBe(0);
    expect(subjects()).toHaveLength(2);
  });
});

describe('a client secret that is refused', () => {
  it('stops the cycle with exit status 2 and one mail, however often it is tried, and one when it is well again', async () => {
    const { world, subjects } = await open(3);
    const { AZURE_CLIENT_SECRET: secret = '' } = world.settings;
    await world.restart({ AZURE_CLIENT_SECRET: 'not-the-secret' });
    for (let run = 1; run <= 3; run++) {
      expect(await world.sync()).toMatchObject({ exit: 2, error: { code: 'Unauthorized' } });
      await world.restart();
    }
    expect(subjects()).toEqual([expect.stringContaining('Unauthorized')]);
    const [mail] = world.sandbox.mailbox.mails();
    expect(`${mail?.text}${mail?.html}${world.log.join('')}`).not.toContain('not-the-secret');
    await world.restart({ AZURE_CLIENT_SECRET: secret });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
    expect(subjects()).toHaveLength(2);
  });
});

describe('an authority that fails', () => {
  it.each([
    { path: '*/openid-configuration', fault: { kind: 'cut' } },
    { path: '*/token', fault: { kind: 'truncated' } },
    { path: '*/token', fault: { kind: 'status', status: 503 } },
    { path: '*/token', fault: { kind: 'reset' } },
  ] as const)('once with $fault.kind at $path is asked again', async (rule) => {
    const { world } = await open(3);
    world.sandbox.faults.inject(rule);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
  });

  it('for long is not mistaken for one that refuses', async () => {
    const { world } = await open(3);
    world.sandbox.faults.inject({ path: '*/token', times: 100, fault: { kind: 'status', status: 503 } });
    expect(await world.sync()).toMatchObject({ exit: 2, error: { code: 'Unreachable' } });
  });
});

describe('a user store that refuses the password', () => {
  /** A role of its own for the user store, and what takes its password away. */
  async function openWithRole() {
    const opened = await open(3);
    const { world } = opened;
    const role = `store_${randomUUID().replaceAll('-', '')}`;
    await world.pool.query(`create role ${role} login password 'right'`);
    await world.pool.query(`grant create on database ${new URL(world.databaseUrl).pathname.slice(1)} to ${role}`);
    const url = new URL(world.databaseUrl);
    url.username = role;
    url.password = 'right';
    const refuse = async () => {
      await world.pool.query(`alter role ${role} password 'another'`);
      await world.pool.query('select pg_terminate_backend(pid) from pg_stat_activity where usename = $1', [role]);
    };
    await world.restart({ MAPTICIAN_DATABASE_URL: url.href });
    return { ...opened, refuse };
  }

  it('while the service runs stops the cycle with exit status 2 and one mail; nobody is blamed for it', async () => {
    const { world, tenant, refuse, subjects } = await openWithRole();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 3 } });
    await refuse();
    addPerson(tenant);
    for (let run = 1; run <= 2; run++)
      expect(await world.sync()).toMatchObject({ exit: 2, error: { code: 'Unauthorized' }, counts: { failed: 0 } });
    expect(subjects()).toEqual([expect.stringContaining('Unauthorized')]);
  });

  it('from the start ends the command with 2, one mail, and a message that names the store, not the password', async () => {
    const { world, refuse, subjects } = await openWithRole();
    await refuse();
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), 'sync', '--json'], {
      env: { PATH: process.env.PATH, ...world.settings },
    });
    const [stderr, [status]] = await Promise.all([text(child.stderr), once(child, 'close')]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/user store|MAPTICIAN_DATABASE_URL/);
    expect(stderr).not.toContain('right');
    expect(subjects()).toEqual([expect.stringContaining('Unauthorized')]);
  });
});

describe('Retry-After', () => {
  it.each([
    { named: 'a fraction of a second', retryAfter: 0.4, earliest: (at: number) => at + 400 },
    { named: 'whole seconds', retryAfter: 1, earliest: (at: number) => at + 1000 },
    // An HTTP date has no fraction of a second.
    { named: 'an HTTP date', retryAfter: { date: 2 }, earliest: (at: number) => Math.floor(at / 1000 + 2) * 1000 },
  ])('as $named is waited for, by a request and by one inside a batch, and is no failure', async (given) => {
    const { world, tenant } = await open(2);
    expect((await world.sync()).exit).toBe(0);
    const hired = addPerson(tenant);
    const fault = { kind: 'status', status: 429, retryAfter: given.retryAfter } as const;
    for (const path of ['/users/delta', `/users/${hired}`]) world.sandbox.faults.inject({ path, fault });
    world.sandbox.requests.clear();
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, failed: 0 } });
    for (const path of ['/users/delta', `/users/${hired}`]) {
      const tries = world.sandbox.requests.entries.filter((entry) => entry.path === path);
      expect(tries.map(({ status }) => status)).toEqual([429, 200]);
      const [first, second] = tries.map(({ at }) => at);
      expect(second).toBeGreaterThanOrEqual(given.earliest(first ?? 0));
    }
  });
});
