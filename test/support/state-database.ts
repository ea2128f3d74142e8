/** A state database of its own, with its schema, and a pool on it. */
import type pg from 'pg';
import { openStatePool } from '../../src/state/database.ts';
import { createDatabase } from './database.ts';
import { migratedTemplate } from './migrated-template.ts';

export interface TestState extends AsyncDisposable {
  readonly url: string;
  readonly pool: pg.Pool;
  close(): Promise<void>;
}

export async function openTestState(): Promise<TestState> {
  const database = await createDatabase(migratedTemplate);
  const pool = openStatePool(database.url, 4);
  const close = async (): Promise<void> => {
    await pool.end();
    await database.drop();
  };
  return { url: database.url, pool, close, [Symbol.asyncDispose]: close };
}
