/** `log --follow`: entries as they are committed, until interrupted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { toNdjson } from '../log-export/sink.ts';
import { type InstallationFacts, toProvisioningObjectSummary } from '../log-record/summary.ts';
import type { Queryable } from '../state/database.ts';
import { endOfLog, type LogFilter, readCommitted } from '../state/provisioning-log.ts';

/** Milliseconds between two looks; nobody who reads along notices. */
const pause = 500;
const pageSize = 500;

/** Resolves when nobody reads any more, and rejects with the signal's reason. */
export async function followLog(
  db: Queryable,
  options: {
    readonly filter: LogFilter;
    readonly facts: InstallationFacts;
    readonly signal: AbortSignal;
    /** False where nobody reads any more. */
    readonly write: (text: string) => Promise<boolean>;
  },
): Promise<void> {
  const { filter, facts, signal, write } = options;
  let position = await endOfLog(db);
  for (;;) {
    signal.throwIfAborted();
    // Taken before the look: what is committed by then is seen by it.
    const end = await endOfLog(db);
    const found = await readCommitted(db, position, pageSize, filter);
    position = found.position;
    if (found.records.length > 0) {
      const lines = found.records.map((record) => toProvisioningObjectSummary(record, facts));
      if (!(await write(toNdjson(lines)))) return;
    } else {
      // What was passed over is not looked at again.
      position = { ...position, xact: end.xact, id: 0 };
      await sleep(pause, undefined, { signal }).catch(() => undefined);
    }
  }
}
