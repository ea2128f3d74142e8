import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addUser, openGraph, type TestGraph } from './support.ts';

const select = '/groups/delta?$select=displayName,members';

let graph: TestGraph;
beforeEach(async () => {
  graph = await openGraph({ behaviour: { memberPageSize: 4 } });
});
afterEach(() => graph[Symbol.asyncDispose]());

const userMember = (id: string): object => ({ '@odata.type': '#microsoft.graph.user', id });
const removed = (id: string): object => ({ ...userMember(id), '@removed': { reason: 'deleted' } });
const groupWith = (members: number): { id: string; memberIds: string[] } => {
  const { id } = graph.tenant.groups.create({ displayName: 'Team' });
  const memberIds = Array.from({ length: members }, () => addUser(graph.tenant));
  for (const memberId of memberIds) graph.tenant.groups.addMember(id, memberId);
  return { id, memberIds };
};

describe('groups/delta', () => {
  it('tells the members of a group, and no members key for a group without', async () => {
    const { id, memberIds } = groupWith(2);
    const empty = graph.tenant.groups.create({ displayName: 'Empty' }).id;
    expect((await graph.round(select)).entries).toEqual([
      { id, displayName: 'Team', 'members@delta': memberIds.map(userMember) },
      { id: empty, displayName: 'Empty' },
    ]);
  });

  it('spreads a large group over pages, another slice of the members on each', async () => {
    const { id, memberIds } = groupWith(10);
    const { pages } = await graph.round(select);
    expect(pages.map((page) => page.map((entry) => entry.id))).toEqual([[id], [id], [id]]);
    const slices = pages.flat().map((entry) => entry['members@delta']);
    expect(slices).toEqual(
      [memberIds.slice(0, 4), memberIds.slice(4, 8), memberIds.slice(8)].map((slice) => slice.map(userMember)),
    );
  });

  it('loses no member when others leave between two pages', async () => {
    const { id, memberIds } = groupWith(10);
    const first = await graph.get(select);
    graph.tenant.groups.removeMember(id, memberIds[0] ?? '');
    graph.tenant.groups.removeMember(id, memberIds[1] ?? '');
    const rest = await graph.round(first.body['@odata.nextLink'] ?? '');
    expect(rest.entries.flatMap((entry) => entry['members@delta'])).toEqual(memberIds.slice(4).map(userMember));
    expect((await graph.round(rest.deltaLink)).entries).toEqual([
      { id, displayName: 'Team', 'members@delta': memberIds.slice(0, 2).map(removed) },
    ]);
  });

  it('tells who joined and who left, each once and as it is now', async () => {
    const { id, memberIds } = groupWith(2);
    const [stays = '', leaves = ''] = memberIds;
    const joins = addUser(graph.tenant);
    const { deltaLink } = await graph.round(select);
    graph.tenant.groups.addMember(id, joins);
    graph.tenant.groups.removeMember(id, leaves);
    graph.tenant.groups.removeMember(id, stays);
    graph.tenant.groups.addMember(id, stays);
    expect((await graph.round(deltaLink)).entries).toEqual([
      { id, displayName: 'Team', 'members@delta': [userMember(joins), removed(leaves), userMember(stays)] },
    ]);
  });

  it('tells a nested group as one member and follows it no further', async () => {
    const inner = groupWith(3);
    const outer = graph.tenant.groups.create({ displayName: 'Outer' }).id;
    graph.tenant.groups.addMember(outer, inner.id);
    const { entries } = await graph.round(`${select}&$filter=id eq '${outer}'`);
    expect(entries).toEqual([
      { id: outer, displayName: 'Outer', 'members@delta': [{ '@odata.type': '#microsoft.graph.group', id: inner.id }] },
    ]);
  });

  it('is silent about a soft-deleted member until the member is purged', async () => {
    const { id, memberIds } = groupWith(1);
    const [member = ''] = memberIds;
    const start = await graph.round(select);
    graph.tenant.users.delete(member);
    const silent = await graph.round(start.deltaLink);
    expect(silent.entries).toEqual([]);
    graph.tenant.purgeUser(member);
    expect((await graph.round(silent.deltaLink)).entries).toEqual([
      { id, displayName: 'Team', 'members@delta': [removed(member)] },
    ]);
  });

  it('can be silent about a purged member altogether', async () => {
    const { memberIds } = groupWith(1);
    const { deltaLink } = await graph.round(select);
    graph.sandbox.behaviour.reportPurgedMembers = false;
    graph.tenant.purgeUser(memberIds[0] ?? '');
    expect((await graph.round(deltaLink)).entries).toEqual([]);
  });

  it('tells of a member again who was in the recycle bin during the first round', async () => {
    const { id, memberIds } = groupWith(1);
    const [member = ''] = memberIds;
    graph.tenant.users.delete(member);
    const start = await graph.round(select);
    expect(start.entries).toEqual([{ id, displayName: 'Team' }]);
    graph.tenant.restoreUser(member);
    expect((await graph.round(start.deltaLink)).entries).toEqual([
      { id, displayName: 'Team', 'members@delta': [userMember(member)] },
    ]);
  });

  it('tells a deleted security group as deleted and a Microsoft 365 group as changed', async () => {
    const security = graph.tenant.groups.create({ displayName: 'S' }).id;
    const unified = graph.tenant.groups.create({ displayName: 'M', kind: 'microsoft365' }).id;
    const { deltaLink } = await graph.round(select);
    graph.tenant.deleteGroup(security);
    graph.tenant.deleteGroup(unified);
    expect((await graph.round(deltaLink)).entries).toEqual([
      { id: security, '@removed': { reason: 'deleted' } },
      { id: unified, '@removed': { reason: 'changed' } },
    ]);
  });

  it('leaves membership out when members are not selected', async () => {
    const { id, memberIds } = groupWith(2);
    const { entries, deltaLink } = await graph.round('/groups/delta?$select=displayName');
    expect(entries).toEqual([{ id, displayName: 'Team' }]);
    graph.tenant.groups.removeMember(id, memberIds[0] ?? '');
    expect((await graph.round(deltaLink)).entries).toEqual([]);
  });
});
