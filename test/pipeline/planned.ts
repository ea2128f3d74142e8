/** The dry run as the tests look at it: what it says, a plan in a file, and what a cycle did, in the same words. */

import { join } from 'node:path';
import { openPlan, type SavedPlan } from '../../src/cycle/open-plan.ts';
import { installationOf, toLine } from '../../src/cycle/plan-format.ts';
import { type DryRun, planOnly } from '../../src/cycle/plan-only.ts';
import {
  describeForeseen,
  fingerprintsOf,
  isChanging,
  type PlannedOperation,
} from '../../src/cycle/planned-operation.ts';
import { createPlan } from '../../src/cycle/save-plan.ts';
import { limitedKinds } from '../../src/plan/removal-guard.ts';
import { installationId } from '../../src/state/database.ts';
import { type LogRecord, type ModifiedProperty, readLog } from '../../src/state/provisioning-log.ts';
import type { World } from './world.ts';

interface Planned extends DryRun {
  readonly operations: readonly PlannedOperation[];
  /** Those that change something. */
  readonly changing: readonly PlannedOperation[];
  readonly saved: SavedPlan;
}

/** What `plan --save` finds. */
export async function planOf(world: World): Promise<Planned> {
  const { database, rules, cycleContext } = await world.service();
  const context = await cycleContext();
  const instance = await installationId(database);
  const path = join(world.folder, 'plan.ndjson');
  const file = await createPlan(path);
  const operations: PlannedOperation[] = [];
  const result = await planOnly(context, {
    each: async (batch) => {
      const described = batch.map((foreseen) => ({ foreseen, operation: describeForeseen(foreseen, rules) }));
      operations.push(...described.map(({ operation }) => operation));
      const changing = described.filter(({ operation }) => isChanging(operation.action));
      await file.write(
        changing.map(({ foreseen, operation }) => toLine(operation, fingerprintsOf(foreseen, rules, instance).hash)),
      );
    },
  });
  const userStore = context.storeIdentity;
  const waits = limitedKinds.filter((kind) => result.limitsPassed[kind] !== undefined);
  await file.finish({
    installation: installationOf(instance),
    userStore,
    fingerprint: result.fingerprint,
    waits,
  });
  const changing = operations.filter(({ action }) => isChanging(action));
  return { ...result, operations, changing, saved: await openPlan(path, { instance, userStore }) };
}

/** User by user: action, and old → new; a failure without its reason, since that tells of the moment. */
export function plannedLines(operations: readonly PlannedOperation[]): string[] {
  return operations
    .filter(({ action }) => action !== 'refused')
    .map(({ id, action, changes, code }) => lineOf(id, action, changes, code))
    .sort();
}

/** The same of what a cycle did, by its log. */
export async function doneLines(world: World, cycleId: number): Promise<string[]> {
  const { pool } = (await world.service()).database;
  const entries = await readLog(pool, { cycle: cycleId, limit: 100_000 });
  return entries.map((entry) => lineOf(entry.entraId, actionOf(entry), entry.modified, entry.code ?? undefined)).sort();
}

function actionOf({ status, operation }: LogRecord): string {
  if (status === 'failure') return 'fail';
  return status === 'skipped' && operation !== 'adopt' ? 'skip' : operation;
}

function lineOf(id: string, action: string, changes: readonly ModifiedProperty[], code: string | undefined): string {
  const values = changes.map(
    ({ displayName, oldValue, newValue }) =>
      `${displayName}: ${JSON.stringify(oldValue)} → ${JSON.stringify(newValue)}`,
  );
  return [id, action, ...(code === undefined ? [] : [code]), ...values.sort()].join(' | ');
}
