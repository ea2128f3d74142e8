import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../src/errors.ts';
import { causesOfCycle, causesOfTime } from '../../src/notify/causes.ts';
import { composeNotification } from '../../src/notify/compose.ts';
import { notifyOfCycle } from '../../src/notify/notifications.ts';
import type { QueueBackend } from '../../src/queue/backend.ts';
import { loadSettings } from '../../src/settings.ts';
import { readCycle } from '../../src/state/cycles.ts';
import { driftWarnings } from '../../src/state/drift.ts';
import { enterQuarantine, leaveQuarantine } from '../../src/state/job.ts';
import { keptWarnings } from '../../src/state/kept-warnings.ts';
import { writeLog } from '../../src/state/provisioning-log.ts';
import { entryOf } from '../provisioning-log/entries.ts';
import { openTestState, type TestState } from '../support/state-database.ts';

let state: TestState;
beforeAll(async () => {
  state = await openTestState();
});
afterAll(() => state.close());
afterEach(async () => {
  await state.pool.query('truncate escrow, incidents, notifications, deliveries, cycles, drift');
  await leaveQuarantine(state.pool);
});

/** What is written is looked at; nobody carries it away. */
const noQueue: QueueBackend = {
  kind: 'postgres',
  add: async () => {
    throw new Error('The queue is away.');
  },
  addOnce: async () => {
    throw new Error('The queue is away.');
  },
  depth: async () => 0,
  queue: () => {
    throw new Error('The queue is away.');
  },
  work: () => async () => undefined,
  check: async () => '',
  close: async () => undefined,
};

/** The end of a cycle, with what was told then, by kind. It also warns of drift and kept values, unless it was stopped. */
async function endCycle(
  end: { failed?: number; warnings?: string[]; stopCode?: ErrorCode; killed?: boolean } = {},
): Promise<string[]> {
  const { pool } = state;
  const zero = { created: 0, updated: 0, deactivated: 0, reactivated: 0, deleted: 0, skipped: 0, held: 0 };
  const { rows } = await pool.query<{ id: number }>(
    `insert into cycles (kind, trigger, state, ended_at, log_from, counts, warnings, stop_code, stop_message)
     values ('incremental', 'schedule', 'partial', now(), 0, $1, $2, $3, $3) returning id`,
    [JSON.stringify({ ...zero, failed: end.failed ?? 0 }), JSON.stringify(end.warnings ?? []), end.stopCode ?? null],
  );
  const id = rows[0]?.id ?? 0;
  const warnings = [
    ...(end.warnings ?? []),
    ...(await keptWarnings(pool, id, true)),
    ...(await driftWarnings(pool, id, true)),
  ];
  await pool.query('update cycles set warnings = $2 where id = $1', [id, JSON.stringify(warnings)]);
  if (end.killed) return [];
  await notifyOfCycle({ pool, queue: noQueue, channels: ['webhook'] }, id).catch((thrown: unknown) =>
    expect(thrown).toMatchObject({ message: 'The queue is away.' }),
  );
  const told = await pool.query<{ kind: string }>('select kind from notifications where cycle_id = $1 order by id', [
    id,
  ]);
  return told.rows.map(({ kind }) => kind);
}

const user = '6204c1d1-4712-4c46-a7d9-3ed63d992682';
async function fail(code: ErrorCode): Promise<void> {
  await state.pool.query(
    `insert into escrow (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, next_retry_at, last_cycle_id)
     values ($1, 'update', $2, 'why', 1, now(), now(), now(), 0) on conflict (entra_id) do update set code = excluded.code`,
    [user, code],
  );
}

describe('a user who fails', () => {
  it('is told of once for all that may pass, and anew for what does not', async () => {
    const told: string[][] = [];
    for (const code of ['Timeout', 'InternalServerError', 'Timeout', 'Conflict', 'Conflict'] as const) {
      await fail(code);
      told.push(await endCycle({ failed: 1 }));
    }
    expect(told).toEqual([['failures'], [], [], ['failures'], []]);
    await state.pool.query('delete from escrow');
    expect(await endCycle()).toEqual(['recovery']);
    expect(await endCycle()).toEqual([]);
  });

  it('in a quarantine for too many failures is told of by its mail, and not again when it is over', async () => {
    await fail('Conflict');
    const reason = 'EncounteredEscrowProportionThreshold';
    await enterQuarantine(state.pool, { reason, code: null, message: '30 users failed' });
    expect(await endCycle({ failed: 30 })).toEqual(['quarantine']);
    const { rows } = await state.pool.query<{ id: number }>('select id from notifications');
    const composed = await composeNotification(state.pool, rows[0]?.id ?? 0, {
      settings: loadSettings({ env: { SYNC_SCOPE: 'all' } }),
    });
    expect(composed?.notice?.brief).toMatchObject({ names: [user], count: 1 });
    await leaveQuarantine(state.pool);
    expect(await endCycle({ failed: 1 })).toEqual(['recovery']);
    expect(await endCycle({ failed: 1 })).toEqual([]);
  });
});

