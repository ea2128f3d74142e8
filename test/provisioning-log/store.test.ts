import { afterAll, beforeAll, expect, it } from 'vitest';
import { followLog } from '../../src/cli/log-follow.ts';
import { keepLogMonths } from '../../src/state/log-partitions.ts';
import {
  endOfLog,
  type LogFilter,
  type LogPosition,
  logHeld,
  readCommitted,
  readLog,
  startOfLog,
  writeLog,
} from '../../src/state/provisioning-log.ts';
import { passTime } from '../support/pass-time.ts';
import { openTestState, type TestState } from '../support/state-database.ts';
import { waitUntil } from '../support/wait-until.ts';
import { ada, bob, entryOf, facts } from './entries.ts';

let state: TestState;
beforeAll(async () => {
  state = await openTestState();
});
afterAll(() => state.close());

/** Begins with an empty log, as nobody else can. */
async function emptied() {
  await state.pool.query(
    'set session_replication_role = replica; delete from provisioning_log; reset session_replication_role',
  );
  return state.pool;
}

async function partitions(): Promise<Record<string, number>> {
  const { rows } = await state.pool.query<{ name: string; rows: number }>(
    `select c.relname as name, (select count(*) from provisioning_log p where p.tableoid = c.oid)::integer as rows
     from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'provisioning_log'::regclass order by 1`,
  );
  return Object.fromEntries(rows.map(({ name, rows }) => [name, rows]));
}

/** The name of the partition of the month that is so many months from now. */
function month(from: number): string {
  const now = new Date();
  const [year, number] = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + from)).toISOString().split('-');
  return `provisioning_log_${year}_${number}`;
}

it('an entry is neither changed nor deleted', async () => {
  const pool = await emptied();
  await writeLog(pool, 1, [entryOf()]);
  for (const change of [
    "update provisioning_log set reason = 'x'",
    'delete from provisioning_log',
    'truncate provisioning_log',
  ]) {
    await expect(pool.query(change)).rejects.toThrow('The provisioning log is only appended to.');
  }
  const [name = ''] = Object.entries(await partitions()).find(([, rows]) => rows === 1) ?? [];
  await expect(pool.query(`delete from ${name}`)).rejects.toThrow('only appended to');
  expect(await readLog(pool, {})).toMatchObject([{ entraId: ada, durationMs: expect.any(Number) }]);
});

it('this month and the next are made, once, by any number of processes', async () => {
  const pool = await emptied();
  await Promise.all([1, 2, 3].map(() => keepLogMonths(pool, undefined)));
  expect(Object.keys(await partitions())).toEqual(['provisioning_log_default', month(0), month(1)].sort());
  await writeLog(pool, 1, [entryOf()]);
  expect(await partitions()).toMatchObject({ [month(0)]: 1, provisioning_log_default: 0 });
});

it('what is older than the log is kept is dropped by months, and the default partition as a whole', async () => {
  const pool = await emptied();
  await keepLogMonths(pool, undefined);
  await pool.query(
    `select add_log_partition((date_trunc('month', now() at time zone 'UTC') - interval '2 months')::date)`,
  );
  await writeLog(pool, 1, [entryOf({ reason: 'old' })]);
  await passTime(pool, '2 months');
  await writeLog(pool, 1, [entryOf({ reason: 'older' })]);
  // Out of the months that there are.
  await passTime(pool, '200 days');
  await writeLog(pool, 1, [entryOf({ reason: 'between' })]);
  await passTime(pool, '100 days');
  await writeLog(pool, 1, [entryOf({ reason: 'new' })]);
  const reasons = async () => (await readLog(pool, {})).map(({ reason }) => reason);

  await keepLogMonths(pool, undefined);
  expect(await reasons()).toEqual(['new', 'between', 'older', 'old']);
  await keepLogMonths(pool, 150);
  expect(await reasons(), 'the newest of the default partition may not go yet').toEqual([
    'new',
    'between',
    'older',
    'old',
  ]);
  expect(await partitions()).toMatchObject({ provisioning_log_default: 3, [month(0)]: 1 });
  await keepLogMonths(pool, 10);
  expect(await reasons()).toEqual(['new']);
  expect(Object.keys(await partitions())).toEqual(['provisioning_log_default', month(0), month(1)].sort());
  await expect(pool.query('delete from provisioning_log_default')).resolves.toMatchObject({ rowCount: 0 });
});

