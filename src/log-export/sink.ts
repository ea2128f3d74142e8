/** A receiver of the provisioning log, and the form in which it gets entries. */
import type { ProvisioningObjectSummary } from '../log-record/summary.ts';

/** A receiver of entries. */
export interface Sink {
  /** What it is, without secrets, for log and status. */
  readonly name: string;
  /** Resolves when the receiver has these entries; rejects with a SyncError where it may not have all of them. */
  readonly send: (entries: readonly ProvisioningObjectSummary[], signal: AbortSignal) => Promise<void>;
}

/** Settles as the work does, or rejects once the signal is aborted: some work then settles late or never. */
export async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const aborted = Promise.withResolvers<never>();
  const abort = () => aborted.reject(signal.reason);
  signal.addEventListener('abort', abort);
  try {
    if (signal.aborted) abort();
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** One JSON object a line. */
export function toNdjson(entries: readonly ProvisioningObjectSummary[]): string {
  return entries.map((entry) => `${JSON.stringify(entry)}\n`).join('');
}
