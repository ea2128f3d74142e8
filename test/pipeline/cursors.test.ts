import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { converge } from './converge.ts';
import { createOracle } from './oracle.ts';
import { addPerson, tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function openProvisioned(people = 12) {
  const { tenant, ids } = tenantOf(people);
  const world = await openWorld({ sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  cleanups.push(world.close);
  const oracle = createOracle(tenant);
  await converge(world, oracle);
  return { world, tenant, ids, oracle };
}

const deltaRequests = (world: World): string[] =>
  world.sandbox.requests.entries.filter(({ path }) => path === '/users/delta').map(({ url }) => url);

/** A server of somebody else's; `requests` holds the headers of whatever it is asked. */
async function openForeignServer() {
  const requests: unknown[] = [];
  const server = createServer((request, response) => {
    requests.push(request.headers);
    response.end('{}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => new Promise((resolve) => server.close(resolve)));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, requests };
}

describe('a cursor that is lost', () => {
  const cases = [
    { why: 'is answered with 410 and a Location', fault: { kind: 'gone' } },
    { why: 'is answered with 410 alone', fault: { kind: 'status', status: 410, code: 'resyncRequired' } },
    { why: 'is answered with syncStateNotFound', fault: { kind: 'status', status: 400, code: 'syncStateNotFound' } },
  ] as const;

  it.each(cases)('and $why is a new initial cycle that keeps the links and sees who left', async ({ fault }) => {
    const { world, tenant, ids, oracle } = await openProvisioned();
    const [patched = '', binned = '', purged = '', unassigned = ''] = ids;
    tenant.users.update(patched, { city: 'Reykjavík', mail: null });
    tenant.users.delete(binned);
    tenant.purgeUser(purged);
    tenant.unassign(unassigned);
    addPerson(tenant);
    world.sandbox.faults.inject({ path: '/users/delta', query: 'deltatoken=ey', fault });
    const { kind, counts } = await world.sync();
    expect(kind).toBe('initial');
    expect(counts).toMatchObject({ created: 1, updated: 1, deactivated: 2, deleted: 1, failed: 0 });
    await converge(world, oracle);
  });

  it('and is older than six days is not even tried', async () => {
    const { world, tenant, ids, oracle } = await openProvisioned();
    tenant.users.update(ids[0] ?? '', { jobTitle: null, department: 'Geodesy' });
    await world.pool.query(`update maptician_sync.cursors set issued_at = now() - interval '6 days 1 minute'`);
    world.sandbox.requests.clear();
    expect(await world.sync()).toMatchObject({ kind: 'initial', exit: 0, counts: { updated: 1 } });
    expect(deltaRequests(world).filter((url) => /deltatoken=ey/i.test(url))).toEqual([]);
    await converge(world, oracle);
  });

  it('by resync is forgotten; the links are kept and nothing is written', async () => {
    const { world } = await openProvisioned();
    const before = await world.rows();
    expect(await world.sync({ resync: true })).toMatchObject({ kind: 'initial', exit: 0, counts: { updated: 0 } });
    expect(await world.rows()).toEqual(before);
  });
});

describe('a link to another origin', () => {
  it.each([
    { where: 'nextLink', pages: { userPageSize: 1 }, path: '/users/delta' },
    { where: 'deltaLink', pages: {}, path: '/users/delta' },
    { where: 'nextLink of a list', pages: {}, path: '*/appRoleAssignedTo' },
  ])('in a $where is not followed, and the message says why', async ({ pages, path }) => {
    const { world, tenant, ids } = await openProvisioned(path.startsWith('*') ? 1000 : 12);
    const foreign = await openForeignServer();
    for (const id of ids.slice(0, 5)) tenant.users.update(id, { city: 'Elsewhere' });
    Object.assign(world.sandbox.behaviour, pages);
    world.sandbox.faults.inject({ path, fault: { kind: 'foreignLink', origin: foreign.origin } });
    const result = await world.sync();
    expect(result).toMatchObject({ exit: 2, error: { code: 'UntrustedLink' } });
    expect(result.error?.message).toContain(foreign.origin);
    expect(result.error?.message).toContain('no token was sent');
    expect(foreign.requests).toEqual([]);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { failed: 0 } });
    expect((await world.rows()).filter((row) => row.work_locality === 'Elsewhere')).toHaveLength(5);
  });

  it('in the Location of a 410 is not followed either', async () => {
    const { world } = await openProvisioned();
    const foreign = await openForeignServer();
    const fault = { kind: 'gone', origin: foreign.origin } as const;
    world.sandbox.faults.inject({ path: '/users/delta', query: 'deltatoken=ey', fault });
    expect(await world.sync()).toMatchObject({ exit: 2, error: { code: 'UntrustedLink' } });
    expect(foreign.requests).toEqual([]);
    expect(await world.sync()).toMatchObject({ exit: 0 });
  });
});

describe('a worker that is stopped in the middle of the pages', () => {
  it.each(['initial', 'incremental'])(
    'goes on at the page it was on in an %s cycle, not at the beginning',
    async (kind) => {
      const { world, tenant, ids, oracle } = await openProvisioned(40);
      for (const id of ids) tenant.users.update(id, { city: 'Ísafjörður' });
      world.sandbox.behaviour.userPageSize = 2;
      world.sandbox.requests.clear();
      const first = await stopAtPage(world, 7, kind === 'initial');
      expect(first.state).toBe('interrupted');
      await world.restart();
      expect((await world.sync()).exit).toBe(0);
      const pages = deltaRequests(world).filter((url) => /(skip|delta)token=ey/i.test(url));
      // What was under way when it was stopped may have been answered without having been written: a page and the next.
      const twice = pages.filter((url, index) => pages.indexOf(url) !== index);
      expect(twice.length).toBeLessThanOrEqual(2);
      expect(pages.length).toBeLessThanOrEqual(20 + 3);
      await converge(world, oracle);
    },
  );
});

async function stopAtPage(world: World, page: number, resync: boolean) {
  const stop = new AbortController();
  world.onRequest = () => {
    if (deltaRequests(world).length >= page) stop.abort(new Error('stopped by the test'));
  };
  const result = await world.sync({ resync, signal: stop.signal });
  world.onRequest = undefined;
  return result;
}
