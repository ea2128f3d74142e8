import type pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createLog } from '../src/log.ts';
import { openDatabase } from '../src/state/database.ts';
import { readHeldSets } from '../src/state/held-sets.ts';
import { readLog, writeLog } from '../src/state/provisioning-log.ts';
import { tenantOf } from './pipeline/people.ts';
import { openWorld, type World } from './pipeline/world.ts';
import { entryOf } from './provisioning-log/entries.ts';
import { createDatabase } from './support/database.ts';
import { backTo, migrateTo, migrations } from './support/older-schema.ts';
import { openTestPool } from './support/pool.ts';

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** A state database as the first version made it. */
async function openFirst() {
  const { url, drop } = await createDatabase();
  await migrateTo(url, 1);
  const pool = openTestPool(url);
  cleanups.push(drop, () => pool.end());
  return { url, pool };
}

async function openUpgraded(url: string): Promise<pg.Pool> {
  const database = await openDatabase({ databaseUrl: url, home: '/nowhere', log: createLog('silent') });
  cleanups.push(() => database.close());
  return database.pool;
}

const id = '6204c1d1-4712-4c46-a7d9-3ed63d992682';

describe('a state database of the first version', () => {
  it('keeps its links and its log', async () => {
    const { url, pool } = await openFirst();
    await pool.query(
      `insert into maptician_sync.links (entra_id, maptician_id, user_name, active, applied)
       values ($1, 'm1', 'ada@contoso.example', true, '{"title": "Chief"}')`,
      [id],
    );
    await pool.query(
      `insert into maptician_sync.provisioning_log
         (activity_at, cycle_id, action, operation, status, entra_id, code, reason)
       select at::timestamptz, 1, 'create', 'create', 'failure', $1, 'Conflict', 'taken'
       from unnest(array['2026-03-31 23:59:59+00', '2026-05-01 00:00:00+00']) as at`,
      [id],
    );
    const upgraded = await openUpgraded(url);
    expect((await upgraded.query('select user_name, applied, kept from links')).rows).toEqual([
      { user_name: 'ada@contoso.example', applied: { title: 'Chief' }, kept: {} },
    ]);
    expect(await readLog(upgraded, { limit: 10 })).toMatchObject([
      { id: 2, entraId: id, code: 'Conflict', reason: 'taken', httpStatus: null, attempt: null, durationMs: null },
      { id: 1, activityAt: new Date('2026-03-31T23:59:59Z') },
    ]);
    const months = await upgraded.query<{ name: string; rows: number }>(
      'select tableoid::regclass::text as name, count(*)::integer as rows from provisioning_log group by 1 order by 1',
    );
    expect(months.rows).toEqual([
      { name: 'provisioning_log_2026_03', rows: 1 },
      { name: 'provisioning_log_2026_05', rows: 1 },
    ]);
    await writeLog(upgraded, 1, [entryOf({ entraId: id })]);
    expect(await readLog(upgraded, { limit: 1 })).toMatchObject([{ id: 3, entraId: id }]);
  });

  it('keeps what it knew in another form: who was told what, and since when an account is inactive', async () => {
    const { url, pool } = await openFirst();
    await pool.query(
      `set search_path = maptician_sync;
       insert into links (entra_id, maptician_id, user_name, active, applied, updated_at)
         values ('${id}', 'm1', 'ada@contoso.example', false, '{}', '2026-03-01Z');
       insert into escrow values ('${id}', 'create', 'Conflict', 'taken', 3, '2026-03-01Z', '2026-03-02Z', '2026-03-03Z', 1, '2026-03-02Z');
       insert into incidents values ('stopped', 'Unreachable', '2026-03-01Z');
       insert into notifications (kind, cycle_id, sent_at, last_error)
         values ('stopped', 1, '2026-03-01Z', null), ('failures', 2, null, 'the mail server is away')`,
    );
    const upgraded = await openUpgraded(url);
    const one = async (sql: string) => (await upgraded.query(sql)).rows;
    expect(await one('select deactivated_at from links')).toEqual([{ deactivated_at: new Date('2026-03-01Z') }]);
    expect(await one('select told_in, told_code, attempts from escrow')).toEqual([
      { told_in: 0, told_code: 'Conflict', attempts: 3 },
    ]);
    expect(await one('select kind, told, news_at, reminders from incidents')).toEqual([
      { kind: 'quarantine', told: ['Unreachable'], news_at: new Date('2026-03-01Z'), reminders: 0 },
    ]);
    expect(
      await one(
        `select n.kind, d.channel, d.sent_at, d.last_error
         from notifications n join deliveries d on d.notification_id = n.id order by n.id`,
      ),
    ).toEqual([
      { kind: 'quarantine', channel: 'mail', sent_at: new Date('2026-03-01Z'), last_error: null },
      { kind: 'failures', channel: 'mail', sent_at: null, last_error: 'the mail server is away' },
    ]);
  });
});

