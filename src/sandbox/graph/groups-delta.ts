/** What groups/delta tells of a group and its members (https://learn.microsoft.com/graph/api/group-delta). */
import type { Change } from '../change-log.ts';
import { answerDelta, type DeltaEntry, type DeltaSource, type DeltaView } from './delta.ts';
import { badRequest } from './graph-error.ts';
import type { GraphContext, GraphReply, GraphRequest } from './graph-request.ts';
import { groupPropertyNames, groupValue } from './group-properties.ts';
import { selectedNames } from './query.ts';

export function groupsDelta(context: GraphContext, request: GraphRequest): GraphReply {
  const { tenant, behaviour } = context;
  const { groups } = tenant;
  const namesOf = (select: string | null): readonly string[] =>
    selectedNames(select) ?? ['displayName', 'description', 'members'];
  const isMemberEvent = ({ event }: Change): boolean => event === 'memberAdded' || event === 'memberRemoved';

  const counts = (change: Change, { select }: DeltaView): boolean => {
    const names = namesOf(select);
    if (!isMemberEvent(change))
      return change.event !== 'updated' || change.properties.some((name) => names.includes(name));
    return names.includes('members') && change.member !== undefined && !isHidden(change.member);
  };
  /** Deleted for good: the service has been seen not to tell of it here. */
  const isHidden = (memberId: string): boolean =>
    !behaviour.reportPurgedMembers && tenant.typeOf(memberId) === undefined;
  /** Who came or went in this round, each once, in the order of their last change. */
  const movedMembers = (id: string, view: DeltaView): string[] => {
    const moved = new Set<string>();
    for (let number = groups.log.newest(id); number > (view.since ?? 0); ) {
      const change = groups.log.get(number);
      if (!change) break;
      const told = change.number <= view.until && isMemberEvent(change);
      if (told && change.member !== undefined) moved.add(change.member);
      number = change.previous;
    }
    return [...moved].reverse();
  };
  const memberEntry = (groupId: string, memberId: string): object => {
    const stays = groups.find(groupId)?.hasMember(memberId) ?? false;
    const entry = { '@odata.type': `#microsoft.graph.${tenant.typeOf(memberId) ?? 'user'}`, id: memberId };
    return stays ? entry : { ...entry, '@removed': { reason: 'deleted' } };
  };

  const tell = (id: string, view: DeltaView, offset: number, room: number): DeltaEntry | undefined => {
    const group = groups.find(id);
    if (!group) {
      const reason = groups.get(id)?.kind === 'microsoft365' ? 'changed' : 'deleted';
      return { entry: { id, '@removed': { reason } }, weight: 1 };
    }
    const entry: Record<string, unknown> = {};
    for (const name of namesOf(view.select)) {
      const value = name === 'members' ? undefined : groupValue(group, name);
      if (value !== undefined && value !== null) entry[name] = value;
    }
    entry.id = id;
    if (!namesOf(view.select).includes('members')) return { entry, weight: 1 };

    // The whole membership when the group is new to the reader, else who came or went.
    const created = view.since !== undefined && isNewIn(id, view.since);
    const moved = view.since === undefined || created ? undefined : movedMembers(id, view);
    const end = moved ? moved.length : group.members.end;
    const members: object[] = moved || offset > 0 ? [] : formerMembers(id, view);
    // Former members take no room: a page must always lead on.
    const limit = members.length + room;
    let position = offset;
    for (; position < end && members.length < limit; position++) {
      const memberId = moved ? moved[position] : group.members.at(position);
      if (memberId === undefined || (moved ? isHidden(memberId) : !isListed(memberId))) continue;
      members.push(memberEntry(id, memberId));
    }
    if (members.length > 0) entry['members@delta'] = members;
    return { entry, weight: Math.max(1, members.length), ...(position < end ? { next: position } : {}) };
  };
  /**
   * Those who have left, told first so that the order of entries alone says who is a member. In a later round always:
   * a replay may tell of the whole group to a reader who has known it for long.
   */
  const formerMembers = (id: string, view: DeltaView): object[] => {
    if (view.since === undefined && !behaviour.removedInFirstRound) return [];
    const left = movedMembers(id, { ...view, since: view.since ?? 0, until: groups.log.head });
    return left
      .filter((memberId) => !isHidden(memberId) && !groups.find(id)?.hasMember(memberId))
      .map((memberId) => memberEntry(id, memberId));
  };
  /** A soft-deleted user keeps the membership but is not told. */
  const isListed = (memberId: string): boolean =>
    tenant.users.find(memberId) !== undefined || tenant.typeOf(memberId) !== 'user';
  const isNewIn = (id: string, since: number): boolean => {
    for (let number = groups.log.newest(id); number > since; ) {
      const change = groups.log.get(number);
      if (!change) return false;
      if (change.event === 'created') return true;
      number = change.previous;
    }
    return false;
  };

  const source: DeltaSource = {
    set: 'groups',
    log: groups.log,
    pageSize: behaviour.memberPageSize,
    end: groups.all.end,
    idAt: (position) => groups.all.at(position)?.id,
    isTold: (id) => groups.find(id) !== undefined,
    check(select) {
      for (const name of namesOf(select)) {
        if (name === 'members' || name === 'id' || groupPropertyNames.includes(name)) continue;
        throw badRequest(`Could not find a property named '${name}' on type 'microsoft.graph.group'.`);
      }
    },
    counts,
    tell,
  };
  return answerDelta(context, request, source);
}
