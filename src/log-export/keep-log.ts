/** What the service does for its provisioning log beside writing it: its months, and its export. Nothing waits for it long. */
import type { Duty } from '../duties.ts';
import { toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { Settings } from '../settings.ts';
import type { Database } from '../state/database.ts';
import { keepLogMonths, makeLogMonths } from '../state/log-partitions.ts';
import { exportLog } from './export-log.ts';
import { installationFacts } from './installation-facts.ts';
import { openSink } from './open-sink.ts';

export interface LogKeeper {
  /** When a cycle begins: the months are there that its entries go into. Never rejects. */
  readonly prepare: () => Promise<void>;
  /** When a cycle has ended: what it logged is exported, within 20 seconds or later by somebody else. Never rejects. */
  readonly deliver: (signal?: AbortSignal) => Promise<void>;
  /** Once a minute: the same, for a service that runs. */
  readonly duties: readonly Duty[];
  readonly close: () => Promise<void>;
}

/** Milliseconds that the end of a cycle waits for a receiver. */
const deliverWithin = 20_000;

/** Opens it. The months are there then that entries go into, whichever command writes the first. */
export async function openLogKeeper(context: {
  readonly settings: Settings;
  readonly database: Database;
  readonly log: Log;
}): Promise<LogKeeper> {
  const { settings, database, log } = context;
  const sink = openSink(settings);
  const closing = new AbortController();
  const running = new Set<Promise<void>>();
  const keepMonths = () => keepLogMonths(database.pool, settings.LOG_RETENTION_DAYS);

  const doubted = (thrown: unknown) =>
    log.warn({ code: toSyncError(thrown).code }, 'the months of the provisioning log could not be kept now');
  await makeLogMonths(database.pool).catch(doubted);

  const deliver = async (signal: AbortSignal): Promise<void> => {
    if (sink === undefined) return;
    const facts = await installationFacts(settings, database);
    const exporting = exportLog({ pool: database.pool, sink, facts, log }, AbortSignal.any([signal, closing.signal]));
    const done = exporting.catch((thrown: unknown) => {
      if (!closing.signal.aborted) log.warn({ code: toSyncError(thrown).code }, 'the log export could not be done now');
    });
    running.add(done);
    await done;
    running.delete(done);
  };

  return {
    prepare: () => keepMonths().catch(doubted),
    // Standard output belongs to the command; only the service's is an export.
    deliver: async (signal) => {
      if (settings.LOG_EXPORT_URL === 'stdout') return;
      const limit = AbortSignal.timeout(deliverWithin);
      await deliver(signal === undefined ? limit : AbortSignal.any([limit, signal])).catch(() => undefined);
    },
    duties: [
      { name: 'months of the provisioning log', run: keepMonths },
      {
        name: 'log export',
        // Not waited for: a receiver that hangs holds up no other duty.
        run: async (signal) => {
          void deliver(signal).catch(() => undefined);
        },
      },
    ],
    close: async () => {
      closing.abort();
      await Promise.all(running);
    },
  };
}
