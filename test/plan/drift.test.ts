import { describe, expect, it } from 'vitest';
import { parseAttributeTable } from '../../src/mapping/attribute-table.ts';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import type { Link, PlanRules, Subject } from '../../src/plan/decide.ts';
import { driftOf } from '../../src/plan/drift.ts';

const table = parseAttributeTable(
  `attributes:
  - { target: userName, source: userPrincipalName, matching: 1 }
  - { target: active, expression: 'IIF([IsSoftDeleted] = "True" OR [department] = "Field", "False", "True")' }
  - { target: title, source: jobTitle }
  - { target: userType, source: userType, nulls: keep }
  - { target: name.givenName, default: Nobody }
  - { target: name.familyName, source: surname, apply: create }
  - { target: 'addresses[type eq "work"].region', expression: 'FormatDateTime([state], , "yyyy", "yy")' }
`,
  'table.yaml',
);
const rules: PlanRules = {
  table,
  flowNulls: true,
  hardDelete: 'delete',
  deleteInactiveAfterDays: undefined,
  skipOutOfScope: false,
};
const id = '0f7b3f5e-6a3c-4a7e-9f53-0a4f4c1d2e3f';
const applied: UserAttributes = { userName: 'ada@a.example', active: true, title: 'Chief', 'name.givenName': 'Ada' };
const link: Link = { mapticianId: 'm1', active: true, applied };
const inactive: Link = { ...link, active: false, applied: { ...applied, active: false } };

interface World {
  readonly user?: Partial<Subject>;
  readonly properties?: Partial<Subject['source']>;
  readonly link?: Link;
  /** Over what was applied; null: the account is gone. */
  readonly stored: UserAttributes | null;
  readonly rules?: Partial<PlanRules>;
}

function lookAt({ user = {}, properties = {}, link: linked = link, stored, rules: other = {} }: World) {
  const source = { id, userPrincipalName: 'ada@a.example', accountEnabled: true, jobTitle: 'Chief', ...properties };
  const base: Subject = {
    id,
    presence: 'live',
    inScope: true,
    filteredOut: false,
    source,
    link: linked,
    rejectedRemoval: null,
    graceOver: false,
  };
  const found = stored === null ? undefined : { ...linked.applied, ...stored };
  const account = { stored: found, applied: found ?? linked.applied };
  return driftOf({ ...base, ...user, link: linked }, account, { ...rules, ...other });
}

describe('drift of one user', () => {
  it.each<[string, World, string | undefined]>([
    ['is none where everything is as it was applied', { stored: {} }, undefined],
    ['is another value', { stored: { title: 'Boss' } }, 'changed'],
    ['is a value that is gone', { stored: { title: null } }, 'changed'],
    [
      'is a value where there is to be none',
      {
        properties: { jobTitle: null },
        link: { ...link, applied: { ...applied, title: null } },
        stored: { title: 'Boss' },
      },
      'changed',
    ],
    ['is an account that is gone', { stored: null }, 'missing'],
    ['is an inactive account that is to be active', { stored: { active: false } }, 'access'],
    [
      'is an active account that was deactivated',
      { user: { inScope: false }, link: inactive, stored: { active: true } },
      'access',
    ],
    ['is none where a server does not show who is active', { stored: { active: null } }, undefined],
    [
      'is none of the values of a deactivated account',
      { user: { inScope: false }, link: inactive, stored: { title: 'Ex' } },
      undefined,
    ],
    [
      'is none where who is about to lose access has lost it',
      { user: { inScope: false }, stored: { active: false } },
      undefined,
    ],
    [
      'is none where the table has them inactive, and they are',
      { properties: { department: 'Field' }, stored: { active: false } },
      undefined,
    ],
    [
      'is none where nulls do not flow',
      {
        properties: { jobTitle: null },
        link: { ...link, applied: { ...applied, title: null } },
        stored: { title: 'Boss' },
        rules: { flowNulls: false },
      },
      undefined,
    ],
    ['is none where the row keeps what is there', { stored: { userType: 'Guest' } }, undefined],
    [
      'is none where a default has filled, and somebody wrote over it',
      { stored: { 'name.givenName': 'Eve' } },
      undefined,
    ],
    ['is a default that is gone', { stored: { 'name.givenName': null } }, 'changed'],
    ['is none of what applies at creation only', { stored: { 'name.familyName': 'New' } }, undefined],
    ['is none of what the table does not write', { stored: { externalId: 'x' } }, undefined],
    [
      'is seen though an expression has no value',
      { properties: { state: 'no date' }, stored: { title: 'Boss' } },
      'changed',
    ],
  ])('%s', (_what, world, kind) => {
    expect(lookAt(world)?.kind).toBe(kind);
  });

  it('is another one when another value is found, and shows no value that is shown nowhere', () => {
    const hidden: Link = { ...link, redacted: ['title'] };
    const [one, same, other] = ['Boss', 'Boss', 'CEO'].map((title) => lookAt({ link: hidden, stored: { title } }));
    expect(one).toMatchObject({ before: { title: '[Redact]' }, after: { title: '[Redact]' }, found: same?.found });
    expect(other?.found).not.toBe(one?.found);
  });
});
