import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import pg from 'pg';
import { expect, inject, it, onTestFinished } from 'vitest';
import { packageRoot } from '../../src/package-root.ts';
import { startRedis } from '../support/redis-server.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld, type ShownConsole } from './console-world.ts';
import { scrape } from './scrape.ts';

const readiness = async ({ fetch }: ShownConsole) => {
  const answer = await fetch('/readyz');
  return { status: answer.status, body: await answer.json() };
};

it('a service whose database and queue answer is alive and ready', async () => {
  const { console: shown } = await openConsoleWorld(1);
  expect((await shown.fetch('/healthz')).status).toBe(200);
  expect(await readiness(shown)).toEqual({ status: 200, body: { status: 'ready', database: 'ok', queue: 'ok' } });
});

it('without its database it lives on and is not ready, and says no more than that', async () => {
  const { world, console: shown } = await openConsoleWorld(1);
  await takeAwayDatabase(world.databaseUrl);
  await waitUntil(async () => (await readiness(shown)).status === 503, { message: 'an answer of 503' });
  expect((await readiness(shown)).body).toEqual({
    status: 'unavailable',
    database: 'unavailable',
    queue: 'unavailable',
  });
  expect((await shown.fetch('/healthz')).status).toBe(200);
  const { value } = await scrape(shown);
  expect(value('maptician_sync_state_readable')).toBe(0);
  expect(value('maptician_sync_users{set="linked"}')).toBeUndefined();
  expect(value('process_start_time_seconds')).toBeGreaterThan(0);
});

it.skipIf(inject('redisUrl') === undefined)('without Redis it is not ready, whatever the database says', async () => {
  const redis = await startRedis();
  let stopped = false;
  const stop = async () => {
    if (!stopped) await redis?.stop();
    stopped = true;
  };
  onTestFinished(stop);
  const { console: shown } = await openConsoleWorld(1, { settings: { REDIS_URL: redis?.url ?? '' } });
  expect((await readiness(shown)).status).toBe(200);
  await stop();
  await waitUntil(async () => (await readiness(shown)).status === 503, { message: 'an answer of 503' });
  expect((await readiness(shown)).body).toEqual({ status: 'unavailable', database: 'ok', queue: 'unavailable' });
  expect((await shown.fetch('/healthz')).status).toBe(200);
});

it('the check of a container tells a service that lives from one that does not', async () => {
  const { world, console: shown } = await openConsoleWorld(1);
  const { host } = new URL(shown.url);
  const check = async (address: string): Promise<number | null> => {
    const script = join(packageRoot, 'src/console/check-health.ts');
    const env = { ...process.env, ...world.settings, CONSOLE_LISTEN: address };
    const child = spawn(process.execPath, [script], { env, stdio: 'ignore' });
    await once(child, 'exit');
    return child.exitCode;
  };
  expect(await Promise.all([check(host), check('127.0.0.1:1'), check('off')])).toEqual([0, 1, 0]);
});

/** Nobody gets in any more, and whoever is in is thrown out. */
async function takeAwayDatabase(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const server = new pg.Client({ connectionString: inject('postgresUrl') });
  await server.connect();
  await server.query(`alter database ${name} with allow_connections false`);
  await server.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
  await server.end();
}
