/** Progress on standard error: a bar on a terminal, a plain line for each phase elsewhere. */
import { SingleBar } from 'cli-progress';
import type { CycleProgress } from '../cycle/cycle-context.ts';

const labels: Record<string, string> = {
  users: 'Reading changes',
  assignments: 'Reading assignments',
  groups: 'Reading groups',
  reading: 'Reading users',
  confirming: 'Confirming who left',
  listing: 'Listing accounts',
  verifying: 'Comparing accounts',
  planning: 'Planning',
  applying: 'Writing to Maptician',
};

export interface ProgressDisplay {
  update(progress: CycleProgress): void;
  stop(): void;
}

/** `silent` shows nothing, for commands whose output is read by programs. */
export function createProgress(options: { readonly silent: boolean }): ProgressDisplay {
  if (options.silent) return { update: () => undefined, stop: () => undefined };
  return process.stderr.isTTY ? createBar() : createLines();
}

function createBar(): ProgressDisplay {
  const bar = new SingleBar({
    format: '{label} {bar} {count}',
    barsize: 30,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: false,
    stream: process.stderr,
  });
  let started = false;
  return {
    update: ({ phase, done, total }) => {
      const payload = {
        label: (labels[phase] ?? phase).padEnd(20),
        count: total === undefined ? (done === 0 ? '' : String(done)) : `${done}/${total}`,
      };
      if (!started) bar.start(Math.max(1, total ?? 1), 0, payload);
      started = true;
      // Of an open end only the count is known: the bar stays empty.
      bar.setTotal(Math.max(1, total ?? 1));
      bar.update(total === undefined ? 0 : done, payload);
    },
    stop: () => {
      if (started) bar.stop();
      started = false;
    },
  };
}

function createLines(): ProgressDisplay {
  let phase = '';
  return {
    update: (progress) => {
      if (progress.phase === phase) return;
      phase = progress.phase;
      const total = progress.total === undefined ? '' : ` (${progress.total})`;
      process.stderr.write(`${labels[phase] ?? phase}${total}\n`);
    },
    stop: () => undefined,
  };
}
