/** Writes once a second how far a running cycle is, for everybody who looks at it, and learns whether it is to stop. */
import type pg from 'pg';
import { writeProgress } from '../state/cycles.ts';
import type { CycleProgress } from './cycle-context.ts';

const every = 1_000;

interface Watch {
  /** Aborted with a SyncError when somebody stops the cycle. */
  readonly signal: AbortSignal;
  readonly progress: (progress: CycleProgress) => void;
  readonly end: () => Promise<void>;
}

export function watchCycle(pool: pg.Pool, cycleId: number): Watch {
  const stopped = new AbortController();
  let latest: CycleProgress | undefined;
  let writing: Promise<void> | undefined;
  const write = async () => {
    const stop = await writeProgress(pool, cycleId, latest);
    if (stop !== undefined) stopped.abort(stop);
  };
  const timer = setInterval(() => {
    // A database that does not answer is for the cycle itself to find.
    writing ??= write()
      .catch(() => undefined)
      .finally(() => {
        writing = undefined;
      });
  }, every);
  return {
    signal: stopped.signal,
    progress: (progress) => {
      latest = progress;
    },
    end: async () => {
      clearInterval(timer);
      await writing;
    },
  };
}
