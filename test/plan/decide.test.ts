import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAttributeTable } from '../../src/mapping/attribute-table.ts';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import { type Decision, decide, type Link, type PlanRules, type Subject } from '../../src/plan/decide.ts';

const table = parseAttributeTable(readFileSync('config/attributes.yaml', 'utf8'), 'attributes.yaml');
const withDefault = parseAttributeTable(
  readFileSync('config/attributes.yaml', 'utf8').replace('source: jobTitle', 'source: jobTitle\n    default: Employee'),
  'attributes.yaml',
);
const rich = parseAttributeTable(
  `attributes:
  - { target: userName, source: userPrincipalName, matching: 2 }
  - { target: active, expression: 'IIF([IsSoftDeleted] = "True" OR [department] = "Field", "False", "True")' }
  - { target: externalId, source: id, matching: 1 }
  - { target: title, expression: 'ToUpper([jobTitle])', nulls: keep }
  - { target: userType, expression: Guid(), apply: create }
  - { target: name.givenName, default: Nobody }
  - { target: name.familyName, expression: 'IgnoreFlowIfNullOrEmpty([mail])' }
  - { target: 'emails[type eq "work"].value', expression: 'Redact([mail])', nulls: clear, default: none }
  - { target: 'phoneNumbers[type eq "work"].value', source: 'businessPhones[0]', required: true }
  - { target: 'addresses[type eq "work"].region', expression: 'FormatDateTime([department], , "yyyy", "yy")' }
`,
  'rich.yaml',
);
const rules: PlanRules = {
  table,
  flowNulls: true,
  hardDelete: 'delete',
  deleteInactiveAfterDays: undefined,
  skipOutOfScope: false,
};
const off = parseAttributeTable(
  `${readFileSync('config/attributes.yaml', 'utf8')}\nactions: { create: false, update: false, delete: false }\n`,
  'attributes.yaml',
);
const id = '0f7b3f5e-6a3c-4a7e-9f53-0a4f4c1d2e3f';

const subject = (change: Partial<Subject>): Subject => ({
  id,
  presence: 'live',
  inScope: true,
  filteredOut: false,
  source: { id, userPrincipalName: 'ada@contoso.example', accountEnabled: true },
  link: null,
  rejectedRemoval: null,
  graceOver: false,
  ...change,
});

/** What the user store and the link hold once a decision has been carried out. */
function apply(decision: Decision, link: Link | null): Link | null {
  switch (decision.kind) {
    case 'delete':
      return null;
    case 'create':
    case 'update':
    case 'reactivate':
    case 'deactivate': {
      const applied: UserAttributes = { ...link?.applied, ...decision.attributes };
      return { mapticianId: link?.mapticianId ?? 'm1', applied, active: applied.active === true };
    }
    default:
      return link;
  }
}

