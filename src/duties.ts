/** What a running service looks after once a minute, beside its cycles. */
import { toSyncError } from './errors.ts';
import type { Log } from './log.ts';

/** Ends soon, may run on several machines at the same time, and does nothing where there is nothing to do. */
export interface Duty {
  readonly name: string;
  readonly run: (signal: AbortSignal) => Promise<void>;
}

/** One round: each duty in turn, whatever became of the one before. */
export async function runDuties(duties: readonly Duty[], log: Log, signal: AbortSignal): Promise<void> {
  for (const duty of duties) {
    if (signal.aborted) return;
    await duty.run(signal).catch((thrown: unknown) => {
      const { code } = toSyncError(thrown);
      if (code !== 'Interrupted')
        log.warn({ duty: duty.name, code }, 'a duty was not done; it is tried again in a minute');
    });
  }
}
