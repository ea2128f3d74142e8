/** `/auditLogs/provisioning`: filters, pages, single entries, and what is refused. */
import { describe, expect, it } from 'vitest';
import { compileLogFilter } from '../../src/console/graph/log-filter.ts';
import { FilterProblem, parseFilter } from '../../src/console/graph/odata-filter.ts';
import type { ProvisioningObjectSummary } from '../../src/log-record/summary.ts';
import { openConsoleWorld, type ShownConsole } from './console-world.ts';

interface Page {
  readonly value: ProvisioningObjectSummary[];
  readonly '@odata.nextLink'?: string;
}

async function list(console: ShownConsole, filter: string, more = ''): Promise<ProvisioningObjectSummary[]> {
  const entries: ProvisioningObjectSummary[] = [];
  let path: string | undefined = `/v1.0/auditLogs/provisioning?$filter=${encodeURIComponent(filter)}${more}`;
  while (path !== undefined) {
    const answer = await console.fetch(path);
    const page = (await answer.json()) as Page;
    expect(answer.status, JSON.stringify(page)).toBe(200);
    entries.push(...page.value);
    path = page['@odata.nextLink']?.slice(console.url.length);
  }
  return entries;
}

async function problemOf(console: ShownConsole, query: string): Promise<string> {
  const answer = await console.fetch(`/v1.0/auditLogs/provisioning?${query}`);
  const { error } = (await answer.json()) as { error: { code: string; message: string } };
  expect([answer.status, error.code]).toEqual([400, 'BadRequest']);
  return error.message;
}

/** A log with creations, updates, a failure and what was provisioned by hand. */
async function openLogged() {
  const opened = await openConsoleWorld(4);
  const { world, tenant, ids, console } = opened;
  await (await world.service()).store();
  await world.pool.query(`alter table maptician.users add constraint no_chiefs check (title <> 'Chief')`);
  const [odd = '', bad = '', changed = '', byHand = ''] = ids;
  tenant.users.update(odd, { userPrincipalName: "o'brien and (co)@contoso.example" });
  tenant.users.update(bad, { jobTitle: 'Chief' });
  await world.sync();
  tenant.users.update(changed, { jobTitle: 'Surveyor' });
  await world.sync();
  tenant.users.update(byHand, { jobTitle: 'Planner' });
  const answer = await console.fetch(`/api/users/${byHand}/provision`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: '{}',
  });
  expect(answer.status).toBe(200);
  const all = await list(console, `activityDateTime ge 2000-01-01`);
  expect(all.map(({ operation }) => operation)).toEqual(expect.arrayContaining(['create', 'update']));
  return { ...opened, all, odd, bad, changed, byHand };
}

