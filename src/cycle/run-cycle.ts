/**
 * One cycle: pull → plan → outbox → settle. Level-triggered: what is to be done is derived from the state as it is, so
 * a cycle that was killed anywhere is finished by the next one.
 */
import { errorHandling, recommendedAction, SyncError, toError, toSyncError } from '../errors.ts';
import type { Log } from '../log.ts';
import { notifyOfCycle } from '../notify/notifications.ts';
import {
  beginCycle,
  type CycleCounts,
  type CycleLock,
  countCycle,
  endCycle,
  lockCycle,
  stopOf,
} from '../state/cycles.ts';
import { driftWarnings } from '../state/drift.ts';
import { keptWarnings } from '../state/kept-warnings.ts';
import { failSpan } from '../telemetry/spans.ts';
import { type RunningCycle, startCycle } from './carry-out-cycle.ts';
import type { CycleContext, CycleOptions, CycleProgress, CycleResult } from './cycle-context.ts';
import { settleQuarantine } from './quarantine.ts';
import { watchCycle } from './watch-cycle.ts';

/**
 * Runs one cycle under the cycle lock. Resolves also when the cycle failed: the reason is in `error`. Undefined where
 * another cycle runs and `wait` is false.
 */
export async function runCycle(context: CycleContext, options: CycleOptions): Promise<CycleResult | undefined> {
  const started = Date.now();
  const { metrics, inSpan } = context.telemetry;
  const lock = await lockCycle(context.databaseUrl, { wait: options.wait, signal: options.signal });
  if (lock === undefined) return undefined;
  try {
    return await inSpan('cycle', { 'maptician_sync.cycle.trigger': options.trigger }, async (span) => {
      const result = { ...(await runLocked(context, options, lock)), durationMs: Date.now() - started };
      const { cycleId, kind, state, error } = result;
      span.setAttributes({
        'maptician_sync.cycle.id': cycleId,
        'maptician_sync.cycle.kind': kind,
        'maptician_sync.cycle.state': state,
      });
      if (error !== undefined) failSpan(span, error.code);
      metrics.cycleEnded({ kind, state, milliseconds: result.durationMs });
      return result;
    });
  } finally {
    await lock.release();
    await context.logKeeper.deliver(options.signal);
  }
}

async function runLocked(
  context: CycleContext,
  options: CycleOptions,
  lock: CycleLock,
): Promise<Omit<CycleResult, 'durationMs'>> {
  const { pool } = context;
  await context.logKeeper.prepare();
  const cycleId = await beginCycle(pool, options.trigger);
  const watch = watchCycle(pool, cycleId);
  const signal = AbortSignal.any([
    lock.signal,
    watch.signal,
    ...(options.signal === undefined ? [] : [options.signal]),
  ]);
  const progress = (update: CycleProgress) => {
    watch.progress(update);
    options.progress?.(update);
  };
  const cycle = startCycle(context, { ...options, progress }, cycleId, signal);
  const thrown = await cycle.run().then(
    () => undefined,
    (reason: unknown) => ({ reason }),
  );
  await watch.end();
  // A job may have stopped the cycle when its last operation had ended already.
  const stop = thrown === undefined ? await stopOf(pool, cycleId) : thrown.reason;
  const reason = watch.signal.aborted ? watch.signal.reason : stop;
  const error = reason === undefined ? undefined : stopReason(reason, context.log, options.signal);
  const counts = await countCycle(pool, cycleId);
  const notifies = context.channels.length > 0;
  cycle.warnings.push(
    ...(await keptWarnings(pool, cycleId, notifies)),
    ...(await driftWarnings(pool, cycleId, notifies)),
  );
  const quarantine = await settleQuarantine(
    pool,
    { kind: cycle.kind, error, failed: counts.failed },
    context.thresholds,
  );
  const interrupted = error !== undefined && !errorHandling(error.code).quarantines;
  const state = interrupted ? 'interrupted' : endState(error, counts, cycle);
  await endCycle(pool, cycleId, { state, counts, warnings: cycle.warnings, error });
  if (notifies && (error === undefined || errorHandling(error.code).mail !== 'never')) {
    await notifyOfCycle(context, cycleId).catch((thrown: unknown) =>
      context.log.error(
        { cycle: cycleId, code: toSyncError(thrown).code },
        'the notifications of the cycle could not be sent yet',
      ),
    );
  }
  const result = { cycleId, kind: cycle.kind, state, counts, warnings: cycle.warnings, error, quarantine } as const;
  context.log.info({ cycle: cycleId, kind: cycle.kind, state, quarantine, ...counts }, 'cycle ended');
  return result;
}

/** A cycle that left anyone behind is partial, never succeeded. */
function endState(
  error: SyncError | undefined,
  counts: CycleCounts,
  cycle: RunningCycle,
): 'failed' | 'partial' | 'succeeded' {
  if (error !== undefined) return 'failed';
  return counts.failed > 0 || counts.held > 0 || cycle.incomplete ? 'partial' : 'succeeded';
}

/** Why a cycle stopped, as a class of the table; logged here, once. */
function stopReason(thrown: unknown, log: Log, signal: AbortSignal | undefined): SyncError {
  if (signal?.aborted) return new SyncError('Interrupted', 'The cycle was interrupted; the next one goes on from here');
  const error = toSyncError(thrown);
  // What has no class may quote a value: its words are in the state database, and only its place is logged.
  const said =
    error.code === 'InternalError' ? `the cycle stopped: ${toError(error.cause ?? error).name}` : error.message;
  const place = error.code === 'InternalError' ? { stack: placeOf(toError(error.cause ?? error)) } : {};
  log[errorHandling(error.code).mail === 'never' ? 'info' : 'error'](
    { code: error.code, action: recommendedAction(error.code), ...place },
    said,
  );
  return error;
}

/** Where an error comes from, without what it says. */
function placeOf(error: Error): string[] {
  return (error.stack ?? '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
}

/** Exit status of a cycle: 0 converged, 1 finished with failures, 2 stopped, 3 quarantined, held or paused, 130 interrupted. */
export function exitStatus(result: CycleResult): 0 | 1 | 2 | 3 | 130 {
  const { error, quarantine } = result;
  if (error?.code === 'Paused') return 3;
  if (error?.code === 'Interrupted') return 130;
  // What cannot be reached, or may not be used, is told apart from what works and yet goes wrong.
  if (quarantine !== undefined && quarantine !== 'EncounteredQuarantineException') return 3;
  if (error !== undefined) return 2;
  if (result.counts.held > 0) return 3;
  return result.state === 'partial' ? 1 : 0;
}
