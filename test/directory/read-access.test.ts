import { expect, it } from 'vitest';
import { GraphError } from '../../src/directory/graph-client.ts';
import type { KnownAccess } from '../../src/directory/known-access.ts';
import { type AccessContext, readAccess } from '../../src/directory/read-access.ts';

const id = '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b01';
const group = '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b02';
const app = '5b1c1c8c-6f0e-4d53-9f0a-1d0c9a0f2b03';
const role = '00000000-0000-0000-0000-000000000000';

const row = (principalId: string) => ({
  principalId,
  principalType: principalId === group ? 'Group' : 'User',
  appRoleId: role,
  resourceId: app,
});
const member = { id: group, '@odata.type': '#microsoft.graph.group' };

/** What Graph answers to each question, several answers in turn; undefined is 403. */
interface Answers {
  readonly own?: readonly object[] | undefined;
  readonly app?: readonly (readonly object[])[];
  readonly memberOf?: readonly object[];
  readonly members?: readonly object[];
  readonly groupOwn?: readonly object[];
}

function contextOf(answers: Answers, known: KnownAccess): { context: AccessContext; asked: string[] } {
  const asked: string[] = [];
  const lists = [...(answers.app ?? [])];
  const answer = (path: string): readonly object[] | undefined => {
    if (path.startsWith(`/users/${id}/appRoleAssignments`)) return answers.own;
    if (path.startsWith(`/groups/${group}/appRoleAssignments`)) return answers.groupOwn ?? [];
    if (path.startsWith('/servicePrincipals/')) return lists.shift() ?? [];
    if (path.startsWith(`/users/${id}/memberOf`)) return answers.memberOf ?? [];
    return answers.members ?? [];
  };
  return {
    asked,
    context: {
      nestedGroups: false,
      filterGroups: [],
      servicePrincipalId: app,
      mirror: { everyone: false },
      graph: {
        origin: 'https://graph.example',
        get: async (path, schema) => {
          asked.push(path.split('?')[0] ?? '');
          const value = answer(path);
          if (value === undefined) throw new GraphError(403, [], new Headers());
          return schema.parse({ value });
        },
      },
      known: async () => known,
    },
  };
}

const nowhere: KnownAccess = { direct: false, groups: [], memberships: [] };
const direct: KnownAccess = { ...nowhere, direct: true };
const inGroup: KnownAccess = { ...nowhere, groups: [group], memberships: [group] };
const kept = { direct: false, memberships: [], groupAssignments: [] };

it.each<{ when: string; answers: Answers; known: KnownAccess; read: object }>([
  {
    when: 'the own list has an assignment',
    answers: { own: [row(id)] },
    known: nowhere,
    read: { roles: [role], groups: [], unconfirmed: false },
  },
  {
    when: 'the own list is empty',
    answers: { own: [] },
    known: direct,
    read: { roles: [], ended: { ...kept, direct: true }, unconfirmed: false },
  },
  {
    when: "the app's list lacks the user once",
    answers: { app: [[], [row(id)]] },
    known: direct,
    read: { roles: [], ended: kept, unconfirmed: true },
  },
  {
    when: "the app's list lacks the user twice",
    answers: { app: [[], []] },
    known: direct,
    read: { ended: { ...kept, direct: true }, unconfirmed: false },
  },
  {
    when: "the app's list looks cut off",
    answers: { app: [Array.from({ length: 999 }, () => row(role)), []] },
    known: direct,
    read: { ended: kept, unconfirmed: true },
  },
  {
    when: 'a group is not among the own groups, and its members lack the user, too',
    answers: { app: [[row(group)]], members: [] },
    known: inGroup,
    read: { groups: [], ended: { memberships: [group], groupAssignments: [] }, unconfirmed: false },
  },
  {
    when: 'a group is not among the own groups, and its members have the user',
    answers: { app: [[row(group)]], members: [{ id }] },
    known: inGroup,
    read: { ended: { memberships: [], groupAssignments: [] }, unconfirmed: true },
  },
  {
    when: 'the group is assigned no more, and says so itself',
    answers: { own: [], memberOf: [member], groupOwn: [] },
    known: inGroup,
    read: { ended: { ...kept, direct: true, groupAssignments: [group] }, unconfirmed: false },
  },
  {
    when: 'the own list lacks the group that says it is assigned',
    answers: { own: [], memberOf: [member], groupOwn: [row(group)] },
    known: inGroup,
    read: { ended: { ...kept, direct: true, groupAssignments: [] }, unconfirmed: true },
  },
])('of one user, when $when', async ({ answers, known, read }) => {
  expect(await readAccess(contextOf({ own: undefined, ...answers }, known).context, id)).toMatchObject(read);
});

it('asks no more than needed where access stays', async () => {
  const { context, asked } = contextOf({ own: [row(group)], memberOf: [member] }, { ...inGroup, direct: true });
  expect(await readAccess(context, id)).toMatchObject({
    groups: [{ id: group, name: null, roles: [role] }],
    ended: { direct: true, memberships: [], groupAssignments: [] },
  });
  expect(asked.sort()).toEqual([`/users/${id}/appRoleAssignments`, `/users/${id}/memberOf`]);
});
