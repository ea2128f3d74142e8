/** What runs at this moment, so that whoever ends can wait for it. */

export interface Running {
  /** Counts it until it has ended, however it ends. */
  add(work: Promise<unknown>): void;
  /** Resolves when nothing runs, also what was added meanwhile. */
  ended(): Promise<void>;
}

export function countRunning(): Running {
  const running = new Set<Promise<unknown>>();
  return {
    add: (work) => {
      running.add(work);
      const leave = () => void running.delete(work);
      work.then(leave, leave);
    },
    ended: async () => {
      while (running.size > 0) await Promise.allSettled(running);
    },
  };
}
