/**
 * The export of the provisioning log: in the order of commit, at least once. Where it is stands in the state database, so
 * that after a crash it goes on from there; what was sent and not yet noted is sent again, with the same ids.
 */
import type pg from 'pg';
import { z } from 'zod';
import { errorCodes, type SyncError, toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type InstallationFacts, toProvisioningObjectSummary } from '../log-record/summary.ts';
import type { Queryable } from '../state/database.ts';
import { readFact, writeFact } from '../state/facts.ts';
import { logPosition, readCommitted, startOfLog } from '../state/provisioning-log.ts';
import type { Sink } from './sink.ts';

export interface ExportContext {
  readonly pool: pg.Pool;
  readonly sink: Sink;
  readonly facts: InstallationFacts;
  readonly log: Log;
}

/** Entries a batch: some 700 KiB of JSON, which receivers take. */
const batchSize = 200;
/** The HTTP status of a receiver whose limit is lower: it gets ever smaller batches, at last single entries. */
const contentTooLarge = 413;
/** Spells "mplg": the key of the advisory lock that the one who exports holds. */
const exportLock = 0x6d706c67;

const exportState = z.object({
  position: logPosition,
  /** When something was last delivered. */
  deliveredAt: z.iso.datetime().nullable(),
  failure: z.object({ since: z.iso.datetime(), code: z.enum(errorCodes), message: z.string() }).nullable(),
});
export type ExportState = z.infer<typeof exportState>;

/** How far the export is, and what is wrong with it; undefined before the first. */
export async function readExportState(db: Queryable): Promise<ExportState | undefined> {
  const text = await readFact(db, 'log_export');
  return text === undefined ? undefined : exportState.parse(JSON.parse(text));
}

/**
 * Delivers what is committed and not yet delivered. Does nothing where another process is at it. A receiver that fails
 * is no error of the caller's: it is noted, told of once in the log, and tried again at the next call.
 */
export async function exportLog(context: ExportContext, signal: AbortSignal): Promise<void> {
  const client = await context.pool.connect();
  let held = false;
  try {
    const { rows } = await client.query<{ got: boolean }>('select pg_try_advisory_lock($1) as got', [exportLock]);
    held = rows[0]?.got === true;
    if (held) await deliverAll(context, client, signal);
  } finally {
    // With its connection a lock goes too, whatever state it is in.
    const unlocked = held
      ? await client.query('select pg_advisory_unlock($1)', [exportLock]).then(
          () => true,
          () => false,
        )
      : true;
    client.release(!unlocked);
  }
}

async function deliverAll(context: ExportContext, client: pg.PoolClient, signal: AbortSignal): Promise<void> {
  let state = (await readExportState(client)) ?? { position: startOfLog, deliveredAt: null, failure: null };
  let size = batchSize;
  while (!signal.aborted) {
    const { records, position } = await readCommitted(client, state.position, size);
    if (records.length === 0) return;
    const entries = records.map((record) => toProvisioningObjectSummary(record, context.facts));
    const refused = await context.sink.send(entries, signal).then(() => undefined, toSyncError);
    if (signal.aborted && refused !== undefined) return;
    const tooLarge = refused?.httpStatus === contentTooLarge;
    if (tooLarge && entries.length > 1) {
      size = Math.ceil(entries.length / 2);
      continue;
    }
    if (tooLarge) tellLeftOut(context, entries[0]?.id);
    size = Math.min(batchSize, size * 2);
    const error = tooLarge ? undefined : refused;
    const next = error === undefined ? delivered(position) : failed(state, error);
    await writeFact(client, 'log_export', JSON.stringify(next));
    tell(context, state, next);
    if (error !== undefined) return;
    state = next;
  }
}

function delivered(position: ExportState['position']): ExportState {
  return { position, deliveredAt: new Date().toISOString(), failure: null };
}

function failed(state: ExportState, { code, message }: SyncError): ExportState {
  return { ...state, failure: { since: state.failure?.since ?? new Date().toISOString(), code, message } };
}

/** What is refused alone would hold up all that comes after it for ever. */
function tellLeftOut({ log, sink }: ExportContext, entry: string | undefined): void {
  log.warn(
    { sink: sink.name, entry },
    `the receiver of the log export takes no single entry of this size (HTTP ${contentTooLarge}): the entry is left out of the export and stays in the provisioning log; raise the receiver's limit`,
  );
}

/** An outage is two lines of the log: its begin and its end. */
function tell({ log, sink }: ExportContext, before: ExportState, after: ExportState): void {
  const { failure } = after;
  if (failure !== null && before.failure === null) {
    log.warn({ code: failure.code, sink: sink.name }, `${failure.message}; it is tried again every minute`);
  } else if (failure === null && before.failure !== null) {
    log.info({ sink: sink.name, since: before.failure.since }, 'the log export goes on');
  }
}
