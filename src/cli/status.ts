/** `status`: where things stand, and what to do. */
import { nextTick } from '../schedule.ts';
import type { Service } from '../service.ts';
import { type Cycle, isCycleRunning, readCycles } from '../state/cycles.ts';
import { actionFor, type CommandOptions, print, printJson, withService } from './command.ts';
import { cell, howMany, when } from './table.ts';

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
  /** Some of those who failed, next try first. */
  readonly failing: readonly Failing[];
  readonly openOperations: number;
  readonly held: readonly { readonly set: number; readonly removals: number }[];
}

interface Failing {
  readonly id: string;
  readonly userName: string | null;
  readonly code: string;
  readonly httpStatus: number | null;
  readonly attempts: number;
  readonly firstFailedAt: Date;
  readonly nextRetryAt: Date;
}

const namedFailing = 10;

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
    `select (select count(*) from users) as mirrored, (select count(*) from users where in_scope and not filtered_out) as "inScope",
       (select count(*) from links) as linked, (select count(*) from links where active) as active,
       (select count(*) from escrow) as failed,
       (select count(*) from operations where state in ('open', 'staged')) as open`,
  );
  const held = await pool.query<{ set: number; removals: number }>(
    `select set_id as set, count(*) as removals from operations where state = 'held' group by 1 order by 1`,
  );
  const failing = await pool.query<Failing>(
    `select e.entra_id as id, coalesce(u.user_name, l.user_name) as "userName", e.code, e.http_status as "httpStatus",
       e.attempts, e.first_failed_at as "firstFailedAt", e.next_retry_at as "nextRetryAt"
     from escrow e left join users u on u.id = e.entra_id left join links l on l.entra_id = e.entra_id
     order by e.next_retry_at, e.entra_id limit $1`,
    [namedFailing],
  );
  const { mirrored = 0, inScope = 0, linked = 0, active = 0, failed = 0, open = 0 } = rows[0] ?? {};
  return {
    state: stateOf(lastCycle, await isCycleRunning(pool), failed, held.rows.length),
    lastCycle,
    nextRun: await nextTick(settings.SYNC_SCHEDULE),
    users: { mirrored, inScope, linked, active },
    failed,
    failing: failing.rows,
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
  if (found.failed > 0) {
    lines.push('', `${howMany(found.failed, 'user')} failed. See why: maptician-sync log --status failure`);
    lines.push(...found.failing.map(describeFailing));
    const more = found.failed - found.failing.length;
    if (more > 0) lines.push(`  … and ${more} more`);
  }
  for (const warning of cycle.warnings) lines.push('', `Warning: ${warning}`);
  return lines.join('\n');
}

function describeFailing({ id, userName, code, httpStatus, attempts, nextRetryAt }: Failing): string {
  const what = httpStatus === null ? code : `${code} (${httpStatus})`;
  const tries = attempts === 1 ? 'tried once' : `tried ${attempts} times`;
  const next =
    nextRetryAt <= new Date() ? 'again in the next cycle' : `again ${when(nextRetryAt)} UTC or after a change`;
  return `  ${cell(userName ?? id)}: ${what}, ${tries}, ${next}`;
}
