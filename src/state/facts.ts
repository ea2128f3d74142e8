/** Single facts that outlive a process: which user store it was, how it is spoken to, and the like. */
import { z } from 'zod';
import type { Queryable } from './database.ts';

export type FactName = 'log_export' | 'user_store' | 'store_manner' | 'credential' | 'service_principal';

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

const foundPrincipal = z.object({ appId: z.string(), id: z.string() });

/** The object id of the enterprise application as it was last looked up by this application id; undefined before that. */
export async function readServicePrincipal(db: Queryable, appId: string): Promise<string | undefined> {
  const fact = await readFact(db, 'service_principal');
  const found = fact === undefined ? undefined : foundPrincipal.parse(JSON.parse(fact));
  return found?.appId === appId.toLowerCase() ? found.id : undefined;
}

/** Remembers what was looked up; writes only where that is news. */
export async function keepServicePrincipal(db: Queryable, appId: string, id: string): Promise<void> {
  if ((await readServicePrincipal(db, appId)) === id) return;
  await writeFact(db, 'service_principal', JSON.stringify({ appId: appId.toLowerCase(), id }));
}
