/** An initial cycle as `sync` runs it, and then cycles in which nothing has changed. */
import { z } from 'zod';
import { runCycle } from '../../src/cycle/run-cycle.ts';
import { createLog } from '../../src/log.ts';
import { openService } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { answer, peakMemory, readInput } from '../child.ts';
import { countStatements } from '../count-statements.ts';

const { idleCycles } = readInput(z.object({ idleCycles: z.number() }));
// Counting is cheap, but the cycle that is timed goes without.
const statements = idleCycles > 0 ? countStatements() : () => 0;
let requests = 0;
const service = await openService({
  settings: loadSettings({ env: process.env }),
  log: createLog('warn'),
  onGraphRequest: () => {
    requests += 1;
  },
});

async function cycle() {
  const before = { requests, statements: statements() };
  const result = await runCycle(context, { trigger: 'sync', resync: false, wait: true });
  if (result === undefined || result.state !== 'succeeded') throw new Error(`The cycle ended as ${result?.state}`);
  return {
    milliseconds: result.durationMs,
    created: result.counts.created,
    requests: requests - before.requests,
    statements: statements() - before.statements,
  };
}

const context = await service.cycleContext();
await service.work({ cycles: false, signal: new AbortController().signal });
/** The floor under an idle cycle: the list of assignments and the rounds of the cursors, read and thrown away. */
async function readLists() {
  const began = performance.now();
  const { graph, servicePrincipalId } = await service.openDirectory({
    signal: new AbortController().signal,
    progress: () => undefined,
    warn: () => undefined,
  });
  const { rows } = await service.database.pool.query<{ link: string }>('select delta_link as link from cursors');
  const before = requests;
  for (const first of [
    `/servicePrincipals/${servicePrincipalId}/appRoleAssignedTo?$top=999`,
    ...rows.map((row) => row.link),
  ]) {
    for (let link: string | undefined = first; link !== undefined; )
      link = (await graph.get(link, page))['@odata.nextLink'];
  }
  return { milliseconds: performance.now() - began, requests: requests - before };
}

const page = z.object({ '@odata.nextLink': z.string().optional() });
const initial = await cycle();
const peak = peakMemory();
const idle = [];
const reads = [];
for (let number = 0; number < idleCycles; number++) {
  reads.push(await readLists());
  idle.push(await cycle());
}
await service.close();
await answer({ initial, idle, reads, peak });
process.disconnect();
