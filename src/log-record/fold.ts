/** Failures that repeat themselves, as one line: the same user, operation, code and reason several times in a row. Pure. */
import type { LogRecord } from '../state/provisioning-log.ts';

/** An entry as a line of a table; of several that say the same, the newest. */
export interface FoldedEntry {
  readonly entry: LogRecord;
  /** How many entries it stands for, and when the first of them was. */
  readonly times: number;
  readonly since: Date;
}

interface Line {
  readonly entry: LogRecord;
  times: number;
  /** The oldest entry folded into it so far. */
  oldest: LogRecord;
}

/**
 * Folds entries that come newest first. "In a row" is among the entries of one user: those of others lie between, since a
 * cycle tries everybody. Ends when there are so many lines and no older entry can belong to one of them, or after
 * `readAtMost` entries.
 */
export async function foldEntries(
  pages: AsyncIterable<readonly LogRecord[]>,
  { limit, readAtMost }: { readonly limit: number; readonly readAtMost: number },
): Promise<FoldedEntry[]> {
  const lines: Line[] = [];
  /** Of each user the line that their next older entry may belong to. */
  const open = new Map<string, Line>();
  let read = 0;
  for await (const page of pages) {
    for (const entry of page) {
      read += 1;
      const line = open.get(entry.entraId);
      if (line !== undefined && isSameFailure(line.entry, entry)) {
        line.times += 1;
        line.oldest = entry;
        // The first failure in a row: nothing older belongs to it.
        if (entry.attempt === 1) open.delete(entry.entraId);
      } else {
        open.delete(entry.entraId);
        if (lines.length < limit) {
          const begun = { entry, times: 1, oldest: entry };
          lines.push(begun);
          if (isRepeated(entry)) open.set(entry.entraId, begun);
        }
      }
      if ((lines.length === limit && open.size === 0) || read === readAtMost) return lines.map(folded);
    }
  }
  return lines.map(folded);
}

/** A failure that is not the first in a row has an older one, which may say the same. */
function isRepeated({ status, attempt }: LogRecord): boolean {
  return status === 'failure' && (attempt === null || attempt > 1);
}

function isSameFailure(newer: LogRecord, older: LogRecord): boolean {
  return (
    older.status === 'failure' &&
    older.operation === newer.operation &&
    older.code === newer.code &&
    older.reason === newer.reason
  );
}

function folded({ entry, times, oldest }: Line): FoldedEntry {
  return { entry, times, since: oldest.activityAt };
}