describe('the provisioning log, as Graph has it', () => {
  it('is filtered by each property, by all operators, as the records say', async () => {
    const { console, all, odd, bad, byHand } = await openLogged();
    const [newest, ...others] = all;
    const middle = all[2]?.activityDateTime ?? '';
    const entryOf = (id: string) => all.find(({ sourceIdentity }) => sourceIdentity.id === id);
    const account = entryOf(byHand)?.targetIdentity.id ?? '';
    const cases: [string, (entry: ProvisioningObjectSummary) => boolean][] = [
      [`provisioningStatusInfo/status eq 'failure'`, (one) => one.provisioningStatusInfo.status === 'failure'],
      [`statusInfo/status ne 'failure'`, (one) => one.provisioningStatusInfo.status !== 'failure'],
      [`provisioningAction eq 'create'`, (one) => one.provisioningAction === 'create'],
      [`action in ('create', 'update')`, (one) => ['create', 'update'].includes(one.provisioningAction)],
      [`not (provisioningAction eq 'create')`, (one) => one.provisioningAction !== 'create'],
      [`activityDateTime eq ${middle}`, (one) => one.activityDateTime === middle],
      [`activityDateTime gt ${middle}`, (one) => one.activityDateTime > middle],
      [`activityDateTime ge ${middle}`, (one) => one.activityDateTime >= middle],
      [`activityDateTime lt ${middle}`, (one) => one.activityDateTime < middle],
      [`activityDateTime le ${middle}`, (one) => one.activityDateTime <= middle],
      [`cycleId eq ${newest?.cycleId}`, (one) => one.cycleId === newest?.cycleId],
      [`cycleId eq '${newest?.cycleId}'`, (one) => one.cycleId === newest?.cycleId],
      [`id eq '${others[1]?.id}'`, (one) => one.id === others[1]?.id],
      [
        `id eq ${newest?.id} or changeId eq ${others[1]?.changeId} or id in (${others[0]?.id}, ${others[0]?.id})`,
        (one) => one === newest || one === others[0] || one === others[1],
      ],
      [`changeId in (${newest?.changeId}, ${others[1]?.changeId})`, (one) => one === newest || one === others[1]],
      [`sourceIdentity/id eq '${bad.toUpperCase()}'`, (one) => one.sourceIdentity.id === bad],
      [`sourceIdentity/displayName eq 'o''brien and (co)@contoso.example'`, (one) => one.sourceIdentity.id === odd],
      [`targetIdentity/id eq '${account}'`, (one) => one.targetIdentity.id === account],
      [
        `initiatedBy/displayName eq 'maptician-sync provision'`,
        (one) => one.initiatedBy.displayName.endsWith(' provision'),
      ],
      [`initiatedBy/displayName eq 'maptician-sync'`, (one) => one.initiatedBy.displayName === 'maptician-sync'],
      [`jobId eq '${newest?.jobId}'`, () => true],
      [`jobId eq 'another'`, () => false],
      [`tenantId eq '${newest?.tenantId}' and servicePrincipal/id eq '${newest?.servicePrincipal.id}'`, () => true],
      [
        `provisioningStatusInfo/errorInformation/errorCode eq '${entryOf(bad)?.provisioningStatusInfo.errorInformation?.errorCode}'`,
        (one) => one.sourceIdentity.id === bad,
      ],
      [
        `(sourceIdentity/id eq '${bad}' or sourceIdentity/id eq '${odd}') and activityDateTime lt ${newest?.activityDateTime}`,
        (one) =>
          [bad, odd].includes(one.sourceIdentity.id ?? '') && one.activityDateTime < (newest?.activityDateTime ?? ''),
      ],
      [
        `provisioningAction eq 'update' and cycleId eq 1 or provisioningStatusInfo/status eq 'failure'`,
        (one) =>
          (one.provisioningAction === 'update' && one.cycleId === 1) || one.provisioningStatusInfo.status === 'failure',
      ],
    ];
    for (const [filter, holds] of cases) {
      const wanted = all.filter(holds).map(({ id }) => id);
      expect(
        (await list(console, filter, '&$top=2')).map(({ id }) => id),
        filter,
      ).toEqual(wanted);
    }
    expect(all.some(({ initiatedBy }) => initiatedBy.displayName === 'maptician-sync provision')).toBe(true);
  });

  it('gives one entry by its id, and the same under beta', async () => {
    const { console, all } = await openLogged();
    const answer = await console.fetch(`/beta/auditLogs/provisioning/${all[1]?.id}`);
    expect(await answer.json()).toEqual(all[1]);
    const missing = await console.fetch('/v1.0/auditLogs/provisioning/00000000-0000-4000-8000-000000000000');
    expect([missing.status, await missing.json()]).toMatchObject([404, { error: { code: 'ResourceNotFound' } }]);
  });

  it('refuses what it does not have, by name', async () => {
    const { console } = await openConsoleWorld(0);
    const refusals: [string, RegExp][] = [
      [`$filter=contains(sourceIdentity/displayName,'x')`, /contains\(…\) is not supported; write comparisons with eq/],
      [
        `$filter=durationInMilliseconds gt 5`,
        /durationInMilliseconds cannot be filtered by\. These can: activityDateTime/,
      ],
      [`$filter=sourceIdentity/displayName gt 'x'`, /sourceIdentity\/displayName can be compared with eq only/],
      [`$filter=provisioningAction eq 'made'`, /provisioningAction is one of create, update, disable/],
      [`$filter=activityDateTime ge yesterday`, /activityDateTime is a moment such as/],
      [`$filter=cycleId eq 'first'`, /cycleId is a whole number/],
      [`$filter=sourceIdentity/id eq 'me'`, /sourceIdentity\/id is a GUID/],
      [`$filter=cycleId eq 1 cycleId eq 2`, /at character 14: "cycleId" stands where "and", "or" or the end is due/],
      [`$filter=provisioningAction eq 'create`, /at character 23: the text that begins there has no end/],
      [`$filter=${'('.repeat(101)}cycleId eq 1`, /at character 101: more than 100 of "not" and "\(" stand within/],
      [`$filter=${'not '.repeat(900)}cycleId eq 1`, /more than 100 of "not" and "\("/],
      [
        `$filter=${Array.from({ length: 11 }, (_, place) => `targetIdentity/id eq '${place}'`).join(' or ')}`,
        /at most 10 comparisons may be with id, changeId, sourceIdentity\/displayName, targetIdentity\/id/,
      ],
      [`$orderby=activityDateTime asc`, /newest first/],
      [`$top=0`, /query\.\$top/],
      [`$top=1001`, /query\.\$top/],
      [`$skiptoken=abc`, /\$skiptoken is none of this service/],
      [`$search=x`, /Unrecognized key: "\$search"/],
    ];
    for (const [query, message] of refusals) expect(await problemOf(console, query), query).toMatch(message);
    expect((await console.fetch('/v1.0/auditLogs/provisioning?$orderby=activityDateTime%20desc')).status).toBe(200);
  });
});

it('hashes an entry once, however many ids are asked for', async () => {
  const { world } = await openConsoleWorld(0);
  const ids = Array.from({ length: 80 }, (_, place) => `id eq 00000000-0000-4000-8000-0000000000${place + 10}`);
  const facts = { installation: 'x', tenantId: 'x', servicePrincipalId: undefined, store: 'x' };
  const { conditions } = await compileLogFilter(world.pool, ids.join(' or '), { facts, below: undefined });
  expect(conditions.join(' ').match(/sha256/g)).toHaveLength(1);
});

describe('an OData filter', () => {
  it('binds not before and before or', () => {
    const one = (property: string) => ({
      kind: 'comparison',
      property,
      operator: 'eq',
      values: [{ quoted: false, text: '1' }],
    });
    expect(parseFilter('a eq 1 or not b eq 1 and c eq 1')).toEqual({
      kind: 'or',
      parts: [one('a'), { kind: 'and', parts: [{ kind: 'not', part: one('b') }, one('c')] }],
    });
  });

  it.each([
    '',
    'a',
    'a eq',
    'a is 1',
    'a eq 1)',
    '(a eq 1',
    'a in (1',
    'a in 1',
    'eq 1',
    'a eq 1 and',
    'a eq ;',
    "a eq 'it''s",
  ])('is not made of %j', (text) => {
    expect(() => parseFilter(text)).toThrow(FilterProblem);
  });
});
