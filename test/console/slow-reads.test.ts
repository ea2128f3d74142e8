/** What is read for a page or the API takes no connection from jobs, and is stopped where it takes too long. */
import { expect, test } from 'vitest';
import { createApp } from '../../src/console/app.ts';
import { openStatePool } from '../../src/state/database.ts';
import { openConsoleWorld, textOf } from './console-world.ts';

test('a statement that takes too long is stopped, and the page and the API say so', async () => {
  const { world } = await openConsoleWorld(1);
  const service = await world.service();
  const pool = openStatePool(service.database.url, 2, 200);
  const { signal } = new AbortController();
  const app = await createApp({ service, pool, origin: 'http://localhost', schedule: false, signal });
  const ask = (path: string) => app.request(`http://localhost${path}`);
  const lock = await world.pool.connect();
  try {
    await lock.query('begin; lock maptician_sync.audit in access exclusive mode');
    const page = await ask('/audit');
    expect([page.status, textOf(await page.text())]).toEqual([503, expect.stringContaining('took too long over this')]);
    const api = await ask('/api/audit');
    expect([api.status, await api.json()]).toEqual([
      503,
      { error: { code: 'ServiceUnavailable', message: expect.stringContaining('took too long over this') } },
    ]);
  } finally {
    await lock.query('rollback');
    lock.release();
    await pool.end();
  }
});

test('pages that wait leave the connections of jobs alone, and levers can be pulled', async () => {
  const { world, console } = await openConsoleWorld(1);
  const service = await world.service();
  const lock = await world.pool.connect();
  await lock.query('begin; lock maptician_sync.provisioning_log in access exclusive mode');
  const pages = Array.from({ length: 20 }, async () => (await console.fetch('/log')).status);
  expect((await console.post('/pause')).status).toBe(303);
  expect(service.database.pool.waitingCount).toBe(0);
  expect((await service.database.pool.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
  await lock.query('rollback');
  lock.release();
  expect(new Set(await Promise.all(pages))).toEqual(new Set([200]));
});
