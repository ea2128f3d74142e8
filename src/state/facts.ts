/** Single facts that outlive a process: which user store it was, how it is spoken to, and the like. */
import type { Queryable } from './database.ts';

export type FactName = 'log_export' | 'user_store' | 'store_manner' | 'credential';

export async function readFact(db: Queryable, name: FactName): Promise<string | undefined> {
  const { rows } = await db.query<{ value: string }>('select value from facts where name = $1', [name]);
  return rows[0]?.value;
}

export async function writeFact(db: Queryable, name: FactName, value: string): Promise<void> {
  await db.query(
    'insert into facts (name, value) values ($1, $2) on conflict (name) do update set value = excluded.value',
    [name, value],
  );
}

export async function forgetFact(db: Queryable, name: FactName): Promise<void> {
  await db.query('delete from facts where name = $1', [name]);
}
