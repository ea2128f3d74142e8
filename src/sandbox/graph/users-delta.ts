/** What users/delta tells of a user (https://learn.microsoft.com/graph/api/user-delta). */
import type { Change } from '../change-log.ts';
import type { TenantUser } from '../tenant.ts';
import { isUserProperty, type UserProperties } from '../user-properties.ts';
import { answerDelta, type DeltaSource, type DeltaView } from './delta.ts';
import type { GraphContext, GraphReply, GraphRequest } from './graph-request.ts';
import { selectedUserProperties } from './query.ts';
import { stamp } from './users.ts';

/** A reference, by its id alone. */
const managerDelta = (id: string | null): object[] =>
  id === null ? [] : [{ '@odata.type': '#microsoft.graph.user', id }];

export function usersDelta(context: GraphContext, request: GraphRequest): GraphReply {
  const { users } = context.tenant;
  let cached: { select: string | null; names: ReadonlySet<string> } | undefined;
  const namesOf = (select: string | null): ReadonlySet<string> => {
    if (cached?.select !== select) cached = { select, names: new Set(selectedUserProperties(select)) };
    return (cached as { names: ReadonlySet<string> }).names;
  };
  const counts = (change: Change, view: DeltaView): boolean =>
    change.event !== 'updated' || change.properties.some((name) => namesOf(view.select).has(name));
  /** The user's changes in this round, newest first. */
  const changesOf = (id: string, view: DeltaView): Change[] => {
    const changes: Change[] = [];
    for (let number = users.log.newest(id); view.since !== undefined && number > view.since; ) {
      const change = users.log.get(number);
      if (!change) break;
      if (change.number <= view.until && counts(change, view)) changes.push(change);
      number = change.previous;
    }
    return changes;
  };
  const entryOf = (
    { id, createdAt }: TenantUser,
    properties: Readonly<UserProperties>,
    names: Iterable<string>,
  ): object => {
    const entry: Record<string, unknown> = {};
    for (const name of names) {
      // Never set: left out. Cleared: null, or an empty list.
      if (name === 'manager') {
        if (properties.manager !== undefined) entry['manager@delta'] = managerDelta(properties.manager);
        continue;
      }
      if (isUserProperty(name) && properties[name] !== undefined) entry[name] = properties[name];
      if (name === 'createdDateTime') entry[name] = stamp(createdAt);
    }
    entry.id = id;
    return entry;
  };
  const tell = (id: string, view: DeltaView): object => {
    const user = users.get(id);
    if (!user) return { id, '@removed': { reason: 'deleted' } };
    if (user.deletedAt !== undefined) return { id, '@removed': { reason: 'changed' } };
    return entryOf(user, user.properties, namesToTell(user, view));
  };
  const namesToTell = (user: TenantUser, view: DeltaView): Iterable<string> => {
    const names = namesOf(view.select);
    if (!view.minimal) return names;
    const changes = changesOf(user.id, view);
    if (changes.some(({ event }) => event !== 'updated')) return names;
    return new Set(changes.flatMap(({ properties }) => properties.filter((name) => names.has(name))));
  };

  const source: DeltaSource = {
    set: 'users',
    log: users.log,
    pageSize: context.behaviour.userPageSize,
    end: users.all.end,
    idAt: (position) => users.all.at(position)?.id,
    isTold: (id) =>
      users.find(id) !== undefined || (context.behaviour.removedInFirstRound && users.get(id) !== undefined),
    check: (select) => void selectedUserProperties(select),
    counts,
    tell: (id, view) => ({ entry: tell(id, view), weight: 1 }),
    tellOlder(id, view) {
      const user = users.find(id);
      const changes = user ? changesOf(id, view) : [];
      if (!user || changes.some(({ event }) => event !== 'updated')) return undefined;
      const older: UserProperties = { ...user.properties };
      for (const { before } of changes) Object.assign(older, before);
      return entryOf(user, older, namesToTell(user, view));
    },
  };
  return answerDelta(context, request, source);
}
