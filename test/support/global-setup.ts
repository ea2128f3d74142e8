import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Client } from 'pg';
import type { TestProject } from 'vitest/node';
import { createLog } from '../../src/log.ts';
import { openQueueBackend } from '../../src/queue/backend.ts';
import { openDatabase } from '../../src/state/database.ts';
import { openEmbedded } from '../../src/state/embedded.ts';
import { migratedTemplate } from './migrated-template.ts';
import { startRedis } from './redis-server.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** A superuser's connection string to the Postgres of the whole run; tests take databases of their own. */
    postgresUrl: string;
    /** The Redis of the whole run; undefined on a machine without redis-server. Tests use a key prefix of their own. */
    redisUrl: string | undefined;
  }
}

/** Starts one Postgres, and one Redis where the machine has it, for all test files; ends them afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(path.join(tmpdir(), 'maptician-sync-test-'));
  const postgres = await openEmbedded(home);
  await forgoDurability(postgres.url);
  await makeTemplate(postgres.url);
  const redis = await startRedis();
  if (redis === undefined) {
    console.warn('\nNO REDIS: redis-server is not installed, so the queue is tested on Postgres only.\n');
  }
  project.provide('postgresUrl', postgres.url);
  project.provide('redisUrl', redis?.url);
  return async () => {
    await redis?.stop();
    await postgres.close();
    await rm(home, { recursive: true, force: true });
  };
}

/** Nothing of a test run needs to survive a power cut. */
async function forgoDurability(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    await client.query(`alter system set ${setting} = off`);
  }
  await client.query('select pg_reload_conf()');
  await client.end();
}

/** A database in which nothing has happened yet but the migrations, so that each test need not run them again. */
async function makeTemplate(url: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`create database ${migratedTemplate}`);
  await client.end();
  const template = new URL(url);
  template.pathname = `/${migratedTemplate}`;
  const log = createLog('silent');
  const database = await openDatabase({ databaseUrl: template.href, home: '/nowhere', log });
  const queue = await openQueueBackend({ redisUrl: undefined, databaseUrl: template.href, instance: 'template', log });
  await queue.close();
  await database.close();
}