it('a month whose entries are in the default partition is not tried to be made again, beside whoever reads', async () => {
  const pool = await emptied();
  await keepLogMonths(pool, undefined);
  await pool.query(`drop table ${month(0)}, ${month(1)}`);
  await writeLog(pool, 1, [entryOf()]);
  await keepLogMonths(pool, undefined);
  const reader = await pool.connect();
  try {
    await reader.query('begin; select from provisioning_log');
    await keepLogMonths(pool, 30);
  } finally {
    await reader.query('rollback');
    reader.release();
  }
  expect(await partitions()).toEqual({ provisioning_log_default: 1, [month(1)]: 0 });
});

it('entries are found by user, time, code and cycle, page by page', async () => {
  const pool = await emptied();
  await pool.query(
    `insert into links (entra_id, maptician_id, user_name, active, applied) values ($1, 'm-1', 'Ada@contoso.example', true, '{}')`,
    [ada],
  );
  await writeLog(pool, 1, [
    entryOf({ userName: 'ada.before@contoso.example', reason: 'first' }),
    entryOf({
      entraId: bob,
      userName: 'bob@contoso.example',
      mapticianId: 'm-2',
      action: 'delete',
      operation: 'delete',
    }),
  ]);
  await passTime(pool, '3 days');
  const failure = entryOf({ status: 'failure', code: 'Conflict', reason: 'taken' });
  await writeLog(
    pool,
    2,
    Array.from({ length: 1100 }, () => failure),
  );
  const found = async (filter: LogFilter) => (await readLog(pool, filter)).map(({ reason }) => reason);

  const days = (count: number) => new Date(Date.now() - count * 86_400_000);
  expect(await found({ user: ada.toUpperCase() })).toHaveLength(1101);
  expect(await found({ user: 'ADA@contoso.example', until: days(1) })).toEqual(['first']);
  expect(await found({ user: 'm-1', limit: 600 })).toHaveLength(600);
  // Nobody has these any more.
  expect(await found({ user: 'Bob@contoso.example' })).toHaveLength(1);
  expect(await found({ user: 'm-2' })).toHaveLength(1);
  expect(await found({ user: 'nobody@contoso.example' })).toEqual([]);
  // Somebody who is known and has no entry yet is nobody else's Maptician id of before.
  const carol = '6204c1d1-4712-4c46-a7d9-3ed63d992684';
  await writeLog(pool, 3, [entryOf({ mapticianId: carol })]);
  expect(await found({ user: carol })).toHaveLength(1102);
  await pool.query(`insert into users (id, user_name) values ($1, 'carol@contoso.example')`, [carol]);
  expect(await found({ user: carol })).toEqual([]);
  expect(await found({ since: days(1), code: 'conflict' })).toHaveLength(1100);
  expect(await found({ cycle: 1, status: 'success', action: 'delete' })).toHaveLength(1);
  expect((await readLog(pool, {})).map(({ id }) => id)).toEqual(
    (await readLog(pool, {})).map(({ id }) => id).sort((a, b) => b - a),
  );
});

it('what is held is in the log as a staged delete', async () => {
  const pool = await emptied();
  await pool.query(
    `insert into operations (cycle_id, entra_id, kind, attributes, reason, state) values
       (5, $1, 'deactivate', '{}', 'no longer assigned to the app', 'staged'), (5, $2, 'update', '{}', 'changed', 'staged')`,
    [ada, bob],
  );
  await logHeld(pool, 5, ['deactivate', 'delete']);
  expect(await readLog(pool, {})).toMatchObject([
    {
      ...{ entraId: ada, action: 'stageddelete', operation: 'hold', status: 'warning', cycleId: 5 },
      reason: expect.stringContaining('no longer assigned to the app'),
    },
  ]);
});

