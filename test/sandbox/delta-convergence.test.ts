import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createClock } from '../../src/sandbox/clock.ts';
import { behaviourSchema } from '../../src/sandbox/graph/behaviour.ts';
import { createTenant, type Tenant } from '../../src/sandbox/tenant.ts';
import { addUser, type Entity, openGraph, type TestGraph } from './support.ts';

/** A client that knows the rules: the last entry of a user wins, a removal removes, members come and go. */
interface Replica {
  readonly users: Map<string, Entity>;
  readonly members: Map<string, Set<string>>;
}

interface MemberEntry {
  readonly id: string;
  readonly '@removed'?: unknown;
}

function applyUsers(replica: Replica, entries: readonly Entity[]): void {
  for (const entry of entries) {
    const id = entry.id ?? '';
    if (entry['@removed']) replica.users.delete(id);
    else replica.users.set(id, entry);
  }
}

function applyGroups(replica: Replica, entries: readonly Entity[]): void {
  for (const entry of entries) {
    const id = entry.id ?? '';
    if (entry['@removed']) {
      replica.members.delete(id);
      continue;
    }
    const members = replica.members.get(id) ?? new Set<string>();
    replica.members.set(id, members);
    for (const member of (entry['members@delta'] ?? []) as readonly MemberEntry[]) {
      if (member['@removed']) members.delete(member.id);
      else members.add(member.id);
    }
  }
}

const usersOf = (tenant: Tenant): Map<string, Entity> =>
  new Map(
    [...tenant.users.all.values()]
      .filter((user) => user.deletedAt === undefined)
      .map(({ id, properties: { displayName, jobTitle } }) => [
        id,
        { id, displayName, ...(jobTitle === undefined ? {} : { jobTitle }) },
      ]),
  );
const membersOf = (tenant: Tenant): Map<string, Set<string>> =>
  new Map([...tenant.groups.all.values()].map((group) => [group.id, new Set(tenant.membersOf(group))]));
/** Soft-deleted members stay in a replica that has seen them: groups/delta is silent about them. */
const aliveMembers = (tenant: Tenant, replica: Replica): Map<string, Set<string>> =>
  new Map(
    [...replica.members].map(([id, members]) => [
      id,
      new Set([...members].filter((member) => tenant.users.find(member) ?? tenant.groups.find(member))),
    ]),
  );

const changeArbitrary = fc.record({
  kind: fc.constantFrom(
    'add',
    'rename',
    'clear',
    'delete',
    'restore',
    'purge',
    'join',
    'leave',
    'newGroup',
    'dropGroup',
  ),
  user: fc.nat(),
  group: fc.nat(),
  value: fc.string({ minLength: 1, maxLength: 5 }),
});
type Change = typeof changeArbitrary extends fc.Arbitrary<infer T> ? T : never;

function change(tenant: Tenant, { kind, user, group, value }: Change): void {
  const { users, groups } = tenant;
  const alive = [...users.all.values()].filter(({ deletedAt }) => deletedAt === undefined);
  const person = alive[user % alive.length];
  const deleted = [...users.deleted.keys()];
  const binned = deleted[user % deleted.length];
  const team = [...groups.all.values()][group % groups.all.size];
  if (kind === 'add') addUser(tenant, { displayName: value });
  else if (kind === 'rename' && person) users.update(person.id, { displayName: value, jobTitle: value });
  else if (kind === 'clear' && person) users.update(person.id, { jobTitle: null });
  else if (kind === 'delete' && person) users.delete(person.id);
  else if (kind === 'restore' && binned) tenant.restoreUser(binned);
  else if (kind === 'purge') {
    const victim = binned ?? person?.id;
    if (victim) tenant.purgeUser(victim);
  } else if (kind === 'join' && person && team) groups.addMember(team.id, person.id);
  else if (kind === 'leave' && person && team?.hasMember(person.id)) groups.removeMember(team.id, person.id);
  else if (kind === 'newGroup') groups.create({ displayName: value });
  else if (kind === 'dropGroup' && team && groups.all.size > 1) tenant.deleteGroup(team.id);
}

/** Reads a round page by page and makes a few changes after each page. */
async function readRound(
  graph: TestGraph,
  link: string,
  apply: (entries: readonly Entity[]) => void,
  changes: Change[],
): Promise<string> {
  let next = link;
  for (let pages = 0; pages < 1000; pages++) {
    const { body } = await graph.get(next);
    apply(body.value ?? []);
    for (const step of changes.splice(0, 2)) change(graph.tenant, step);
    if (body['@odata.deltaLink'] !== undefined) return body['@odata.deltaLink'];
    next = body['@odata.nextLink'] ?? '';
  }
  throw new Error('The round does not end.');
}

it('lets a client that follows the rules end up with the tenant, whatever happens and whenever', async () => {
  const clock = createClock(() => Date.UTC(2026, 0, 1));
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(changeArbitrary, { maxLength: 12 }), { minLength: 1, maxLength: 5 }),
      fc.record({
        userPageSize: fc.integer({ min: 1, max: 4 }),
        memberPageSize: fc.integer({ min: 1, max: 3 }),
        duplicates: fc.constantFrom(0, 0.5, 1),
        replay: fc.constantFrom(0, 3),
        emptyPages: fc.constantFrom(0, 0.5),
        emptyLastPage: fc.boolean(),
        shuffle: fc.boolean(),
        removedInFirstRound: fc.boolean(),
      }),
      async (batches, knobs) => {
        const tenant = createTenant({ clock });
        const behaviour = behaviourSchema.parse(knobs);
        await using graph = await openGraph({ tenant, clock, behaviour });
        for (let number = 0; number < 6; number++) addUser(tenant);
        for (const name of ['a', 'b', 'c']) tenant.groups.create({ displayName: name });
        const replica: Replica = { users: new Map(), members: new Map() };
        let users = '/users/delta?$select=displayName,jobTitle';
        let groups = '/groups/delta?$select=displayName,members';
        for (const batch of [...batches, [], []]) {
          const half = Math.floor(batch.length / 2);
          users = await readRound(graph, users, (entries) => applyUsers(replica, entries), batch.slice(0, half));
          groups = await readRound(graph, groups, (entries) => applyGroups(replica, entries), batch.slice(half));
        }
        expect(replica.users).toEqual(usersOf(tenant));
        expect(aliveMembers(tenant, replica)).toEqual(membersOf(tenant));
      },
    ),
    { numRuns: 60 },
  );
});
