/** A state database of its own, with its schema, and a pool on it. */
import { tmpdir } from 'node:os';
import type pg from 'pg';
import { createLog } from '../../src/log.ts';
import { openDatabase, openStatePool } from '../../src/state/database.ts';
import { createDatabase } from './database.ts';

export interface TestState {
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

export async function openTestState(): Promise<TestState> {
  const database = await createDatabase();
  const state = await openDatabase({ databaseUrl: database.url, home: tmpdir(), log: createLog('silent') });
  await state.close();
  const pool = openStatePool(database.url, 4);
  return {
    pool,
    close: async () => {
      await pool.end();
      await database.drop();
    },
  };
}