describe('deciding about a user', () => {
  const created = decide(subject({}), rules);
  const link = apply(created, null);
  const inactive: Link = { mapticianId: 'm1', active: false, applied: { ...link?.applied, active: false } };
  const cases: [string, Partial<Subject>, Partial<PlanRules>, string][] = [
    ['a newly assigned user is created', {}, {}, 'create'],
    [
      'a disabled user is never created',
      { source: { id, userPrincipalName: 'a@b', accountEnabled: false } },
      {},
      'skip',
    ],
    ['nobody is created who is deleted', { presence: 'soft_deleted' }, {}, 'nothing'],
    ['nobody is created who is out of scope', { inScope: false }, {}, 'nothing'],
    ['a user without a matching value is a failure', { source: { id, accountEnabled: true } }, {}, 'fail'],
    ['a user that is as applied needs nothing', { link }, {}, 'nothing'],
    ['an unassigned user is deactivated', { link, inScope: false }, {}, 'deactivate'],
    ['a soft-deleted user is deactivated', { link, presence: 'soft_deleted' }, {}, 'deactivate'],
    ['a disabled user is deactivated', { link, source: { id, accountEnabled: false } }, {}, 'deactivate'],
    ['a purged user is deleted', { link, presence: 'purged' }, {}, 'delete'],
    [
      'a purged user is deleted also when unassigned before',
      { link: inactive, presence: 'purged', inScope: false },
      {},
      'delete',
    ],
    [
      'a purged user is deactivated by setting',
      { link, presence: 'purged' },
      { hardDelete: 'deactivate' },
      'deactivate',
    ],
    ['an inactive user out of scope needs nothing', { link: inactive, inScope: false }, {}, 'nothing'],
    ['an inactive user who has access again is reactivated', { link: inactive }, {}, 'reactivate'],
    ['a removal that was rejected is left alone', { link, inScope: false, rejectedRemoval: 'deactivate' }, {}, 'skip'],
    ['whoever does not pass the filters is not created, and that is told', { filteredOut: true }, {}, 'skip'],
    ['whoever does not pass the filters any more is deactivated', { link, filteredOut: true }, {}, 'deactivate'],
    [
      'whoever falls out of scope is left as they are',
      { link, filteredOut: true },
      { skipOutOfScope: true },
      'nothing',
    ],
    ['an unassigned user is left as they are', { link, inScope: false }, { skipOutOfScope: true }, 'nothing'],
    [
      'a disabled user loses access also when out of scope',
      { link, inScope: false, source: { id, accountEnabled: false } },
      { skipOutOfScope: true },
      'deactivate',
    ],
    [
      'a deleted user does so',
      { link, inScope: false, presence: 'soft_deleted' },
      { skipOutOfScope: true },
      'deactivate',
    ],
    ['a removal is skipped when removals are off', { link, presence: 'purged' }, { table: off }, 'skip'],
    ['an update is skipped when updates are off', { link: { ...inactive, active: true } }, { table: off }, 'skip'],
    [
      'a purge after a rejected deactivation is planned',
      { link, presence: 'purged', rejectedRemoval: 'deactivate' },
      {},
      'delete',
    ],
    [
      'an account without access is deleted when its grace period is over',
      { link: inactive, inScope: false, graceOver: true },
      {},
      'delete',
    ],
    [
      'a purged user whose account was to be kept is deleted then, too',
      { link: inactive, presence: 'purged', graceOver: true },
      { hardDelete: 'deactivate' },
      'delete',
    ],
    ['whoever has access again keeps the account', { link: inactive, graceOver: true }, {}, 'reactivate'],
    [
      'an account that is still active is deactivated first',
      { link, inScope: false, graceOver: true },
      {},
      'deactivate',
    ],
    [
      'a rejected deletion is left alone',
      { link: inactive, inScope: false, graceOver: true, rejectedRemoval: 'delete' },
      {},
      'skip',
    ],
  ];
  it.each(cases)('%s', (_name, change, rule, expected) => {
    expect(decide(subject(change), { ...rules, ...rule }).kind).toBe(expected);
  });

  it('clears what was cleared, and with Microsoft’s rule does not', () => {
    const titled: Link = { mapticianId: 'm1', active: true, applied: { ...link?.applied, title: 'Surveyor' } };
    expect(decide(subject({ link: titled }), rules)).toMatchObject({ kind: 'update', attributes: { title: null } });
    expect(decide(subject({ link: titled }), { ...rules, flowNulls: false }).kind).toBe('nothing');
  });

  it('keeps a default that was written at creation, and clears a value that was cleared later', () => {
    const defaults = { ...rules, table: withDefault };
    const first = apply(decide(subject({}), defaults), null);
    expect(first?.applied.title).toBe('Employee');
    expect(decide(subject({ link: first }), defaults).kind).toBe('nothing');
    const source = { ...subject({}).source, jobTitle: 'Surveyor' };
    const second = apply(decide(subject({ link: first, source }), defaults), first);
    const third = decide(subject({ link: second }), defaults);
    expect(third).toMatchObject({ kind: 'update', attributes: { title: null } });
    expect(decide(subject({ link: apply(third, second) }), defaults).kind).toBe('nothing');
  });
});