describe('a quarantine', () => {
  it('is told of once for each reason, whoever finds it: a cycle, or a try without one', async () => {
    const { pool } = state;
    const enter = (code: ErrorCode) =>
      enterQuarantine(pool, { reason: 'EncounteredQuarantineException', code, message: code });
    await enter('Unreachable');
    expect(await endCycle({ stopCode: 'Unreachable' })).toEqual(['quarantine']);
    await enter('Timeout');
    expect(await causesOfTime(pool, new Date()), 'an outage by another name').toEqual([]);
    await enter('Unauthorized');
    expect(await causesOfTime(pool, new Date())).toMatchObject([{ kind: 'quarantine' }]);
    await enter('Unreachable');
    expect(await endCycle({ stopCode: 'Unreachable' })).toEqual([]);
    await pool.query('update job set disabled_at = now()');
    expect(await causesOfTime(pool, new Date())).toMatchObject([{ kind: 'quarantine' }]);
    expect(await causesOfTime(pool, new Date())).toEqual([]);
    await leaveQuarantine(pool);
    expect(await endCycle()).toEqual(['recovery']);
    const { rows } = await pool.query(`select data from notifications where kind = 'recovery'`);
    expect(rows).toMatchObject([{ data: { ended: { kind: 'quarantine', code: 'Unauthorized' } } }]);
  });

  it('is no concern of a cycle that was paused or whose plan is outdated', async () => {
    for (const stopCode of ['Paused', 'PlanOutdated', 'Interrupted'] as const)
      expect(await endCycle({ stopCode })).toEqual([]);
  });
});

it('warnings are told of once each, whatever number is in them, until there are none', async () => {
  const one = 'The list ended at 999.';
  const told: string[][] = [];
  for (const warnings of [[one], [one, 'Odd.'], ['The list ended at 1998.'], ['Odd.'], [], [one]])
    told.push(await endCycle({ warnings }));
  expect(told).toEqual([['warning'], ['warning'], [], [], [], ['warning']]);
});

describe('drift and kept values', () => {
  const reason = 'EncounteredEscrowProportionThreshold';
  /** Somebody drifts, again where the last drift was made good meanwhile; and a new hire's title is kept otherwise. */
  async function change(): Promise<void> {
    const { pool } = state;
    await pool.query(
      `insert into drift (entra_id, kind, found, check_id, repaired) values ($1, 'access', 'x', 1, false)
      on conflict (entra_id) do update set told_in = null`,
      [user],
    );
    await writeLog(pool, await nextCycle(), [
      entryOf({ operation: 'kept', status: 'warning', action: 'other', after: { title: 'CHIEF' } }),
    ]);
  }
  async function nextCycle(): Promise<number> {
    const { rows } = await state.pool.query<{ next: number }>(
      `select last_value + is_called::int as next from cycles_id_seq`,
    );
    return rows[0]?.next ?? 0;
  }
  async function lastWarnings(): Promise<string[]> {
    const { rows } = await state.pool.query('select warnings from cycles order by id desc limit 1');
    return rows[0]?.warnings ?? [];
  }
  const both = [expect.stringContaining('for title (1 user)'), expect.stringContaining('1 with wrong access')];

  it('of a cycle that goes into quarantine for too many failures are told of by it', async () => {
    await change();
    await enterQuarantine(state.pool, { reason, code: null, message: 'x' });
    expect(await endCycle({ failed: 30 })).toEqual(['quarantine', 'warning']);
    await leaveQuarantine(state.pool);
    expect(await endCycle()).toEqual(['recovery']);
  });

  it('of a cycle that was stopped, or killed before it could tell of them, are told of by the next one', async () => {
    await change();
    expect(await endCycle({ stopCode: 'Unreachable' })).toEqual(['quarantine']);
    expect(await endCycle({ killed: true })).toEqual([]);
    expect(await endCycle()).toEqual(['recovery', 'warning']);
    expect(await lastWarnings()).toEqual(both);
    expect(await endCycle()).toEqual([]);
    expect(await lastWarnings()).toEqual([]);
  });

  it('are told of though another warning lasts, drift each time anew, and no later mail takes the place of one', async () => {
    const lasting = { warnings: ['A group could not be read.'] };
    await change();
    expect(await endCycle(lasting)).toEqual(['warning']);
    expect(await endCycle(lasting)).toEqual([]);
    await change();
    expect(await endCycle(lasting)).toEqual(['warning']);
    expect(await lastWarnings()).toEqual([...lasting.warnings, both[1]]);
    const { rowCount } = await state.pool.query('select from deliveries where sent_at is null');
    expect(rowCount).toBe(2);
  });
});

it('of two processes that look at the same moment one tells', async () => {
  const { pool } = state;
  await endCycle();
  const { rows } = await pool.query<{ id: number }>('select max(id) as id from cycles');
  const cycle = await readCycle(pool, rows[0]?.id ?? 0);
  if (cycle === undefined) throw new Error('There is no cycle.');
  const odd = { ...cycle, warnings: ['Odd.'] };
  const causes = await Promise.all(Array.from({ length: 4 }, () => causesOfCycle(pool, odd)));
  expect(causes.flat()).toHaveLength(1);
});
