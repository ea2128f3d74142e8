import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUser, openGraph, type TestGraph } from './support.ts';

const select = '/users/delta?$select=displayName,jobTitle,businessPhones,accountEnabled';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph({ behaviour: { userPageSize: 3 } });
});
afterEach(() => graph[Symbol.asyncDispose]());

describe('the first round of users/delta', () => {
  it('tells every user, in pages, and ends with a delta link', async () => {
    const ids = Array.from({ length: 8 }, () => addUser(graph.tenant));
    const round = await graph.round(select);
    expect(round.pages.map((page) => page.length)).toEqual([3, 3, 2]);
    expect(round.entries.map(({ id }) => id)).toEqual(ids);
    expect(round.deltaLink).toMatch(/\/v1\.0\/users\/delta\?\$deltatoken=/);
  });

  it('leaves out what was never set and gives null, or an empty list, for what was cleared', async () => {
    const never = addUser(graph.tenant);
    const cleared = addUser(graph.tenant, { jobTitle: 'Cook', businessPhones: ['1'] });
    graph.tenant.users.update(cleared, { jobTitle: null, businessPhones: null });
    const { entries } = await graph.round(select);
    expect(entries).toEqual([
      { id: never, displayName: 'user1', accountEnabled: true },
      { id: cleared, displayName: 'user2', accountEnabled: true, jobTitle: null, businessPhones: [] },
    ]);
  });

  it('leaves out who was deleted before it', async () => {
    const gone = addUser(graph.tenant);
    const purged = addUser(graph.tenant);
    graph.tenant.users.delete(gone);
    graph.tenant.purgeUser(purged);
    expect((await graph.round(select)).entries).toEqual([]);
  });

  it('names the selected properties in its context on the first page only', async () => {
    for (let number = 0; number < 4; number++) addUser(graph.tenant);
    const first = await graph.get(select);
    const second = await graph.get(first.body['@odata.nextLink'] ?? '');
    expect(first.body['@odata.context']).toMatch(/#users\(displayName,jobTitle,businessPhones,accountEnabled\)$/);
    expect(second.body['@odata.context']).toMatch(/#users$/);
  });

  it('tells only the users its filter names', async () => {
    const [first, , third] = [addUser(graph.tenant), addUser(graph.tenant), addUser(graph.tenant)];
    const { entries, deltaLink } = await graph.round(`${select}&$filter=id eq '${first}' or id eq '${third}'`);
    expect(entries.map(({ id }) => id)).toEqual([first, third]);
    for (const { id } of [...graph.tenant.users.all.values()]) graph.tenant.users.update(id, { jobTitle: 'New' });
    expect((await graph.round(deltaLink)).entries.map(({ id }) => id)).toEqual([first, third]);
  });

  it.each(['/users/microsoft.graph.delta', '/users/delta/', '/users/delta()'])('answers to %s too', async (path) => {
    const id = addUser(graph.tenant);
    expect((await graph.round(`${path}?$select=displayName`)).entries).toEqual([{ id, displayName: 'user1' }]);
  });

  it('ignores $top', async () => {
    for (let number = 0; number < 4; number++) addUser(graph.tenant);
    expect((await graph.get(`${select}&$top=1`)).body.value).toHaveLength(3);
  });

  it('is skipped by $deltatoken=latest, which only notes the place', async () => {
    const id = addUser(graph.tenant);
    const start = await graph.round('/users/delta?$select=displayName&$deltatoken=latest');
    expect(start.entries).toEqual([]);
    graph.tenant.users.update(id, { displayName: 'Renamed' });
    expect((await graph.round(start.deltaLink)).entries).toEqual([{ id, displayName: 'Renamed' }]);
  });
});

describe('a later round of users/delta', () => {
  const begin = async (): Promise<{ id: string; link: string }> => {
    const id = addUser(graph.tenant, { jobTitle: 'Cook' });
    return { id, link: (await graph.round(select)).deltaLink };
  };

  it('is empty when nothing happened, and hands out a new link', async () => {
    const { link } = await begin();
    const idle = await graph.round(link);
    expect(idle.entries).toEqual([]);
    expect(idle.deltaLink).not.toBe(link);
  });

  it('tells a created user', async () => {
    const { link } = await begin();
    const id = addUser(graph.tenant);
    expect((await graph.round(link)).entries).toEqual([{ id, displayName: 'user2', accountEnabled: true }]);
  });

  it('tells a changed user once, whole, as it is now', async () => {
    const { id, link } = await begin();
    graph.tenant.users.update(id, { displayName: 'One' });
    graph.tenant.users.update(id, { jobTitle: null });
    expect((await graph.round(link)).entries).toEqual([
      { id, displayName: 'One', jobTitle: null, accountEnabled: true },
    ]);
  });

  it('tells only what changed when asked for the minimum', async () => {
    const { id, link } = await begin();
    graph.tenant.users.update(id, { jobTitle: null });
    graph.tenant.users.update(id, { accountEnabled: false, city: 'Rome' });
    const created = addUser(graph.tenant);
    expect((await graph.round(link, { prefer: 'return=minimal' })).entries).toEqual([
      { id, jobTitle: null, accountEnabled: false },
      { id: created, displayName: 'user2', accountEnabled: true },
    ]);
  });

  it('is silent about a property that was not selected and about a change that changes nothing', async () => {
    const { id, link } = await begin();
    graph.tenant.users.update(id, { city: 'Rome', jobTitle: 'Cook' });
    expect((await graph.round(link)).entries).toEqual([]);
  });

  it('tells a soft deletion as changed, a purge as deleted, and a restored user in full', async () => {
    const { id, link } = await begin();
    graph.tenant.users.delete(id);
    const deleted = await graph.round(link);
    expect(deleted.entries).toEqual([{ id, '@removed': { reason: 'changed' } }]);
    graph.tenant.restoreUser(id);
    const restored = await graph.round(deleted.deltaLink, { prefer: 'return=minimal' });
    expect(restored.entries).toEqual([{ id, displayName: 'user1', jobTitle: 'Cook', accountEnabled: true }]);
    graph.tenant.purgeUser(id);
    expect((await graph.round(restored.deltaLink)).entries).toEqual([{ id, '@removed': { reason: 'deleted' } }]);
  });

  it('tells the purge of a soft-deleted user after thirty days', async () => {
    const { id, link } = await begin();
    graph.tenant.users.delete(id);
    graph.clock.advance(6 * 24 * 60 * 60 * 1000);
    let next = (await graph.round(link)).deltaLink;
    for (let day = 6; day < 29; day++) {
      graph.clock.advance(24 * 60 * 60 * 1000);
      const round = await graph.round(next);
      expect(round.entries).toEqual([]);
      next = round.deltaLink;
    }
    graph.clock.advance(24 * 60 * 60 * 1000);
    expect((await graph.round(next)).entries).toEqual([{ id, '@removed': { reason: 'deleted' } }]);
  });

  it('shows a change made in the middle of a round in that round or the next, and never loses it', async () => {
    const ids = Array.from({ length: 7 }, () => addUser(graph.tenant));
    const first = await graph.get(select);
    for (const id of ids) graph.tenant.users.update(id, { jobTitle: 'Changed' });
    const rest = await graph.round(first.body['@odata.nextLink'] ?? '');
    const next = await graph.round(rest.deltaLink);
    expect(rest.entries.every((entry) => entry.jobTitle === 'Changed')).toBe(true);
    expect(next.entries.map(({ id }) => id)).toEqual(ids);
  });

  it('says nothing of assignments', async () => {
    const { id, link } = await begin();
    graph.tenant.assign(id);
    graph.tenant.unassign(id);
    expect((await graph.round(link)).entries).toEqual([]);
  });
});
