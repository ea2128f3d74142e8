/** `sync` and `resync`: one cycle now, waited for. */

import type { CycleOptions, CycleResult } from '../cycle/cycle-context.ts';
import { openPlan, type SavedPlan } from '../cycle/open-plan.ts';
import { exitStatus, runCycle } from '../cycle/run-cycle.ts';
import { errorJson, recommendedAction } from '../errors.ts';
import { storeIdentity } from '../maptician/open-user-store.ts';
import type { Service } from '../service.ts';
import { installationId } from '../state/database.ts';
import { howMany } from '../words.ts';
import { type CommandOptions, print, printJson, withService } from './command.ts';
import { reportFile } from './mapping-files.ts';
import { createProgress } from './progress.ts';

export interface SyncOptions extends CommandOptions {
  readonly resync: boolean;
  /** The file of a saved plan: exactly that is carried out, or nothing. */
  readonly plan?: string | undefined;
}

export async function sync(options: SyncOptions): Promise<number> {
  return withService(options, async (service, signal) => {
    let plan: SavedPlan | undefined;
    try {
      plan = options.plan === undefined ? undefined : await openSavedPlan(service, options.plan);
    } catch (thrown) {
      return reportFile(thrown, options);
    }
    const { json, resync } = options;
    const result = await runOneCycle(service, { json, trigger: resync ? 'resync' : 'sync', plan, signal });
    if (options.json) printJson(cycleJson(result));
    else print(describeCycle(result));
    return exitStatus(result);
  });
}

async function openSavedPlan({ database, settings }: Service, path: string): Promise<SavedPlan> {
  const instance = await installationId(database);
  return openPlan(path, { instance, userStore: storeIdentity(settings) });
}

/** Runs a cycle with workers of its own; a service that runs beside it takes its share. */
export async function runOneCycle(
  service: Service,
  options: {
    readonly json?: boolean | undefined;
    readonly trigger: CycleOptions['trigger'];
    readonly plan?: SavedPlan | undefined;
    readonly signal: AbortSignal;
  },
): Promise<CycleResult> {
  const progress = createProgress({ silent: options.json === true });
  try {
    const context = await service.cycleContext();
    await service.work({ cycles: false, signal: options.signal });
    const result = await runCycle(context, {
      trigger: options.trigger,
      resync: options.trigger === 'resync',
      wait: true,
      plan: options.plan,
      signal: options.signal,
      progress: progress.update,
    });
    // Undefined only where a cycle is not waited for.
    if (result === undefined) throw new Error('the cycle was passed over');
    return result;
  } finally {
    progress.stop();
  }
}

/** The one JSON object that `sync --json` ends with. */
export function cycleJson(result: CycleResult) {
  return {
    cycleId: result.cycleId,
    kind: result.kind,
    ...result.counts,
    durationMs: result.durationMs,
    ...(result.quarantine === undefined ? {} : { quarantine: result.quarantine }),
    ...(result.warnings.length === 0 ? {} : { warnings: result.warnings }),
    ...(result.error === undefined ? {} : { error: errorJson(result.error) }),
  };
}

/** What a cycle did, for a person: what happened first, then what to do. */
export function describeCycle(result: CycleResult): string {
  const { counts, error } = result;
  const lines: string[] = [];
  const seconds = (result.durationMs / 1000).toFixed(1);
  if (error !== undefined) {
    lines.push(`Cycle ${result.cycleId} (${result.kind}) stopped after ${seconds} s: ${error.message}`);
    lines.push(recommendedAction(error.code));
  } else lines.push(`Cycle ${result.cycleId} (${result.kind}) ended after ${seconds} s.`);
  const did = (['created', 'updated', 'reactivated', 'deactivated', 'deleted', 'skipped'] as const)
    .filter((name) => counts[name] > 0)
    .map((name) => `${counts[name]} ${name}`);
  if (did.length > 0) lines.push(`Users: ${did.join(', ')}.`);
  else if (error === undefined) lines.push('Nothing changed.');
  if (counts.failed > 0) lines.push(`${counts.failed} failed; see: maptician-sync log --status failure`);
  if (counts.held > 0) lines.push(`${howMany(counts.held, 'user')} held for approval; see: maptician-sync status`);
  if (result.quarantine !== undefined) {
    lines.push(
      `In quarantine now (${result.quarantine}): what to do, and when it is tried again, says maptician-sync status`,
    );
  }
  for (const warning of result.warnings) lines.push(`Warning: ${warning}`);
  return lines.join('\n');
}
