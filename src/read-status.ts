/** Where things stand, with what the settings say of it: what `status` and the API tell. */
import { type ExportState, readExportState } from './log-export/export-log.ts';
import { nextRunOf } from './next-run.ts';
import { type CredentialExpiry, knownCredential } from './notify/credentials.ts';
import type { Service } from './service.ts';
import type { Database } from './state/database.ts';
import { type DriftCheck, readLastDrift } from './state/drift.ts';
import { readStanding, type Standing } from './state/standing.ts';
import type { UserCounts } from './state/user-counts.ts';

export interface Status {
  readonly standing: Standing;
  /** When the next cycle begins by itself. */
  readonly nextRun: Date | undefined;
  readonly credential: CredentialExpiry | undefined;
  readonly drift: DriftCheck | undefined;
  /** Undefined where the log is not exported, too. */
  readonly logExport: ExportState | undefined;
}

/** @param counted how many users there are, where that is known; else they are counted */
export async function readStatus(
  { database: { pool }, settings }: Pick<Service, 'settings'> & { readonly database: Pick<Database, 'pool'> },
  counted?: UserCounts,
): Promise<Status> {
  const standing = await readStanding(pool, counted);
  return {
    standing,
    nextRun: await nextRunOf(standing, settings.SYNC_SCHEDULE),
    credential: await knownCredential(pool, settings),
    drift: await readLastDrift(pool),
    logExport: settings.LOG_EXPORT_URL === undefined ? undefined : await readExportState(pool),
  };
}

/** As JSON; what is not known is null. */
export function statusJson({ standing, nextRun, credential, drift, logExport }: Status) {
  return {
    ...standing,
    nextRun: nextRun ?? null,
    credential: credential ?? null,
    drift: drift ?? null,
    logExport: logExport ?? null,
  };
}
