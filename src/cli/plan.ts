/** `plan`: what sync would do. Reads Entra into the mirror, and writes nothing to the queue or to Maptician. */

import { once } from 'node:events';
import type { Foreseen } from '../cycle/foresee.ts';
import { installationOf, toLine } from '../cycle/plan-format.ts';
import { type DryRun, planOnly } from '../cycle/plan-only.ts';
import {
  changesJson,
  describeForeseen,
  fingerprintsOf,
  isChanging,
  type PlannedOperation,
} from '../cycle/planned-operation.ts';
import { createPlan, type PlanWriter } from '../cycle/save-plan.ts';
import { isLimited, limitedKinds } from '../plan/removal-guard.ts';
import type { Service } from '../service.ts';
import { installationId } from '../state/database.ts';
import { cell, howMany } from '../words.ts';
import { type CommandOptions, print, withService } from './command.ts';
import { reportFile, shownPath } from './mapping-files.ts';
import { createProgress } from './progress.ts';
import { renderTable } from './table.ts';

export interface PlanOptions extends CommandOptions {
  /** The file that the plan is kept in, for `sync --plan`. */
  readonly save?: string | undefined;
}

/** So many rows are shown on a terminal; `--json` has them all. */
const shownRows = 200;
const nothingToDo = 0;
const somethingToDo = 4;

/** Exit status 4 where sync would change something in Maptician, else 0. */
export async function plan(options: PlanOptions): Promise<number> {
  return withService(options, async (service, signal) => {
    const { save } = options;
    const instance = await installationId(service.database);
    let file: PlanWriter | undefined;
    try {
      file = save === undefined ? undefined : await createPlan(save);
    } catch (thrown) {
      return reportFile(thrown, options);
    }
    try {
      const output = options.json ? createJson() : createTable();
      const result = await run(service, { signal, json: options.json === true, instance, file }, output.add);
      const saved = await file?.finish({
        installation: installationOf(instance),
        userStore: result.userStore,
        fingerprint: result.fingerprint,
        waits: limitedKinds.filter((kind) => result.limitsPassed[kind] !== undefined),
      });
      await output.end(result);
      if (saved !== undefined && save !== undefined && !options.json) print(describeSaved(shownPath(save), saved));
      return result.changes ? somethingToDo : nothingToDo;
    } finally {
      await file?.close();
    }
  });
}

interface Result extends DryRun {
  /** How many users by action. */
  readonly totals: ReadonlyMap<string, number>;
  /** Something is changed in Maptician, now or when it is approved. */
  readonly changes: boolean;
  readonly userStore: string;
}

async function run(
  service: Service,
  options: {
    readonly signal: AbortSignal;
    readonly json: boolean;
    readonly instance: string;
    readonly file: PlanWriter | undefined;
  },
  add: (operations: readonly PlannedOperation[]) => Promise<void>,
): Promise<Result> {
  const { rules } = service;
  const { signal, file } = options;
  const progress = createProgress({ silent: options.json });
  const totals = new Map<string, number>();
  let changes = false;
  const each = async (batch: readonly Foreseen[]) => {
    const described = batch.map((foreseen) => ({ foreseen, operation: describeForeseen(foreseen, rules) }));
    for (const { operation } of described) {
      totals.set(operation.action, (totals.get(operation.action) ?? 0) + 1);
      if (isChanging(operation.action)) changes = true;
    }
    const lines = described
      .filter(({ operation }) => isChanging(operation.action))
      .map(({ foreseen, operation }) => toLine(operation, fingerprintsOf(foreseen, rules, options.instance).hash));
    await file?.write(lines);
    await add(described.map(({ operation }) => operation));
  };
  try {
    const context = await service.cycleContext();
    const result = await planOnly(context, { signal, progress: progress.update, each });
    return { ...result, totals, changes, userStore: context.storeIdentity };
  } finally {
    progress.stop();
  }
}

interface Output {
  add(operations: readonly PlannedOperation[]): Promise<void>;
  end(result: Result): Promise<void>;
}

