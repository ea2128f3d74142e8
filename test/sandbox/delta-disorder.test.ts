import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUser, type Entity, openGraph, type TestGraph } from './support.ts';

const select = '/users/delta?$select=displayName,jobTitle';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph({ behaviour: { userPageSize: 5 } });
});
afterEach(() => graph[Symbol.asyncDispose]());

const fill = (count: number): string[] => Array.from({ length: count }, () => addUser(graph.tenant));
const ids = (entries: readonly Entity[]): (string | undefined)[] => entries.map(({ id }) => id);

describe('users/delta under disorder', () => {
  it('tells users twice, on the next page too', async () => {
    const all = fill(12);
    graph.sandbox.behaviour.duplicates = 1;
    const { pages, entries } = await graph.round(select);
    expect(new Set(ids(entries))).toEqual(new Set(all));
    expect(entries).toHaveLength(24);
    expect(ids(pages[1] ?? []).slice(0, 5)).toEqual(ids(pages[0] ?? []));
  });

  it('tells an older state before the newer one, never after it', async () => {
    const [id = ''] = fill(1);
    const { deltaLink } = await graph.round(select);
    graph.tenant.users.update(id, { jobTitle: 'First' });
    graph.tenant.users.update(id, { jobTitle: 'Second' });
    graph.sandbox.behaviour.duplicates = 1;
    expect((await graph.round(deltaLink)).entries).toEqual([
      { id, displayName: 'user1' },
      { id, displayName: 'user1', jobTitle: 'Second' },
    ]);
  });

  it('replays changes from before the link', async () => {
    const [first = '', second = ''] = fill(2);
    const start = await graph.round(select);
    graph.tenant.users.update(first, { jobTitle: 'Old news' });
    const { deltaLink } = await graph.round(start.deltaLink);
    graph.tenant.users.update(second, { jobTitle: 'News' });
    graph.sandbox.behaviour.replay = 1;
    expect(ids((await graph.round(deltaLink)).entries)).toEqual([first, second]);
  });

  it('tells of what was removed before the first round', async () => {
    const [stays = '', leaves = '', deleted = ''] = fill(3);
    const { groups } = graph.tenant;
    const team = groups.create({ displayName: 'Team' }).id;
    for (const id of [leaves, stays]) groups.addMember(team, id);
    groups.removeMember(team, leaves);
    graph.tenant.users.delete(deleted);
    graph.sandbox.behaviour.removedInFirstRound = true;
    expect((await graph.round(select)).entries).toContainEqual({ id: deleted, '@removed': { reason: 'changed' } });
    expect((await graph.round('/groups/delta?$select=members')).entries).toEqual([
      {
        id: team,
        'members@delta': [
          { '@odata.type': '#microsoft.graph.user', id: leaves, '@removed': { reason: 'deleted' } },
          { '@odata.type': '#microsoft.graph.user', id: stays },
        ],
      },
    ]);
  });

  it('leads on through empty pages', async () => {
    const all = fill(12);
    Object.assign(graph.sandbox.behaviour, { emptyPages: 1, emptyLastPage: true });
    const { pages, entries } = await graph.round(select);
    expect(pages.map((page) => page.length)).toEqual([0, 5, 0, 5, 0, 2, 0]);
    expect(ids(entries)).toEqual(all);
  });

  it('shuffles the entries of a page', async () => {
    const all = fill(200);
    Object.assign(graph.sandbox.behaviour, { shuffle: true, userPageSize: 200 });
    const { entries } = await graph.round(select);
    expect(ids(entries)).not.toEqual(all);
    expect(ids(entries).toSorted()).toEqual(all.toSorted());
  });

  it('keeps a change back for as long as the lag and then tells it', async () => {
    const [id = ''] = fill(1);
    graph.clock.advance(60_000);
    const start = await graph.round(select);
    graph.sandbox.behaviour.deltaLag = 30_000;
    graph.tenant.users.update(id, { jobTitle: 'Late' });
    const early = await graph.round(start.deltaLink);
    expect(early.entries).toEqual([]);
    graph.clock.advance(30_000);
    expect((await graph.round(early.deltaLink)).entries).toEqual([{ id, displayName: 'user1', jobTitle: 'Late' }]);
  });

  it('tells of a new user before it can be read', async () => {
    const start = await graph.round(select);
    graph.sandbox.behaviour.readLag = 5_000;
    const id = addUser(graph.tenant);
    expect(ids((await graph.round(start.deltaLink)).entries)).toEqual([id]);
    expect((await graph.get(`/users/${id}`)).status).toBe(404);
    graph.clock.advance(5_000);
    expect((await graph.get(`/users/${id}`)).status).toBe(200);
  });
});
