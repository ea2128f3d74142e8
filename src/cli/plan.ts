/** `plan`: what sync would do. Reads Entra into the mirror, and writes nothing to the queue or to Maptician. */
import { type DryRun, planOnly } from '../cycle/plan-only.ts';
import type { Planned } from '../cycle/planned-users.ts';
import { changedAttributes } from '../mapping/map-user.ts';
import { redact } from '../mapping/redaction.ts';
import type { Match } from '../maptician/match-accounts.ts';
import type { PlanRules } from '../plan/decide.ts';
import { modifiedProperties } from '../state/provisioning-log.ts';
import { type CommandOptions, print, withService } from './command.ts';
import { createProgress } from './progress.ts';
import { cell, renderTable } from './table.ts';

/** So many rows are shown on a terminal; `--json` has them all. */
const shownRows = 200;

export async function plan(options: CommandOptions): Promise<number> {
  return withService(options, async (service, signal) => {
    const progress = createProgress({ silent: options.json === true });
    const shown: Shown[] = [];
    const totals = new Map<string, number>();
    let first = true;
    const result = await planOnly(await service.cycleContext(), {
      signal,
      progress: progress.update,
      each: (planned, existing) => {
        const one = { planned, existing, rules: service.rules };
        const action = actionOf(one);
        totals.set(action, (totals.get(action) ?? 0) + 1);
        if (options.json) {
          // Written as it comes, so that a plan for a million users needs no memory for them.
          process.stdout.write(`${first ? '{"operations":[' : ','}${JSON.stringify(planJson(one))}`);
          first = false;
        } else if (shown.length < shownRows) shown.push(one);
      },
    });
    progress.stop();
    const counts = Object.fromEntries(totals);
    if (options.json) {
      process.stdout.write(`${first ? '{"operations":[' : ''}],`);
      process.stdout.write(
        `${JSON.stringify({ counts, held: result.held, limitsPassed: result.limitsPassed, warnings: result.warnings }).slice(1)}\n`,
      );
      return 0;
    }
    print(describePlan(shown, totals, result));
    for (const warning of result.warnings) print(`Warning: ${warning}`);
    return 0;
  });
}

interface Shown {
  readonly planned: Planned;
  /** The accounts Maptician has that match a user who is to be created. */
  readonly existing: Match | undefined;
  readonly rules: PlanRules;
}

function actionOf({ planned, existing, rules }: Shown): string {
  if (isAmbiguous(existing)) return 'fail';
  if (planned.takeover !== undefined || existing !== undefined) return 'adopt';
  return planned.decision.kind === 'create' && !rules.table.actions.create ? 'skip' : planned.decision.kind;
}

function isAmbiguous(existing: Match | undefined): existing is Match {
  return existing !== undefined && existing.users.length > 1;
}

function changesOf({ planned: { subject, decision }, existing, rules }: Shown) {
  if (!('attributes' in decision)) return [];
  const { attributes, redacted = [], rules: flowRules = {} } = decision;
  const [account] = existing?.users ?? [];
  const { flowNulls, table } = rules;
  const { applied = {}, redacted: hidden = [] } = subject.link ?? {};
  if (account === undefined) {
    if (subject.link === null && !table.actions.create) return [];
    return modifiedProperties(redact(applied, [...hidden, ...redacted]), redact(attributes, redacted));
  }
  if (!table.actions.update) return [];
  const changes = changedAttributes(attributes, account.attributes, { flowNulls, rules: flowRules });
  return modifiedProperties(redact(account.attributes, redacted), redact(changes, redacted));
}

function planJson(one: Shown) {
  const { subject, userName, linkedName, decision } = one.planned;
  return {
    action: actionOf(one),
    id: subject.id,
    userName: userName ?? linkedName,
    reason: reasonOf(one),
    changes: changesOf(one).map(({ displayName, oldValue, newValue }) => ({
      attribute: displayName,
      old: oldValue,
      new: newValue,
    })),
    ...('code' in decision ? { code: decision.code } : {}),
    ...(isAmbiguous(one.existing) ? { code: 'DuplicateTargetEntries' } : {}),
  };
}

function reasonOf({ planned: { decision, takeover }, existing, rules }: Shown): string {
  if (isAmbiguous(existing)) return `${existing.users.length} Maptician accounts have this ${existing.by}`;
  if (existing !== undefined) return 'an existing account is adopted';
  if (decision.kind === 'create' && takeover === undefined && !rules.table.actions.create) {
    return 'not created: creating is off in the attribute table';
  }
  if (decision.kind === 'wait') return `waits for the userName that ${decision.holder.entraId} gives up`;
  return 'reason' in decision ? decision.reason : '';
}

function describePlan(shown: readonly Shown[], totals: ReadonlyMap<string, number>, result: DryRun): string {
  if (totals.size === 0) return 'Nothing to do: Maptician has what Entra says.';
  const rows = shown.map((one) => {
    const action = actionOf(one);
    const changes = changesOf(one).map(
      ({ displayName, oldValue, newValue }) => `${displayName}: ${cell(oldValue)} → ${cell(newValue)}`,
    );
    const what = action === 'create' || action === 'fail' ? reasonOf(one) : changes.join('; ') || reasonOf(one);
    return [action, cell(one.planned.userName ?? one.planned.linkedName), what];
  });
  const all = [...totals.values()].reduce((sum, count) => sum + count, 0);
  const summary = [...totals].map(([action, count]) => `${count} ${action}`).join(', ');
  return [
    renderTable(['ACTION', 'USER', 'WHAT'], rows),
    ...(all > shown.length ? [`… and ${all - shown.length} more; --json has them all`] : []),
    '',
    `${summary}.`,
    ...describeHeld(result),
  ].join('\n');
}

function describeHeld({ held, limitsPassed }: DryRun): string[] {
  const kinds = Object.entries(limitsPassed).map(([kind, reason]) => `${kind}: ${reason}`);
  if (kinds.length > 0) return ['Sync would hold for approval:', ...kinds.map((kind) => `  ${kind}`)];
  return held ? ['Some of it is held for approval: see maptician-sync status.'] : [];
}