/** Written as it comes, and no faster than it is read, so that a plan for a million users needs no memory for them. */
function createJson(): Output {
  let first = true;
  return {
    add: async (operations) => {
      for (const operation of operations) {
        await write(`${first ? '{"operations":[' : ','}${JSON.stringify(operationJson(operation))}`);
        first = false;
      }
    },
    end: async ({ totals, held, limitsPassed, warnings }) => {
      await write(`${first ? '{"operations":[' : ''}],`);
      await write(`${JSON.stringify({ counts: Object.fromEntries(totals), held, limitsPassed, warnings }).slice(1)}\n`);
    },
  };
}

async function write(text: string): Promise<void> {
  const { stdout } = process;
  if (stdout.write(text) || stdout.destroyed) return;
  // A reader that has gone away drains nothing any more.
  await Promise.race([once(stdout, 'drain'), once(stdout, 'close')]).catch(() => undefined);
}

function operationJson({ id, action, userName, reason, after, code, held, changes }: PlannedOperation) {
  return {
    action,
    id,
    userName,
    reason,
    changes: changesJson(changes),
    ...(after === undefined ? {} : { after }),
    ...(code === undefined ? {} : { code }),
    ...(held ? { held } : {}),
  };
}

function createTable(): Output {
  const shown: PlannedOperation[] = [];
  return {
    add: async (operations) => {
      shown.push(...operations.slice(0, shownRows - shown.length));
    },
    end: async (result) => {
      print(describePlan(shown, result));
      for (const warning of result.warnings) print(`Warning: ${warning}`);
    },
  };
}

function describePlan(shown: readonly PlannedOperation[], result: Result): string {
  const { totals, changes } = result;
  if (totals.size === 0) return 'Nothing to do: Maptician has what Entra says.';
  const rows = shown.map((operation) => [operation.action, cell(operation.userName), whatOf(operation, result)]);
  const all = [...totals.values()].reduce((sum, count) => sum + count, 0);
  const summary = [...totals].map(([action, count]) => `${count} ${action}`).join(', ');
  return [
    renderTable(['ACTION', 'USER', 'WHAT'], rows),
    ...(all > shown.length ? [`… and ${all - shown.length} more; --json has them all`] : []),
    '',
    `${summary}.${changes ? '' : ' Nothing would change in Maptician.'}`,
    ...describeHeld(result),
  ].join('\n');
}

function describeHeld({ held, limitsPassed }: Result): string[] {
  const kinds = Object.entries(limitsPassed).map(([kind, reason]) => `${kind}: ${reason}`);
  if (kinds.length > 0) return ['Sync would hold for approval:', ...kinds.map((kind) => `  ${kind}`)];
  return held ? ['Some of it is held for approval: see maptician-sync status.'] : [];
}

function whatOf(operation: PlannedOperation, { limitsPassed }: Result): string {
  const { action, reason, after, code, held, changes } = operation;
  const values = changes.map(
    ({ displayName, oldValue, newValue }) => `${displayName}: ${cell(oldValue)} → ${cell(newValue)}`,
  );
  const parts = () => {
    switch (action) {
      case 'create':
        return [reason, howMany(values.length, 'value')];
      case 'update':
        return values;
      case 'adopt':
      case 'reactivate':
      case 'yield':
        return [reason, ...values];
      case 'deactivate':
      case 'delete':
        return [reason];
      default:
        return [code === undefined ? reason : `${code}: ${reason}`];
    }
  };
  // An account that is adopted is found by what would create one.
  const kind = action === 'adopt' ? 'create' : action;
  const waits = held || (isLimited(kind) && limitsPassed[kind] !== undefined);
  return [
    ...parts(),
    ...(waits ? ['held for approval'] : []),
    ...(after === undefined ? [] : [`once ${after.userName ?? after.id} has given up the userName`]),
  ].join('; ');
}

function describeSaved(path: string, operations: number): string {
  return `Saved ${howMany(operations, 'operation')} to ${path}. Carry out exactly these: maptician-sync sync --plan ${path}`;
}
