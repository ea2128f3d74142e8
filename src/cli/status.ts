/** `status`: where things stand, and what to do. */
import { nextTick } from '../schedule.ts';
import type { Service } from '../service.ts';
import { type Cycle, isCycleRunning, readCycles } from '../state/cycles.ts';
import { actionFor, type CommandOptions, print, printJson, withService } from './command.ts';
import { howMany, when } from './table.ts';

interface Status {
  readonly state: 'never run' | 'running' | 'interrupted' | 'healthy' | 'failing' | 'held' | 'stopped';
  readonly lastCycle: Cycle | undefined;
  readonly nextRun: Date | undefined;
  readonly users: {
    readonly mirrored: number;
    readonly inScope: number;
    readonly linked: number;
    readonly active: number;
  };
  readonly failed: number;
  readonly openOperations: number;
  readonly held: readonly { readonly set: number; readonly removals: number }[];
}

export async function status(options: CommandOptions): Promise<number> {
  return withService(options, async (service) => {
    const found = await readStatus(service);
    if (options.json) printJson(found);
    else print(describeStatus(found));
    return 0;
  });
}

async function readStatus({ database, settings }: Service): Promise<Status> {
  const { pool } = database;
  const [lastCycle] = await readCycles(pool, 1);
  const { rows } = await pool.query<Status['users'] & { failed: number; open: number }>(
    `select (select count(*) from users) as mirrored, (select count(*) from users where in_scope) as "inScope",
       (select count(*) from links) as linked, (select count(*) from links where active) as active,
       (select count(*) from escrow) as failed,
       (select count(*) from operations where state in ('open', 'staged')) as open`,
  );
  const held = await pool.query<{ set: number; removals: number }>(
    `select set_id as set, count(*) as removals from operations where state = 'held' group by 1 order by 1`,
  );
  const { mirrored = 0, inScope = 0, linked = 0, active = 0, failed = 0, open = 0 } = rows[0] ?? {};
  return {
    state: stateOf(lastCycle, await isCycleRunning(pool), failed, held.rows.length),
    lastCycle,
    nextRun: await nextTick(settings.SYNC_SCHEDULE),
    users: { mirrored, inScope, linked, active },
    failed,
    openOperations: open,
    held: held.rows,
  };
}

function stateOf(cycle: Cycle | undefined, running: boolean, failed: number, held: number): Status['state'] {
  if (cycle === undefined) return 'never run';
  if (running) return 'running';
  // The next cycle goes on from there.
  if (cycle.state === 'running' || cycle.state === 'interrupted') return 'interrupted';
  if (cycle.state === 'failed') return 'stopped';
  if (held > 0) return 'held';
  return failed > 0 || cycle.state === 'partial' ? 'failing' : 'healthy';
}

function describeStatus(found: Status): string {
  const { lastCycle: cycle, users } = found;
  const lines = [
    `State      ${found.state}`,
    `Users      ${users.active} active and ${users.linked - users.active} inactive in Maptician; ${users.inScope} in scope in Entra`,
    `Next run   ${when(found.nextRun)} UTC, if the service is running`,
  ];
  if (cycle === undefined) {
    lines.push(
      '',
      'No cycle has run yet. Check the connections: maptician-sync test-connection. Then: maptician-sync sync',
    );
    return lines.join('\n');
  }
  const ended =
    cycle.endedAt === null ? `in ${cycle.phase} since ${when(cycle.startedAt)}` : `ended ${when(cycle.endedAt)}`;
  lines.push(`Last cycle ${cycle.id} (${cycle.kind}, by ${cycle.trigger}): ${cycle.state}, ${ended} UTC`);
  if (cycle.counts !== null) {
    const counts = Object.entries(cycle.counts).filter(([, count]) => count > 0);
    lines.push(`           ${counts.map(([name, count]) => `${count} ${name}`).join(', ') || 'nothing changed'}`);
  }
  if (cycle.stopMessage !== null) lines.push('', `Stopped: ${cycle.stopMessage}`, actionFor(cycle.stopCode));
  for (const { set, removals } of found.held) {
    lines.push('', `${howMany(removals, 'removal')} held as set ${set}. See who: maptician-sync plan`);
    lines.push(`Carry them out: maptician-sync approve ${set}    Leave the accounts: maptician-sync reject ${set}`);
  }
  if (found.failed > 0)
    lines.push('', `${howMany(found.failed, 'user')} failed. See why: maptician-sync log --status failure`);
  for (const warning of cycle.warnings) lines.push('', `Warning: ${warning}`);
  return lines.join('\n');
}
