/**
 * Quarantine: when the job as a whole is taken to be sick, and how often it is tried then. After
 * https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-quarantine-status, with a threshold
 * that also means something where there are fewer than 5,000 users.
 */

/** Microsoft's words (https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationquarantine). */
export const quarantineReasons = [
  'EncounteredQuarantineException',
  'EncounteredEscrowProportionThreshold',
  'EncounteredBaseEscrowThreshold',
  'EncounteredTotalEscrowThreshold',
  'IngestionInterrupted',
] as const;
export type QuarantineReason = (typeof quarantineReasons)[number];

export interface QuarantineThresholds {
  /** Fewer failing users than this never count as a proportion. Microsoft's own is 5,000. */
  readonly minFailures: number;
  /** More failing users than this percentage of all. */
  readonly percent: number;
  /** More failing users than this, however many are well. */
  readonly failures: number;
}

/** Microsoft's, of failures of references (a manager, a member) and of users together. */
const failuresWithReferences = 60_000;

/** Why so many failures mean quarantine; undefined where they do not. `references` are failed references. */
export function reasonOfFailures(
  users: { readonly failed: number; readonly well: number; readonly references?: number },
  thresholds: QuarantineThresholds,
): QuarantineReason | undefined {
  const { failed, well, references = 0 } = users;
  if (failed + references > failuresWithReferences) return 'EncounteredTotalEscrowThreshold';
  if (failed > thresholds.failures) return 'EncounteredBaseEscrowThreshold';
  const proportion = failed >= thresholds.minFailures && failed > (thresholds.percent / 100) * (failed + well);
  return proportion ? 'EncounteredEscrowProportionThreshold' : undefined;
}

const minute = 60_000;
const day = 24 * 60 * minute;
/** After so long in quarantine the job is disabled. */
const disabledAfter = 28 * day;

/** When the job is tried again that could not leave quarantine `count` times: minutes, then hours, at most daily. */
export function nextAttempt(count: number, now: Date): Date {
  return new Date(now.getTime() + Math.min(day, minute * 2 ** Math.min(count - 1, 20)));
}

export function isDisabled(since: Date, now: Date): boolean {
  return now.getTime() - since.getTime() >= disabledAfter;
}
