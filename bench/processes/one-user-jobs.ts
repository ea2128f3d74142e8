/** Reads and plans a tenant, then carries out what was planned in jobs of one user. Only the jobs are timed. */
import { runOperations } from '../../jobs/run-operations.ts';
import { planPass, type WrittenOperation } from '../../src/cycle/plan-pass.ts';
import { pull } from '../../src/directory/pull.ts';
import { createLog } from '../../src/log.ts';
import { concurrency } from '../../src/maptician/open-user-store.ts';
import type { NewJob } from '../../src/queue/backend.ts';
import { openService } from '../../src/service.ts';
import { loadSettings } from '../../src/settings.ts';
import { beginCycle } from '../../src/state/cycles.ts';
import { writeFact } from '../../src/state/facts.ts';
import { answer } from '../child.ts';
import { runJobs } from '../run-jobs.ts';

const log = createLog('warn');
const service = await openService({ settings: loadSettings({ env: process.env }), log });
const { pool } = service.database;
const directory = await service.openDirectory({
  signal: new AbortController().signal,
  progress: () => undefined,
  warn: (message) => log.warn(message),
});
const cycleId = await beginCycle(pool, 'sync');
await pull(directory, { resync: false });
const operations: WrittenOperation[] = [];
await planPass(pool, service.rules, cycleId, {
  stages: () => false,
  opened: async (opened) => void operations.push(...opened),
});

const queue = await service.queue();
const storeIdentity = 'the state database';
await writeFact(pool, 'user_store', storeIdentity);
const enqueue = (jobs: readonly NewJob[]) => queue.add('operations', jobs);
const context = { pool, enqueue, storeIdentity, openStore: service.store, rules: service.applyRules, log };
const milliseconds = await runJobs(queue, operations, (job) => runOperations(context, job), concurrency.postgres);
const { rows } = await pool.query<{ left: number }>('select count(*) as left from operations');
if (rows[0]?.left !== 0) throw new Error(`${rows[0]?.left} operations are left`);
await service.close();
await answer({ jobs: operations.length, milliseconds });
process.disconnect();