describe('a richer attribute table', () => {
  const decided = (source: object, link: Link | null = null) =>
    decide(subject({ link, source: { ...subject({}).source, businessPhones: ['1'], ...source } }), {
      ...rules,
      table: rich,
    });

  it.each([
    ['a value that is required and missing', { businessPhones: [] }, 'MandatoryFieldsMissing'],
    ['an expression that has no value', { department: 'x' }, 'FunctionEvaluationFailed'],
    ['a userName that is missing', { userPrincipalName: null }, 'MandatoryFieldsMissing'],
  ])('fails a user with %s', (_, source, code) => {
    expect(decided(source)).toMatchObject({ kind: 'fail', code });
  });

  it('says nothing of a user’s values where an evaluation fails', () => {
    expect(JSON.stringify(decided({ department: 'Personal' }))).not.toContain('Personal');
  });

  it('tells which values are shown nowhere, and how they reach an account that is there', () => {
    expect(decided({ mail: 'a@b' })).toMatchObject({
      kind: 'create',
      redacted: ['emails[type eq "work"].value'],
      rules: { title: 'keep', userType: 'create', 'name.givenName': 'fill' },
    });
    expect(decided({})).toMatchObject({
      attributes: { 'emails[type eq "work"].value': 'none' },
      rules: { 'emails[type eq "work"].value': 'clear' },
    });
  });

  it('makes an account inactive that is to be so by an expression, and creates none', () => {
    const created = apply(decided({}), null);
    expect(decided({ department: 'Field' })).toMatchObject({ kind: 'skip' });
    const removal = decided({ department: 'Field' }, created);
    expect(removal).toMatchObject({ kind: 'deactivate', attributes: { active: false } });
    expect(decided({ department: 'Field' }, apply(removal, created)).kind).toBe('nothing');
    expect(decided({}, apply(removal, created)).kind).toBe('reactivate');
  });

  it('lets no expression keep the access of somebody who is to have none', () => {
    const rows = ['{ target: userName, source: userPrincipalName, matching: 1 }'];
    const active = `{ target: active, expression: 'IIF([country] = "USA", "True", Not([IsSoftDeleted]))' }`;
    const kept = parseAttributeTable(`attributes:\n  - ${[...rows, active].join('\n  - ')}\n`, 'table.yaml');
    const american = { id, userPrincipalName: 'ann@a.example', accountEnabled: false, country: 'USA' };
    const applied: Link = { mapticianId: 'm1', active: true, applied: { userName: 'ann@a.example', active: true } };
    const subject = {
      id,
      presence: 'live',
      inScope: true,
      filteredOut: false,
      source: american,
      link: applied,
    } as const;
    expect(decide({ ...subject, rejectedRemoval: null, graceOver: false }, { ...rules, table: kept })).toMatchObject({
      kind: 'deactivate',
      attributes: { active: false },
    });
  });
});

describe('convergence', () => {
  const text = fc.option(fc.oneof(fc.constant(''), fc.string(), fc.string({ unit: 'grapheme' })), { nil: null });
  const source = fc.record({
    id: fc.constant(id),
    userPrincipalName: text,
    accountEnabled: fc.constantFrom(true, false, null),
    mail: text,
    jobTitle: text,
    department: fc.oneof(text, fc.constantFrom('Field', '2026')),
    businessPhones: fc.array(fc.string()),
  });
  const attributes = fc.record(
    {
      userName: fc.string(),
      active: fc.boolean(),
      title: text,
      'emails[type eq "work"].value': text,
    },
    { requiredKeys: [] },
  );
  const links = fc.option(
    fc.tuple(attributes, fc.boolean()).map(
      ([applied, active]): Link => ({
        mapticianId: 'm1',
        active,
        applied: { ...applied, active },
      }),
    ),
    { nil: null },
  );
  const subjects = fc
    .record({
      id: fc.constant(id),
      presence: fc.constantFrom('live' as const, 'soft_deleted' as const, 'purged' as const),
      inScope: fc.boolean(),
      filteredOut: fc.boolean(),
      source,
      link: links,
      rejectedRemoval: fc.constantFrom(null, 'deactivate' as const, 'delete' as const),
      graceOver: fc.boolean(),
    })
    .map((one) => ({ ...one, graceOver: one.graceOver && one.link?.active === false }));
  const anyRules = fc.record({
    table: fc.constantFrom(table, withDefault, rich),
    flowNulls: fc.boolean(),
    hardDelete: fc.constantFrom('delete' as const, 'deactivate' as const),
    deleteInactiveAfterDays: fc.constant(undefined),
    skipOutOfScope: fc.boolean(),
  });

  it('apply a plan, and the next plan is empty', () => {
    fc.assert(
      fc.property(subjects, anyRules, (before, anyRule) => {
        const decision = decide(before, anyRule);
        const again = decide({ ...before, link: apply(decision, before.link) }, anyRule);
        if (decision.kind === 'skip' || decision.kind === 'fail') expect(again).toEqual(decision);
        else expect(['nothing', 'skip']).toContain(again.kind);
      }),
      { numRuns: 2_000 },
    );
  });

  it('never gives access to anyone who is to have none', () => {
    fc.assert(
      fc.property(subjects, anyRules, (before, anyRule) => {
        const entitled =
          before.presence === 'live' && before.inScope && !before.filteredOut && before.source.accountEnabled !== false;
        const decision = decide(before, anyRule);
        if (!entitled) expect(['nothing', 'skip', 'deactivate', 'delete']).toContain(decision.kind);
        else if (anyRule.table !== rich) expect(['deactivate', 'delete']).not.toContain(decision.kind);
        if ('attributes' in decision && decision.attributes.active === true) expect(entitled).toBe(true);
      }),
      { numRuns: 2_000 },
    );
  });
});
