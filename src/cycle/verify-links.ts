/**
 * Compares what was last applied with what Maptician has: after a resync was asked for, and when the user store is
 * another one than before. What differs is planned again from what is there.
 */
import type pg from 'pg';
import { z } from 'zod';
import { type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import { compareAgain } from '../state/compare-again.ts';
import { transaction } from '../state/database.ts';

const chunkSize = 500;

const linkRow = z.object({ entraId: z.string(), mapticianId: z.string(), applied: userAttributes });
type LinkRow = z.infer<typeof linkRow>;

export interface Verified {
  /** Accounts that are not in Maptician any more; their links are forgotten. */
  readonly missing: number;
  /** Accounts that were changed in Maptician since. */
  readonly changed: number;
}

/** Goes through all links in chunks. */
export async function verifyLinks(
  pool: pg.Pool,
  store: UserStore,
  progress: (done: number) => void,
): Promise<Verified> {
  let after = '00000000-0000-0000-0000-000000000000';
  let missing = 0;
  let changed = 0;
  for (let done = 0; ; ) {
    const { rows } = await pool.query(
      `select entra_id as "entraId", maptician_id as "mapticianId", applied from links
       where entra_id > $1 order by entra_id limit $2`,
      [after, chunkSize],
    );
    const links = rows.map((row) => linkRow.parse(row));
    const last = links.at(-1);
    if (last === undefined) return { missing, changed };
    after = last.entraId;
    const result = await verifyChunk(pool, store, links);
    missing += result.missing;
    changed += result.changed;
    done += links.length;
    progress(done);
  }
}

async function verifyChunk(pool: pg.Pool, store: UserStore, links: readonly LinkRow[]): Promise<Verified> {
  const users = await store.read(links.map(({ mapticianId }) => mapticianId));
  const stored = new Map(users.map((user) => [user.id, user]));
  const gone = links.filter(({ mapticianId }) => !stored.has(mapticianId)).map(({ entraId }) => entraId);
  const differing = links.flatMap(({ entraId, mapticianId, applied }) => {
    const user = stored.get(mapticianId);
    return user === undefined || isAsApplied(user, applied) ? [] : [{ entraId, actual: user.attributes }];
  });
  await transaction(pool, async (client) => {
    await client.query('delete from links where entra_id = any($1)', [gone]);
    await client.query(
      `update links l set applied = jsonb_strip_nulls(p.actual), user_name = coalesce(p.actual->>'userName', ''),
         active = coalesce((p.actual->>'active')::boolean, true), updated_at = now()
       from jsonb_to_recordset($1) as p("entraId" uuid, actual jsonb) where l.entra_id = p."entraId"`,
      [JSON.stringify(differing)],
    );
    await compareAgain(client, 'select unnest($1::uuid[])', [[...gone, ...differing.map(({ entraId }) => entraId)]]);
  });
  return { missing: gone.length, changed: differing.length };
}

/** Absent and null are one; only what was applied or is there now counts. */
function isAsApplied(user: StoredUser, applied: UserAttributes): boolean {
  const names = new Set([...Object.keys(user.attributes), ...Object.keys(applied)]) as Set<keyof UserAttributes>;
  return [...names].every((name) => (user.attributes[name] ?? null) === (applied[name] ?? null));
}
