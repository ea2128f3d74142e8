/** The provisioning log as a file: written page by page as it is read, so that it needs no more memory than a page. */
import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { SyncError, toSyncError } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { type CsvFile, csvFiles, csvHead, csvLines } from '../../log-export/csv.ts';
import { toNdjson } from '../../log-export/sink.ts';
import {
  type InstallationFacts,
  type ProvisioningObjectSummary,
  toProvisioningObjectSummary,
} from '../../log-record/summary.ts';
import type { Queryable } from '../../state/database.ts';
import { type LogFilter, readLogPages } from '../../state/provisioning-log.ts';

interface Form {
  readonly type: string;
  readonly head: string;
  /** One page of entries; `first` where none came before it. */
  readonly page: (entries: readonly ProvisioningObjectSummary[], first: boolean) => string;
  readonly tail: string;
}

function csv(file: CsvFile): Form {
  return {
    type: 'text/csv; charset=utf-8',
    head: csvHead(file),
    page: (entries) => entries.map((entry) => csvLines(entry)[file]).join(''),
    tail: '',
  };
}

const forms: Readonly<Record<string, Form>> = {
  ...Object.fromEntries(csvFiles.map((name) => [`${name}.csv`, csv(name)])),
  'provisioning-log.json': {
    type: 'application/json',
    head: '[',
    page: (entries, first) =>
      entries.map((entry, index) => `${first && index === 0 ? '' : ',\n'}${JSON.stringify(entry)}`).join(''),
    tail: ']\n',
  },
  'provisioning-log.ndjson': { type: 'application/x-ndjson', head: '', page: (entries) => toNdjson(entries), tail: '' },
};

/** The form that a file's name asks for; undefined where there is no such file. */
export function formOf(file: string): Form | undefined {
  return Object.hasOwn(forms, file) ? forms[file] : undefined;
}

/** A file's name with the moment of the download, so that two of them do not overwrite each other. */
export function fileName(file: string, now: Date): string {
  const [name, ending] = file.split('.');
  return `${name}-${now.toISOString().slice(0, 16).replaceAll(/[-:]/g, '')}Z.${ending}`;
}

/** The bytes of the file. Whoever does not read on, or goes away, is not written for; one that is cut off has no end. */
export function fileOf(
  form: Form,
  {
    db,
    filter,
    facts,
    signal,
    log,
  }: {
    readonly db: Queryable;
    readonly filter: LogFilter;
    readonly facts: InstallationFacts;
    readonly signal: AbortSignal;
    readonly log: Log;
  },
): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  async function* write() {
    yield encoder.encode(form.head);
    let first = true;
    for await (const page of readLogPages(db, filter)) {
      signal.throwIfAborted();
      const entries = page.map((record) => toProvisioningObjectSummary(record, facts));
      yield encoder.encode(form.page(entries, first));
      first = false;
      await yieldToOthers();
    }
    yield encoder.encode(form.tail);
  }
  async function* writeOrFail() {
    try {
      yield* write();
    } catch (thrown) {
      const { code } = toSyncError(thrown);
      log.warn({ code }, 'a download of the provisioning log was cut off');
      // The server prints and sends what it is given, and a database may quote a row.
      throw new SyncError(code, 'The download was cut off; try it again.');
    }
  }
  return ReadableStream.from(writeOrFail());
}
