/** Where the figures are measured: the embedded Postgres as the service starts it, a Redis, and emulated tenants. */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { z } from 'zod';
import { openEmbedded } from '../src/state/embedded.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { type RunningChild, startChild } from './child.ts';

export type Backend = 'postgres' | 'redis';

export interface Stage extends AsyncDisposable {
  /** Redis only where this machine has `redis-server`. */
  readonly backends: readonly Backend[];
  /** The settings that lead to an emulated tenant of so many users, all of them assigned. */
  tenant(users: number): Promise<Record<string, string>>;
  /** Runs work with an empty database and an empty queue, given as settings; they are gone afterwards. */
  withState<T>(backend: Backend, work: (settings: Record<string, string>) => Promise<T>): Promise<T>;
}

const environment = z.record(z.string(), z.string());

export async function openStage(): Promise<Stage> {
  const home = await mkdtemp(join(tmpdir(), 'maptician-sync-bench-'));
  const embedded = await openEmbedded(home);
  const probe = await startRedis();
  await probe?.stop();
  const tenants = new Map<number, Promise<RunningChild<Record<string, string>>>>();

  return {
    backends: probe === undefined ? ['postgres'] : ['postgres', 'redis'],
    tenant: async (users) => {
      const running = tenants.get(users) ?? startChild('sandbox.ts', { users }, environment);
      tenants.set(users, running);
      return (await running).answer;
    },
    withState: async (backend, work) => {
      const name = `bench_${randomUUID().replaceAll('-', '')}`;
      await onServer(embedded.url, [`create database ${name}`, 'checkpoint']);
      const redis = backend === 'redis' ? await startRedis() : undefined;
      const url = new URL(embedded.url);
      url.pathname = `/${name}`;
      try {
        return await work({ DATABASE_URL: url.href, ...(redis === undefined ? {} : { REDIS_URL: redis.url }) });
      } finally {
        await redis?.stop();
        await onServer(embedded.url, [`drop database ${name} with (force)`]);
      }
    },
    [Symbol.asyncDispose]: async () => {
      for (const tenant of tenants.values()) await (await tenant).stop();
      await embedded.close();
      await rm(home, { recursive: true, force: true });
    },
  };
}

async function onServer(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
