/** `npm run bench`: every figure beside its floor, measured in the same run and in turn. */
import { Command, Option } from 'commander';
import { consolePages } from './figures/console-pages.ts';
import type { Measured } from './figures/figure.ts';
import { idleCycle } from './figures/idle-cycle.ts';
import { initialCycle } from './figures/initial-cycle.ts';
import { mapping } from './figures/mapping.ts';
import { oneUserJobs } from './figures/one-user-jobs.ts';
import { peakMemory } from './figures/peak-memory.ts';
import { machine, table, writeResults } from './report.ts';
import { openStage } from './stage.ts';

const figures = {
  'initial-cycle': initialCycle,
  'one-user-jobs': oneUserJobs,
  'peak-memory': peakMemory,
  'idle-cycle': idleCycle,
  mapping,
  'console-pages': consolePages,
};

const { users, only } = new Command('bench')
  .description('Measures the service on an emulated tenant, each figure beside its floor.')
  .option('--users <number>', 'size of the tenant', Number, 10_000)
  .addOption(new Option('--only <figure>', 'one figure alone').choices(Object.keys(figures)))
  .parse()
  .opts<{ users: number; only?: keyof typeof figures }>();

const began = new Date();
const before = machine();
const measured: Measured[] = [];
{
  await using stage = await openStage();
  if (stage.backends.length === 1)
    console.log('This machine has no redis-server: the queue is measured on Postgres only.');
  for (const [name, measure] of Object.entries(figures)) {
    if (only !== undefined && name !== only) continue;
    console.log(`${name} …`);
    measured.push(...(await measure(stage, users)));
  }
}
console.log(`\n${table(measured)}\n`);
const file = await writeResults({ began, ended: new Date(), machine: before, users, measured });
console.log(
  `${Object.entries(before)
    .map(([key, value]) => `${key} ${value}`)
    .join(', ')}\nEvery sample: ${file}`,
);