it('an entry that is committed late is read after all, and nothing is read before its turn', async () => {
  const pool = await emptied();
  const read = async (position: LogPosition, atLeast = 0) => {
    let found = await readCommitted(pool, position, 10);
    // Transactions of other tests on the same server hold it up, for a moment.
    await waitUntil(async () => {
      found = await readCommitted(pool, position, 10);
      return found.records.length >= atLeast;
    });
    return { ...found, reasons: found.records.map(({ reason }) => reason) };
  };
  await writeLog(pool, 1, [entryOf({ reason: 'before' })]);
  const late = await pool.connect();
  try {
    await late.query('begin');
    await writeLog(late, 1, [entryOf({ reason: 'late' })]);
    await writeLog(pool, 1, [entryOf({ reason: 'soon' })]);
    const first = await read(startOfLog, 1);
    expect(first.reasons).toEqual(['before']);
    expect((await read(first.position)).reasons).toEqual([]);
    const end = await endOfLog(pool);
    await late.query('commit');
    const second = await read(first.position, 2);
    expect(second.reasons).toEqual(['late', 'soon']);
    // Whoever follows from then on is given what was not committed by then.
    expect((await read(end, 1)).reasons).toContain('late');
    expect((await read(second.position)).reasons).toEqual([]);
  } finally {
    late.release();
  }
});

it('whoever follows the log gets what is asked for as it comes, until interrupted', async () => {
  const pool = await emptied();
  await writeLog(pool, 1, [entryOf({ reason: 'before' })]);
  const stop = new AbortController();
  const reasons: unknown[] = [];
  const write = async (text: string) => {
    reasons.push(
      ...text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).provisioningStatusInfo.reason),
    );
    return true;
  };
  const following = followLog(pool, { filter: { code: 'conflict', user: ada }, facts, signal: stop.signal, write });
  const failure = { status: 'failure', code: 'Conflict' } as const;
  await waitUntil(async () => {
    // Nobody says when it has begun to follow.
    await writeLog(pool, 1, [entryOf({ reason: 'no failure' }), entryOf({ ...failure, reason: 'first' })]);
    return reasons.length > 0;
  });
  await writeLog(pool, 1, [entryOf({ ...failure, entraId: bob }), entryOf({ ...failure, reason: 'last' })]);
  await waitUntil(() => reasons.at(-1) === 'last');
  stop.abort();
  await expect(following).rejects.toThrow('aborted');
  expect([...new Set(reasons)]).toEqual(['first', 'last']);
});

it('on another server, which numbers transactions anew, nothing is left out', async () => {
  const pool = await emptied();
  await writeLog(
    pool,
    1,
    ['read', 'not read yet'].map((reason) => entryOf({ reason })),
  );
  await pool.query(
    `set session_replication_role = replica;
     update provisioning_log set xact_id = (pg_current_xact_id()::text::bigint + 1000000000)::text::xid8;
     reset session_replication_role`,
  );
  await writeLog(pool, 1, [entryOf({ reason: 'new' })]);
  const { rows } = await pool.query<{ xact: string; id: number }>(
    'select xact_id::text as xact, id from provisioning_log order by id limit 1',
  );
  let position = { ...startOfLog, ...rows[0] };
  const reasons: (string | null)[] = [];
  await waitUntil(async () => {
    const found = await readCommitted(pool, position, 1);
    reasons.push(...found.records.map(({ reason }) => reason));
    position = found.position;
    return reasons.length === 2;
  });
  expect((await readCommitted(pool, position, 1)).records).toEqual([]);
  expect(reasons).toEqual(['not read yet', 'new']);
});
