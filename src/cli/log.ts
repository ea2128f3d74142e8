/** `log`: the provisioning log, as a table, as JSON, NDJSON or CSV files, and as it comes. */
import { join } from 'node:path';
import { csvFiles } from '../log-export/csv.ts';
import { installationFacts } from '../log-export/installation-facts.ts';
import { toNdjson } from '../log-export/sink.ts';
import { type FoldedEntry, foldEntries } from '../log-record/fold.ts';
import {
  type InstallationFacts,
  type ProvisioningObjectSummary,
  toProvisioningObjectSummary,
} from '../log-record/summary.ts';
import type { Queryable } from '../state/database.ts';
import { type LogFilter, readLogPages } from '../state/provisioning-log.ts';
import { type CommandOptions, print, withService } from './command.ts';
import { writeCsvFiles } from './log-csv.ts';
import { followLog } from './log-follow.ts';
import { describeEntries } from './log-table.ts';

export interface LogOptions extends CommandOptions, LogFilter {
  /** Each entry in the table, and not one line for several that say the same. */
  readonly all?: boolean | undefined;
  readonly ndjson?: boolean | undefined;
  readonly follow?: boolean | undefined;
  /** The folder of the CSV files. */
  readonly csv?: string | undefined;
}

/** Lines of the table and entries of the JSON array, unless --limit says otherwise. */
const shownByDefault = 50;
/** So many entries at most are read to find those that a line of the table stands for. */
const foldedAtMost = 20_000;

export async function log(options: LogOptions): Promise<number> {
  return withService(options, async ({ settings, database }, signal) => {
    const { pool } = database;
    const facts = await installationFacts(settings, database);
    const shown = { ...options, limit: options.limit ?? shownByDefault };
    if (options.follow) {
      await followLog(pool, { filter: options, facts, signal, write });
    } else if (options.csv !== undefined) {
      const entries = await writeCsvFiles(options.csv, summaries(pool, options, facts, signal));
      print(
        `${entries === 1 ? '1 entry' : `${entries} entries`} written: ${csvFiles.map((name) => join(options.csv ?? '', `${name}.csv`)).join(', ')}`,
      );
    } else if (options.ndjson) {
      for await (const page of summaries(pool, options, facts, signal)) if (!(await write(toNdjson(page)))) break;
    } else if (options.json) {
      await writeArray(summaries(pool, shown, facts, signal));
    } else {
      const lines = await tableLines(pool, shown);
      print(lines.length === 0 ? 'No entries.' : describeEntries(lines, new Date()));
    }
    return 0;
  });
}

async function* summaries(
  db: Queryable,
  filter: LogFilter,
  facts: InstallationFacts,
  signal: AbortSignal,
): AsyncGenerator<ProvisioningObjectSummary[]> {
  for await (const page of readLogPages(db, filter)) {
    signal.throwIfAborted();
    yield page.map((record) => toProvisioningObjectSummary(record, facts));
  }
}

async function tableLines(db: Queryable, options: LogOptions & { readonly limit: number }): Promise<FoldedEntry[]> {
  if (!options.all) {
    const pages = readLogPages(db, { ...options, limit: undefined });
    return foldEntries(pages, { limit: options.limit, readAtMost: foldedAtMost });
  }
  const lines: FoldedEntry[] = [];
  for await (const page of readLogPages(db, options)) {
    lines.push(...page.map((entry) => ({ entry, times: 1, since: entry.activityAt })));
  }
  return lines;
}

/** One line, however long: the last of standard output. */
async function writeArray(pages: AsyncIterable<readonly ProvisioningObjectSummary[]>): Promise<void> {
  let separator = '[';
  for await (const page of pages) {
    for (const summary of page) {
      if (!(await write(`${separator}${JSON.stringify(summary)}`))) return;
      separator = ',';
    }
  }
  await write(separator === '[' ? '[]\n' : ']\n');
}

/** Resolves when it is written; false where the reader has gone away. */
function write(text: string): Promise<boolean> {
  return new Promise((resolve) => {
    process.stdout.write(text, (error) => resolve(error === null || error === undefined));
  });
}
