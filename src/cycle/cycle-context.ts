/** What a cycle is handed, and what it resolves with. */
import type pg from 'pg';
import type { PullContext } from '../directory/pull-context.ts';
import type { SyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import type { LogKeeper } from '../log-export/keep-log.ts';
import type { UserStore } from '../maptician/user-store.ts';
import type { ChannelName } from '../notify/kinds.ts';
import type { PlanRules } from '../plan/decide.ts';
import type { QuarantineReason, QuarantineThresholds } from '../plan/quarantine.ts';
import type { QueueBackend } from '../queue/backend.ts';
import type { CycleCounts, CycleKind, CycleState } from '../state/cycles.ts';
import type { Telemetry } from '../telemetry/telemetry.ts';
import type { GuardRules } from './guard-state.ts';
import type { SavedPlan } from './open-plan.ts';

export interface CycleContext {
  readonly pool: pg.Pool;
  readonly databaseUrl: string;
  readonly queue: QueueBackend;
  /** Rejects where the user store cannot be used; then the cycle stops, and says so. */
  readonly openStore: () => Promise<UserStore>;
  /** Which user store it is; another one has none of the accounts that the links speak of. */
  readonly storeIdentity: string;
  readonly rules: PlanRules;
  readonly thresholds: QuarantineThresholds;
  readonly guard: GuardRules;
  readonly logKeeper: LogKeeper;
  /** The ways in which people are told; with none, nobody is. */
  readonly channels: readonly ChannelName[];
  readonly log: Log;
  readonly telemetry: Pick<Telemetry, 'metrics' | 'inSpan'>;
  /** Opens the Entra side for one cycle; rejects where it cannot be reached or is misconfigured. */
  readonly openDirectory: (cycle: DirectoryCycle) => Promise<PullContext>;
}

export interface DirectoryCycle {
  readonly signal: AbortSignal;
  readonly progress: PullContext['progress'];
  readonly warn: (message: string) => void;
}

export interface CycleOptions {
  readonly trigger: 'schedule' | 'sync' | 'resync' | 'drift' | 'console';
  readonly resync: boolean;
  /** Waits for a cycle that runs elsewhere; otherwise resolves with undefined. */
  readonly wait: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly progress?: ((progress: CycleProgress) => void) | undefined;
  /** Carries out exactly this, or stops with PlanOutdated. */
  readonly plan?: SavedPlan | undefined;
}

export interface CycleProgress {
  readonly phase: string;
  readonly done: number;
  /** Unknown while a list is still being read. */
  readonly total: number | undefined;
}

export interface CycleResult {
  readonly cycleId: number;
  readonly kind: CycleKind;
  readonly state: Exclude<CycleState, 'running'>;
  readonly counts: CycleCounts;
  readonly warnings: readonly string[];
  readonly durationMs: number;
  /** Why the cycle stopped, where it did. */
  readonly error: SyncError | undefined;
  /** Why the job is in quarantine now, where this cycle found that it is to be. */
  readonly quarantine: QuarantineReason | undefined;
}
