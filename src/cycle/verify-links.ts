/**
 * Compares what was last applied with what Maptician has: after a resync was asked for, and when the user store is
 * another one than before. What differs is planned again from what is there, and whoever was refused is tried again.
 */
import type pg from 'pg';
import { z } from 'zod';
import { type AttributePath, type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import type { UserStore } from '../maptician/user-store.ts';
import { compareAgain } from '../state/compare-again.ts';
import { transaction } from '../state/database.ts';
import { forgetPayloads } from '../state/escrow.ts';

const chunkSize = 500;

const linkRow = z.object({
  entraId: z.string(),
  mapticianId: z.string(),
  applied: userAttributes,
  kept: userAttributes,
});
type LinkRow = z.infer<typeof linkRow>;

export interface Verified {
  /** Accounts that are not in Maptician any more; their links are forgotten. */
  readonly missing: number;
  /** Accounts that were changed in Maptician since. */
  readonly changed: number;
}

/** Goes through all links in chunks. The listing of `cycleId` answers where the user store has one. */
export async function verifyLinks(
  pool: pg.Pool,
  store: UserStore,
  cycleId: number,
  progress: (done: number) => void,
): Promise<Verified> {
  await transaction(pool, forgetPayloads);
  let after = '00000000-0000-0000-0000-000000000000';
  let missing = 0;
  let changed = 0;
  for (let done = 0; ; ) {
    const { rows } = await pool.query(
      `select entra_id as "entraId", maptician_id as "mapticianId", applied, kept from links
       where entra_id > $1 order by entra_id limit $2`,
      [after, chunkSize],
    );
    const links = rows.map((row) => linkRow.parse(row));
    const last = links.at(-1);
    if (last === undefined) return { missing, changed };
    after = last.entraId;
    const result = await verifyChunk(pool, store, cycleId, links);
    missing += result.missing;
    changed += result.changed;
    done += links.length;
    progress(done);
  }
}

async function verifyChunk(
  pool: pg.Pool,
  store: UserStore,
  cycleId: number,
  links: readonly LinkRow[],
): Promise<Verified> {
  const users = await store.read(
    links.map(({ mapticianId }) => mapticianId),
    { cycleId, fresh: false },
  );
  const stored = new Map(users.map((user) => [user.id, user]));
  const gone = links.filter(({ mapticianId }) => !stored.has(mapticianId)).map(({ entraId }) => entraId);
  const compared = links.flatMap((link) => {
    const user = stored.get(link.mapticianId);
    return user === undefined ? [] : [{ entraId: link.entraId, ...compareLink(link, user.attributes) }];
  });
  const moved = compared.filter(({ differs, forgets }) => differs || forgets);
  const differing = compared.filter(({ differs }) => differs).map(({ entraId }) => entraId);
  await transaction(pool, async (client) => {
    await client.query('delete from links where entra_id = any($1)', [gone]);
    await client.query(
      `update links l set applied = jsonb_strip_nulls(p.applied), kept = p.kept,
         user_name = coalesce(p.applied->>'userName', ''), active = coalesce((p.applied->>'active')::boolean, true),
         updated_at = now()
       from jsonb_to_recordset($1) as p("entraId" uuid, applied jsonb, kept jsonb) where l.entra_id = p."entraId"`,
      [JSON.stringify(moved)],
    );
    await compareAgain(client, 'select unnest($1::uuid[])', [[...gone, ...differing]]);
  });
  return { missing: gone.length, changed: differing.length };
}

/**
 * A link as Maptician's values show it to be. Absent and null are one. What Maptician is known to keep instead of what
 * was applied is no difference; what it holds as applied after all is not kept any more.
 */
function compareLink(link: LinkRow, stored: UserAttributes) {
  const paths = new Set([stored, link.applied, link.kept].flatMap((user) => Object.keys(user) as AttributePath[]));
  const applied: { -readonly [path in AttributePath]?: UserAttributes[path] } = {};
  const kept: typeof applied = {};
  let differs = false;
  for (const path of paths) {
    const value = stored[path] ?? null;
    const wanted = link.applied[path] ?? null;
    const known = link.kept[path];
    if (value !== wanted && value === known) kept[path] = known;
    if (value !== wanted && value !== known) differs = true;
    applied[path] = value === known ? wanted : value;
  }
  return { applied, kept, differs, forgets: Object.keys(kept).length < Object.keys(link.kept).length };
}
