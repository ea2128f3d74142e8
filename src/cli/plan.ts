/** `plan`: what sync would do. Reads Entra into the mirror, and writes nothing to the queue or to Maptician. */
import { planOnly } from '../cycle/plan-only.ts';
import type { Planned } from '../cycle/planned-users.ts';
import { modifiedProperties } from '../state/provisioning-log.ts';
import { type CommandOptions, print, withService } from './command.ts';
import { createProgress } from './progress.ts';
import { cell, renderTable } from './table.ts';

/** So many rows are shown on a terminal; `--json` has them all. */
const shownRows = 200;

export async function plan(options: CommandOptions): Promise<number> {
  return withService(options, async (service, signal) => {
    const progress = createProgress({ silent: options.json === true });
    const shown: Planned[] = [];
    const totals = new Map<string, number>();
    let first = true;
    const result = await planOnly(await service.cycleContext(), {
      signal,
      progress: progress.update,
      each: (planned) => {
        const action = actionOf(planned);
        totals.set(action, (totals.get(action) ?? 0) + 1);
        if (options.json) {
          // Written as it comes, so that a plan for a million users needs no memory for them.
          process.stdout.write(`${first ? '{"operations":[' : ','}${JSON.stringify(planJson(planned))}`);
          first = false;
        } else if (shown.length < shownRows) shown.push(planned);
      },
    });
    progress.stop();
    const counts = Object.fromEntries(totals);
    if (options.json) {
      process.stdout.write(`${first ? '{"operations":[' : ''}],`);
      process.stdout.write(`${JSON.stringify({ counts, held: result.held, warnings: result.warnings }).slice(1)}\n`);
      return 0;
    }
    print(describePlan(shown, totals, result.held));
    for (const warning of result.warnings) print(`Warning: ${warning}`);
    return 0;
  });
}

function actionOf(planned: Planned): string {
  return planned.takeover === undefined ? planned.decision.kind : 'adopt';
}

function changesOf({ subject, decision }: Planned) {
  if (!('attributes' in decision)) return [];
  return modifiedProperties(subject.link?.applied ?? {}, decision.attributes);
}

function planJson(planned: Planned) {
  const { decision, subject } = planned;
  return {
    action: actionOf(planned),
    id: subject.id,
    userName: planned.userName ?? planned.linkedName,
    reason: reasonOf(planned),
    changes: changesOf(planned).map(({ displayName, oldValue, newValue }) => ({
      attribute: displayName,
      old: oldValue,
      new: newValue,
    })),
    ...('code' in decision ? { code: decision.code } : {}),
  };
}

function reasonOf({ decision }: Planned): string {
  if (decision.kind === 'wait') return `waits for the userName that ${decision.holder.entraId} gives up`;
  return 'reason' in decision ? decision.reason : '';
}

function describePlan(shown: readonly Planned[], totals: ReadonlyMap<string, number>, held: boolean): string {
  if (totals.size === 0) return 'Nothing to do: Maptician has what Entra says.';
  const rows = shown.map((planned) => {
    const changes = changesOf(planned).map(({ displayName, oldValue, newValue }) =>
      planned.decision.kind === 'create' ? cell(newValue) : `${displayName}: ${cell(oldValue)} → ${cell(newValue)}`,
    );
    const what = planned.decision.kind === 'create' ? reasonOf(planned) : changes.join('; ') || reasonOf(planned);
    return [actionOf(planned), cell(planned.userName ?? planned.linkedName), what];
  });
  const all = [...totals.values()].reduce((sum, count) => sum + count, 0);
  const summary = [...totals].map(([action, count]) => `${count} ${action}`).join(', ');
  return [
    renderTable(['ACTION', 'USER', 'WHAT'], rows),
    ...(all > shown.length ? [`… and ${all - shown.length} more; --json has them all`] : []),
    '',
    `${summary}.`,
    ...(held ? ['The removals are above the limit: sync would hold them for approval.'] : []),
  ].join('\n');
}
