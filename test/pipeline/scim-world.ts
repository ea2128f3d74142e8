/** A world whose user store is Maptician over SCIM, with what its tests ask of the requests that were sent. */
import { expect } from 'vitest';
import { parseTenantUrl } from '../../src/maptician/scim/profile.ts';
import type { Tenant } from '../../src/sandbox/tenant.ts';
import { type LogFilter, readLog } from '../../src/state/provisioning-log.ts';
import { readSchemas } from '../support/scim-schema.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { tenantOf } from './people.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

type Requests = World['sandbox']['requests']['entries'];

export interface ScimWorld extends AsyncDisposable {
  readonly world: World;
  readonly maptician: World['sandbox']['maptician'];
  readonly faults: World['sandbox']['faults'];
  readonly tenant: Tenant;
  readonly oracle: Oracle;
  /** The object ids of the tenant's first people. */
  readonly ids: readonly string[];
  /** Requests to Maptician while this was done. */
  during(work: () => Promise<unknown>): Promise<Requests>;
  /** Cycles until Maptician has what the oracle says, `limit` at most; resolves with their exit statuses. */
  settleWithin(limit: number): Promise<number[]>;
  /** Who is in escrow. */
  escrow(): Promise<{ entraId: string; code: string }[]>;
  log(query?: Partial<LogFilter>): ReturnType<typeof readLog>;
  subjects(): string[];
}

/** Closed, it makes sure that everything that was sent is valid by the schemas that Maptician publishes. */
export async function openScimWorld(
  people: number,
  options: WorldOptions & { readonly properties?: (index: number) => Record<string, unknown> } = {},
): Promise<ScimWorld> {
  const { tenant, ids } = tenantOf(people);
  for (const [index, id] of ids.entries()) tenant.users.update(id, options.properties?.(index) ?? {});
  const world = await openWorld({
    ...options,
    store: 'scim',
    sandbox: { behaviour: { resourceUnitLimit: null }, ...options.sandbox, tenant },
    settings: { REMOVAL_LIMIT_PERCENT: '100', ...options.settings },
  });
  const { sandbox } = world;
  const oracle = createOracle(tenant);
  const pool = async () => (await world.service()).database.pool;
  await warmUp(world);
  const during = async (work: () => Promise<unknown>): Promise<Requests> => {
    const before = world.mapticianRequests().length;
    await work();
    return world.mapticianRequests().slice(before);
  };
  return {
    world,
    maptician: sandbox.maptician,
    faults: sandbox.faults,
    tenant,
    oracle,
    ids,
    during,
    settleWithin: async (limit) => {
      const exits: number[] = [];
      for (;;) {
        const { exit, error } = await world.sync();
        exits.push(exit);
        const rows = await world.rows();
        const problems = oracle.check(rows, { oneLook: true });
        if (exit !== 0) problems.push(`the cycle ended with exit status ${exit}: ${error?.message}`);
        if (problems.length === 0) oracle.accept(rows);
        if (problems.length === 0) return exits;
        if (exits.length === limit) expect(problems, `after ${limit} cycle(s)`).toEqual([]);
      }
    },
    escrow: async () =>
      (await (await pool()).query('select entra_id as "entraId", code from escrow order by entra_id')).rows,
    log: async (query = {}) => readLog(await pool(), { limit: 1000, ...query }),
    subjects: () => sandbox.mailbox.mails().map(({ subject }) => subject),
    [Symbol.asyncDispose]: async () => {
      const problems = await problemsOfBodies(world);
      await world.close();
      expect(problems).toEqual([]);
    },
  };
}

/** The pace of a service that has run for some time; at first it would be 25 requests a second. */
async function warmUp({ service, settings }: World): Promise<void> {
  const { pool } = (await service()).database;
  await pool.query(
    `insert into request_pace (store, rate, threshold, next_at, blocked_until, slowed_at)
     values ($1, least($2::float8, 250), 'infinity', now(), '-infinity', '-infinity')`,
    [parseTenantUrl(settings.MAPTICIAN_TENANT_URL ?? '').store, settings.MAPTICIAN_REQUESTS_PER_SECOND],
  );
}

async function problemsOfBodies({ sandbox, mapticianRequests }: World): Promise<string[]> {
  const { url, token } = sandbox.maptician;
  const sent = mapticianRequests().filter(({ method }) => method === 'POST' || method === 'PATCH');
  sandbox.faults.clear();
  const answer = await fetch(`${url}/Schemas`, { headers: { authorization: `Bearer ${token}` } });
  const checks = readSchemas(await answer.json());
  return sent.flatMap(({ method, body }) =>
    method === 'POST' ? checks.resourceProblems(body) : checks.patchProblems(body),
  );
}

export const isWrite = ({ method }: Requests[number]): boolean => method !== 'GET';

/** How many of each method. */
export function methodsOf(requests: Requests): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { method } of requests) counts[method] = (counts[method] ?? 0) + 1;
  return counts;
}

/** The userNames of the accounts that POSTs made, also of those whose answer was lost; and those that were refused. */
export function postsOf(requests: Requests): { readonly made: string[]; readonly refused: string[] } {
  const posts = requests.filter(({ method }) => method === 'POST');
  const named = (status: number) =>
    posts.filter((post) => post.status === status).map(({ body }) => (body as { userName: string }).userName);
  return { made: named(201), refused: named(409) };
}

/** Nobody got a second account, and nobody was even sent a second time who had one. */
export function expectNobodyTwice({ world, maptician }: ScimWorld): void {
  const { made, refused } = postsOf(world.mapticianRequests());
  expect(new Set(made).size).toBe(made.length);
  expect(refused).toEqual([]);
  const owners = maptician.users().map(({ attributes }) => attributes.externalId);
  expect(new Set(owners).size).toBe(owners.length);
}