describe('a worker that finds the state database of an older version', () => {
  let world: World;
  let ids: readonly string[];
  beforeAll(async () => {
    const people = tenantOf(6);
    ids = people.ids;
    world = await openWorld({ sandbox: { tenant: people.tenant }, settings: { DEACTIVATE_LIMIT: '0' } });
    const [failing = '', leaver = ''] = ids.slice(-2);
    world.tenant.users.update(failing, { userPrincipalName: '' });
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 5, failed: 1 } });
    world.tenant.unassign(leaver);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 1 } });
  });
  afterAll(() => world.close());

  /** All that must not be lost, whatever columns a version has beside it. */
  async function kept() {
    const all = async (sql: string) => (await world.pool.query(sql.replaceAll('@', 'maptician_sync.'))).rows;
    return {
      mirror: await all('select id, attributes, presence, in_scope from @users order by id'),
      assignments: await all('select * from @assignments order by 1, 2'),
      cursors: await all('select name, fingerprint, delta_link from @cursors order by name'),
      links: await all('select entra_id, maptician_id, user_name, active, applied from @links order by 1'),
      escrow: await all('select entra_id, code, reason, attempts, first_failed_at from @escrow'),
      held: await all("select entra_id, kind, state, reason, set_id from @operations where state = 'held'"),
      cycles: await all('select id, kind, state, started_at, counts from @cycles order by id'),
      log: await all(
        'select id, activity_at, action, status, entra_id, code, before, after from @provisioning_log order by id',
      ),
      facts: await all("select name, value from @facts where name = 'instance'"),
    };
  }

  const versions = migrations.map((name, index) => [name, index + 1] as const);
  // `npm run test:deep` goes on from each; the first and the last have most and least to be done.
  it.each(process.env.DEEP === 'true' ? versions : [...versions.slice(0, 1), ...versions.slice(-2)])(
    'goes on from %s: nothing is lost, an idle cycle does nothing, and a change arrives',
    async (_name, count) => {
      await world.restart();
      const rows = await world.rows();
      await backTo(world.databaseUrl, world.pool, count);
      const before = await kept();
      expect(before).toMatchObject({ links: { length: 5 }, escrow: { length: 1 }, held: { length: 1 } });
      const { database } = await world.service();
      expect(await kept()).toEqual(before);
      expect(await readHeldSets(database.pool)).toMatchObject([{ kinds: { deactivate: 1 } }]);

      const nothing = { created: 0, updated: 0, deactivated: 0, deleted: 0 };
      expect(await world.sync()).toMatchObject({ exit: 3, kind: 'incremental', counts: { ...nothing, held: 1 } });
      expect(await world.rows()).toEqual(rows);
      world.tenant.users.update(ids[0] ?? '', { jobTitle: `Surveyor ${count}` });
      expect(await world.sync()).toMatchObject({ exit: 3, counts: { ...nothing, updated: 1, held: 1 } });
      expect((await world.rows()).map(({ title }) => title)).toContain(`Surveyor ${count}`);
    },
  );
});
