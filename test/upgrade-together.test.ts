/** Processes that open the same state database at the same time, and one that is killed while it upgrades it. */
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import type pg from 'pg';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createLog } from '../src/log.ts';
import { openDatabase } from '../src/state/database.ts';
import { someTenant, startCommand } from './support/command.ts';
import { createDatabase } from './support/database.ts';
import { migrateTo, migrations } from './support/older-schema.ts';
import { openTestPool } from './support/pool.ts';
import { waitUntil } from './support/wait-until.ts';

async function openAt(count: number) {
  const { url, drop } = await createDatabase();
  onTestFinished(drop);
  if (count > 0) await migrateTo(url, count);
  const pool = openTestPool(url);
  onTestFinished(() => pool.end());
  const lines: string[] = [];
  const open = async (): Promise<void> => {
    const log = createLog('info', { write: (line: string) => void lines.push(line) });
    await (await openDatabase({ databaseUrl: url, home: '/nowhere', log })).close();
  };
  return { url, pool, lines, open };
}

async function applied(pool: pg.Pool): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>('select name from maptician_sync.migrations order by id');
  return rows.map(({ name }) => name);
}

/** A transaction that has the table `cycles` in use until the returned function ends it. */
async function use(pool: pg.Pool): Promise<() => Promise<void>> {
  const client = await pool.connect();
  await client.query('begin; lock table maptician_sync.cycles in row exclusive mode');
  return async () => {
    await client.query('commit');
    client.release();
  };
}

const waits = (pool: pg.Pool) => async () => {
  const { rows } = await pool.query(
    `select from pg_locks where relation = 'maptician_sync.cycles'::regclass and not granted`,
  );
  return rows.length > 0;
};

/** The migration that wants the table, and how many there are before it. */
const wanting = '0004_job';
const before = migrations.indexOf(wanting);

describe('processes that start at the same moment', () => {
  it.each([
    ['an empty state database', 0],
    ['one of an older version', 2],
  ])('upgrade %s once, and all of them go on', async (_what, count) => {
    const { pool, open, lines } = await openAt(count);
    await Promise.all([open(), open(), open(), open()]);
    expect(await applied(pool)).toEqual(migrations);
    expect(lines.filter((line) => line.includes('the state database is upgraded'))).toHaveLength(1);
  });
});

describe('an upgrade', () => {
  it('gives way to older workers whose statements wait behind it, and is made when their tables are free', async () => {
    const { pool, open, lines } = await openAt(1);
    const free = await use(pool);
    const opening = open();
    await waitUntil(waits(pool), { message: 'the upgrade to want the table' });
    // It waits behind the upgrade, which waits behind the transaction: it is answered all the same.
    await pool.query('select from maptician_sync.cycles');
    expect(await applied(pool)).toEqual(migrations.slice(0, before));
    await free();
    await opening;
    expect(await applied(pool)).toEqual(migrations);
    expect(lines.join('')).toContain('a table of the state database is in use: its upgrade is tried again');
  });

  it('that was killed has done whole steps only, and the next process goes on with the rest', async () => {
    const { url, pool, open, lines } = await openAt(1);
    const free = await use(pool);
    const child = startCommand(['status'], { ...someTenant, DATABASE_URL: url }, tmpdir());
    child.stdout.resume();
    child.stderr.resume();
    await waitUntil(waits(pool), { timeout: 30_000, message: 'the upgrade to want the table' });
    const closed = once(child, 'close');
    child.kill('SIGKILL');
    expect(await closed).toEqual([null, 'SIGKILL']);
    expect(await applied(pool)).toEqual(migrations.slice(0, before));
    const opening = open();
    await waitUntil(() => lines.length > 0, { message: 'the next process to begin' });
    await free();
    await opening;
    expect(await applied(pool)).toEqual(migrations);
  });
});
