/** What users are called now, for whoever has their object ids only. */
import type { Queryable } from './database.ts';

/** By object id; who is not known any more is not in it. */
export async function readUserNames(db: Queryable, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await db.query<{ id: string; name: string | null }>(
    `select w.id, coalesce(u.user_name, l.user_name) as name
     from unnest($1::uuid[]) as w(id) left join users u on u.id = w.id left join links l on l.entra_id = w.id`,
    [ids],
  );
  return new Map(rows.flatMap(({ id, name }) => (name === null ? [] : [[id, name] as const])));
}
