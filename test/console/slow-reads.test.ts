/** What is read for a page or the API takes no connection from jobs, and is stopped where it takes too long. */
import { expect, test } from 'vitest';
import { createApp } from '../../src/console/app.ts';
import { openStatePool } from '../../src/state/database.ts';
import type { World } from '../pipeline/world.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld, textOf } from './console-world.ts';

/** Keeps everybody from a table while `work` goes on, or for so long as a test may take. */
async function whileLocked(world: World, table: string, work: () => Promise<void>): Promise<void> {
  const client = await world.pool.connect();
  client.on('error', () => undefined);
  try {
    await client.query("begin; set local idle_in_transaction_session_timeout = '10s'");
    await client.query(`lock maptician_sync.${table} in access exclusive mode`);
    await work();
  } finally {
    await client.query('rollback').catch(() => undefined);
    client.release(true);
  }
}

test('a statement that takes too long is stopped, and the page and the API say so', async () => {
  const { world } = await openConsoleWorld(1);
  const service = await world.service();
  const pool = openStatePool(service.database.url, 2, 200);
  const { signal } = new AbortController();
  const app = await createApp({ service, pool, origin: 'http://localhost', schedule: false, signal });
  const ask = (path: string) => app.request(`http://localhost${path}`);
  await whileLocked(world, 'audit', async () => {
    const page = await ask('/audit');
    expect([page.status, textOf(await page.text())]).toEqual([503, expect.stringContaining('took too long over this')]);
    const api = await ask('/api/audit');
    expect([api.status, await api.json()]).toEqual([
      503,
      { error: { code: 'ServiceUnavailable', message: expect.stringContaining('took too long over this') } },
    ]);
  });
  await pool.end();
});

test('pages that wait leave the connections of jobs alone, and levers can be pulled', async () => {
  const { world, console } = await openConsoleWorld(1);
  const service = await world.service();
  let pages: Promise<number>[] = [];
  const waiting = async () => {
    const { rows } = await world.pool.query(
      `select count(*)::int as waiting from pg_locks where not granted and relation = 'maptician_sync.provisioning_log'::regclass`,
    );
    return rows[0].waiting;
  };
  await whileLocked(world, 'provisioning_log', async () => {
    pages = Array.from({ length: 20 }, async () => (await console.fetch('/log')).status);
    await waitUntil(async () => (await waiting()) >= 5, { message: 'pages to wait' });
    expect((await console.post('/pause')).status).toBe(303);
    expect(await waiting()).toBe(5);
    expect(service.database.pool.waitingCount).toBe(0);
  });
  expect(new Set(await Promise.all(pages))).toEqual(new Set([200]));
});
