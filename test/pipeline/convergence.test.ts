/**
 * The whole pipeline against the oracle: after every random batch of changes the user store holds what it must, whatever
 * Graph does meanwhile. `npm run test:deep` runs 200 batches; a failure is replayed by the seed it prints:
 * CONVERGENCE_SEED=… npx vitest run test/pipeline/convergence.test.ts
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Tenant, TenantUser } from '../../src/sandbox/tenant.ts';
import {
  applyChange,
  changeArbitrary,
  createPeople,
  endLag,
  mapticianWeatherArbitrary,
  setMapticianWeather,
  setWeather,
  weatherArbitrary,
} from './changes.ts';
import { converge } from './converge.ts';
import { createOracle, type Oracle } from './oracle.ts';
import { backends, openWorld, type World, type WorldOptions } from './world.ts';

const deep = process.env.DEEP === 'true';
const batchesARun = deep ? 20 : 4;
const runs = deep ? 10 : 2;
const scimRuns = deep ? 3 : 1;

interface Variant extends Required<Pick<WorldOptions, 'queue' | 'store'>> {
  readonly runs: number;
  /** With scoping filters, one of them by a group that comes and goes, and an expression in the attribute table. */
  readonly mapped: boolean;
}

const variants: readonly Variant[] = [
  ...backends.map((queue) => ({
    store: 'postgres' as const,
    queue,
    runs: Math.ceil(runs / backends.length),
    mapped: false,
  })),
  { store: 'scim', queue: 'postgres', runs: scimRuns, mapped: false },
  { store: 'postgres', queue: 'postgres', runs: deep ? 10 : 1, mapped: true },
];

/** Members, and whoever is in the group that is nested at first. */
function mappingOf(tenant: Tenant) {
  const group = [...tenant.groups.all.values()].find(({ displayName }) => displayName === 'Nested')?.id ?? '';
  const filters = `filters:
  - { title: Members, clauses: [{ attribute: userType, operator: EQUALS, value: Member }] }
  - { title: Nested, clauses: [{ operator: MEMBER OF, value: ${group} }] }
`;
  const shipped = readFileSync('config/attributes.yaml', 'utf8');
  const attributes = shipped.replace('source: jobTitle', `expression: 'Left([jobTitle], 1000)'`);
  const passes = ({ id, properties }: TenantUser) =>
    properties.userType === 'Member' || tenant.groups.find(group)?.hasMember(id) === true;
  return { config: { filters, attributes }, passes };
}

const batchArbitrary = fc.record({
  changes: fc.array(changeArbitrary, { minLength: 1, maxLength: 8 }),
  weather: weatherArbitrary,
  /** How Maptician answers, where it is the user store. */
  mapticianWeather: mapticianWeatherArbitrary,
  /** The worker is stopped at this request and starts again. */
  stopAt: fc.option(fc.integer({ min: 1, max: 12 }), { freq: 4 }),
  /** More changes, made while the cycle reads: at this request. */
  meanwhile: fc.option(
    fc.record({
      at: fc.integer({ min: 1, max: 8 }),
      changes: fc.array(changeArbitrary, { minLength: 1, maxLength: 3 }),
    }),
    { freq: 4 },
  ),
  restart: fc.boolean(),
});
type Batch = typeof batchArbitrary extends fc.Arbitrary<infer T> ? T : never;

describe('the pipeline converges', () => {
  it.each(variants)(
    'to what the oracle computes, with the users in $store and the queue on $queue, mapped: $mapped',
    async ({ store, queue, mapped, runs: numRuns }) => {
      const seed = Number(process.env.CONVERGENCE_SEED ?? Date.now() % 2 ** 31);
      await fc.assert(
        fc.asyncProperty(
          fc.array(batchArbitrary, { minLength: batchesARun, maxLength: batchesARun }),
          async (batches) => {
            const tenant = createPeople();
            const mapping = mapped ? mappingOf(tenant) : undefined;
            await using world = await openWorld({
              store,
              queue,
              ...(mapping === undefined ? {} : { config: mapping.config }),
              sandbox: {
                tenant,
                seed,
                behaviour: { resourceUnitLimit: null },
                maptician: { uniqueEmails: false },
              },
              settings: { REMOVAL_LIMIT_PERCENT: '100' },
            });
            const oracle = createOracle(tenant, mapping?.passes);
            await converge(world, oracle);
            for (const [index, batch] of batches.entries()) {
              await runBatch(world, oracle, batch, store === 'scim').catch((cause: unknown) => {
                throw new Error(`batch ${index} of ${JSON.stringify(batch)}`, { cause });
              });
            }
          },
        ),
        { seed, numRuns, endOnFailure: process.env.SHRINK !== 'true', reporter },
      );
    },
    deep ? 500_000 : 60_000,
  );
});

/** The counterexample would fill pages: the seed is enough to see it again. */
function reporter(details: fc.RunDetails<[Batch[]]>): void {
  if (!details.failed) return;
  throw new Error(`replay with CONVERGENCE_SEED=${details.seed}`, { cause: details.errorInstance });
}

async function runBatch(world: World, oracle: Oracle, batch: Batch, scim: boolean): Promise<void> {
  const { sandbox, tenant } = world;
  // Nobody who was there before is new enough for a lag to hide.
  endLag(sandbox);
  for (const change of batch.changes) applyChange(tenant, change);
  setWeather(sandbox, batch.weather);
  if (scim) setMapticianWeather(sandbox, batch.mapticianWeather);
  if (batch.restart) await world.restart();
  if (batch.stopAt !== null) await stopAt(world, batch.stopAt);
  const lagging = batch.weather.lag.length > 0;
  if (lagging || batch.meanwhile !== null) {
    world.onRequest = (number) => {
      if (number === batch.meanwhile?.at) for (const change of batch.meanwhile.changes) applyChange(tenant, change);
    };
    await world.sync();
    world.onRequest = undefined;
    if (batch.meanwhile === null)
      expect(oracle.wronglyEnded(await world.rows()), 'access ended by mistake').toEqual([]);
    endLag(sandbox);
  }
  const oneLook = !lagging && batch.meanwhile === null && batch.stopAt === null;
  // What fails four times in a row waits for the next cycle.
  const inOne = oneLook && !oracle.namesChangeHands() && !(scim && batch.mapticianWeather.faults.length > 0);
  await converge(world, oracle, { limit: inOne ? 1 : 3, oneLook });
}

/** Interrupts a cycle at its nth request, if it comes so far. */
async function stopAt(world: World, number: number): Promise<void> {
  const stop = new AbortController();
  world.onRequest = (current) => {
    if (current === number) stop.abort(new Error('stopped by the test'));
  };
  await world.sync({ signal: stop.signal });
  world.onRequest = undefined;
  await world.restart();
}
