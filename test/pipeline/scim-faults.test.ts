/** Whatever Maptician's server does to requests and answers, the users are right within a few cycles, and nobody twice. */
import { describe, expect, it } from 'vitest';
import type { FaultRule } from '../../src/sandbox/faults.ts';
import { waitUntil } from '../support/wait-until.ts';
import { everyProperty, mixedChanges } from './mixed-changes.ts';
import { expectNobodyTwice, openScimWorld, postsOf, type ScimWorld } from './scim-world.ts';

const people = 18;
const path = '/scim/v2/Users*';

/** Everybody at first, then everything that can change about them, with these faults each time. */
async function runThrough(scim: ScimWorld, rules: readonly FaultRule[], cycles: number): Promise<number[]> {
  const { tenant, ids, faults, settleWithin } = scim;
  const inject = () => {
    faults.clear();
    for (const rule of rules) faults.inject({ path, ...rule });
  };
  inject();
  const exits = await settleWithin(cycles);
  for (const id of ids.slice(0, 3)) tenant.users.update(id, { accountEnabled: false });
  exits.push(...(await settleWithin(cycles)));
  mixedChanges(tenant, ids, 3);
  inject();
  exits.push(...(await settleWithin(cycles)));
  return exits;
}

describe('what passes is no failure', () => {
  it('429 and 503 with Retry-After: everyone waits for as long as it says, and nobody is told', async () => {
    await using scim = await openScimWorld(8);
    const { world, tenant, ids, faults, settleWithin } = scim;
    const patience = {
      GET: { status: 503, retryAfter: 0.4, least: 400 },
      POST: { status: 429, retryAfter: 1, least: 1000 },
      PATCH: { status: 429, retryAfter: 0.4, least: 400 },
      // An HTTP date has no fraction of a second.
      DELETE: { status: 429, retryAfter: { date: 2 }, least: 1000 },
    } as const;
    for (const [method, { status, retryAfter }] of Object.entries(patience))
      faults.inject({ path, method, after: 1, fault: { kind: 'status', status, retryAfter } });
    expect(await settleWithin(1)).toEqual([0]);
    for (const id of ids.slice(0, 2)) tenant.users.update(id, { jobTitle: 'Chief' });
    for (const id of ids.slice(3, 5)) tenant.purgeUser(id);
    expect(await settleWithin(1)).toEqual([0]);

    expect(scim.subjects()).toEqual([]);
    expect(await scim.log({ status: 'failure' })).toEqual([]);
    expectNobodyTwice(scim);
    const requests = world.mapticianRequests();
    const refused = requests.filter(({ fault }) => fault !== undefined);
    expect(refused.map(({ method }) => method).sort()).toEqual(Object.keys(patience).sort());
    for (const { at, method } of refused) {
      const until = at + patience[method as keyof typeof patience].least - 20;
      // What had been sent before the answer came is still on its way for a moment.
      expect(requests.filter((request) => request.at > at + 150 && request.at < until)).toEqual([]);
    }
  });

  it('429 and 503 without Retry-After slow the requests down', async () => {
    await using scim = await openScimWorld(12);
    for (const status of [429, 503])
      scim.faults.inject({ path, after: 6, times: 2, fault: { kind: 'status', status } });
    expect(await scim.settleWithin(1)).toEqual([0]);
    expect(scim.subjects()).toEqual([]);
    expectNobodyTwice(scim);
    const { rows } = await scim.world.pool.query('select rate from maptician_sync.request_pace');
    expect(rows[0].rate).toBeLessThan(200);
  });

  it.each([
    {
      named: 'nothing was carried out: 500, a page of HTML, a reset',
      faults: [{ kind: 'status', status: 500 }, { kind: 'html', status: 502 }, { kind: 'reset' }],
    },
    {
      named: 'it was carried out: an answer that is cut off, truncated or lost',
      faults: [{ kind: 'cut' }, { kind: 'truncated' }, { kind: 'lost' }],
    },
  ] as const)('for each kind of request, $named', async ({ faults }) => {
    await using scim = await openScimWorld(people, { properties: everyProperty });
    const rules = [
      // Waited for one after the other, so one will do.
      { method: 'GET', fault: faults[0] },
      ...['POST', 'PATCH', 'DELETE'].flatMap((method) => faults.map((fault) => ({ method, fault }))),
    ];
    expect(await runThrough(scim, rules, 1)).toEqual([0, 0, 0]);
    const struck = scim.world.mapticianRequests().map(({ method, fault }) => fault && `${method} ${fault}`);
    for (const { method, fault } of rules) expect(struck).toContain(`${method} ${fault.kind}`);
    expect(scim.subjects()).toEqual([]);
    expect(await scim.log({ status: 'failure' })).toEqual([]);
    expectNobodyTwice(scim);
  });

  it.each(['before', 'after'] as const)(
    'an answer that comes too late, of what was carried out %s the pause',
    async (carriedOut) => {
      await using scim = await openScimWorld(people, { properties: everyProperty, mapticianTimeout: 400 });
      const fault = { kind: 'stall', milliseconds: 700, carriedOut } as const;
      const rules = (['POST', 'PATCH', 'DELETE'] as const).map((method) => ({ method, after: 1, times: 3, fault }));
      expect(await runThrough(scim, rules, 1)).toEqual([0, 0, 0]);
      expect(scim.subjects()).toEqual([]);
      // Carried out after the next look-up, a POST makes the one that follows fail; it is adopted then.
      if (carriedOut === 'before') expectNobodyTwice(scim);
      expect(scim.maptician.users()).toHaveLength(new Set(postsOf(scim.world.mapticianRequests()).made).size - 3);
    },
  );

  it('a POST that is carried out only after it was sent once more', async () => {
    await using scim = await openScimWorld(people, { properties: everyProperty, mapticianTimeout: 400 });
    const rule = {
      method: 'POST',
      times: 3,
      fault: { kind: 'stall', milliseconds: 2000, carriedOut: 'after' },
    } as const;
    scim.faults.inject({ path, ...rule });
    expect(await scim.settleWithin(1)).toEqual([0]);
    await waitUntil(() => postsOf(scim.world.mapticianRequests()).refused.length === 3);
    expect(await scim.settleWithin(1)).toEqual([0]);
  });
});
