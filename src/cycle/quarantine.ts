/** What a cycle's end means for the job: into quarantine, kept there, or out of it. */
import type pg from 'pg';
import { errorHandling, type SyncError } from '../errors.ts';
import { type QuarantineReason, type QuarantineThresholds, reasonOfFailures } from '../plan/quarantine.ts';
import { compareAgain } from '../state/compare-again.ts';
import type { CycleKind } from '../state/cycles.ts';
import { transaction } from '../state/database.ts';
import { enterQuarantine, leaveQuarantine } from '../state/job.ts';

/** Resolves with why the job is in quarantine now; undefined where it is not. */
export async function settleQuarantine(
  pool: pg.Pool,
  cycle: { readonly kind: CycleKind; readonly error: SyncError | undefined; readonly failed: number },
  thresholds: QuarantineThresholds,
): Promise<QuarantineReason | undefined> {
  const { error, failed, kind } = cycle;
  if (error !== undefined) {
    const { code, message } = error;
    if (!errorHandling(code).quarantines) return undefined;
    const reason = reasonOfStop(error);
    await enterQuarantine(pool, { reason, code, message });
    return reason;
  }
  const well = failed < Math.min(thresholds.minFailures, thresholds.failures) ? 0 : await countWell(pool);
  const reason = reasonOfFailures({ failed, well }, thresholds);
  if (reason === undefined) {
    await leaveQuarantine(pool);
    return undefined;
  }
  const message = `${failed} users failed, and ${well} are well`;
  if (kind === 'initial') await pruneEscrows(pool, reason, message);
  else await enterQuarantine(pool, { reason, code: null, message });
  return reason;
}

function reasonOfStop({ code }: SyncError): QuarantineReason {
  if (code === 'IngestionInterrupted') return 'IngestionInterrupted';
  return code === 'TooManyFailures' ? 'EncounteredEscrowProportionThreshold' : 'EncounteredQuarantineException';
}

async function countWell(pool: pg.Pool): Promise<number> {
  const { rows } = await pool.query<{ well: number }>(
    'select count(*) as well from links l where not exists (select from escrow e where e.entra_id = l.entra_id)',
  );
  return rows[0]?.well ?? 0;
}

/**
 * So many failures in an initial cycle have one cause, as a rule: their escrows are cleared, and the job waits for a person
 * (https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationstatus, escrowsPruned). Whoever failed
 * is compared again when it goes on.
 */
async function pruneEscrows(pool: pg.Pool, reason: QuarantineReason, message: string): Promise<void> {
  await transaction(pool, async (client) => {
    await compareAgain(client, 'select entra_id from escrow');
    await client.query('delete from escrow');
    await enterQuarantine(client, { reason, code: null, message, waits: true });
  });
}
