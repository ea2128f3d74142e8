/** The provisioning log as a table. */
import { describeEntry } from '../log-record/describe.ts';
import type { FoldedEntry } from '../log-record/fold.ts';
import { actionFor, cell, when } from '../words.ts';
import { renderTable } from './table.ts';

/** @param now what is due by then is tried in the next cycle */
export function describeEntries(lines: readonly FoldedEntry[], now: Date): string {
  return renderTable(
    ['TIME (UTC)', 'CYCLE', 'OPERATION', 'STATUS', 'USER', 'WHAT'],
    lines.map((line) => [
      when(line.entry.activityAt),
      String(line.entry.cycleId),
      line.entry.operation,
      line.entry.status,
      cell(line.entry.userName ?? line.entry.entraId),
      [describeEntry(line, now), actionFor(line.entry.code)].join(' ').trim(),
    ]),
  );
}
