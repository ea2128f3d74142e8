/** What was last applied beside what Maptician has: the one comparison of a resync and of drift. */
import { z } from 'zod';
import { type AttributePath, type UserAttributes, userAttributes } from '../mapping/maptician-user.ts';
import type { UserStore } from '../maptician/user-store.ts';
import { compareAgain } from '../state/compare-again.ts';
import type { Queryable } from '../state/database.ts';

const chunkSize = 500;

const linkRow = z.object({
  entraId: z.string(),
  mapticianId: z.string(),
  applied: userAttributes,
  kept: userAttributes,
});
type LinkRow = z.infer<typeof linkRow>;

/** A link, and what Maptician's values show it to be. */
export interface ComparedLink {
  readonly link: LinkRow;
  /** What its account holds; undefined where the account is gone. */
  readonly stored: UserAttributes | undefined;
  /** What counts as applied from now on, and what Maptician keeps instead of some of it. */
  readonly applied: UserAttributes;
  readonly kept: UserAttributes;
  /** The account has a value that was neither applied nor known to be kept. */
  readonly differs: boolean;
  /** Maptician holds as applied what it was known to keep otherwise. */
  readonly forgets: boolean;
}

/**
 * Goes through all links in chunks. The listing of `cycleId` answers where the user store has one.
 * @param before leaves out whoever's link was written since: the database's time at the begin of the listing
 */
export async function* comparedLinks(
  db: Queryable,
  store: UserStore,
  cycleId: number,
  before: string = 'infinity',
): AsyncGenerator<readonly ComparedLink[]> {
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await db.query(
      `select entra_id as "entraId", maptician_id as "mapticianId", applied, kept from links
       where entra_id > $1 and updated_at < $3::timestamptz order by entra_id limit $2`,
      [after, chunkSize, before],
    );
    const links = rows.map((row) => linkRow.parse(row));
    const last = links.at(-1);
    if (last === undefined) return;
    after = last.entraId;
    const users = await store.read(
      links.map(({ mapticianId }) => mapticianId),
      { cycleId, fresh: false },
    );
    const stored = new Map(users.map((user) => [user.id, user.attributes]));
    yield links.map((link) => compareLink(link, stored.get(link.mapticianId)));
  }
}

/**
 * Absent and null are one. What Maptician is known to keep instead of what was applied is no difference; what it holds as
 * applied after all is not kept any more.
 */
function compareLink(link: LinkRow, stored: UserAttributes | undefined): ComparedLink {
  if (stored === undefined) {
    return { link, stored, applied: link.applied, kept: link.kept, differs: false, forgets: false };
  }
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
  const forgets = Object.keys(kept).length < Object.keys(link.kept).length;
  return { link, stored, applied, kept, differs, forgets };
}

/**
 * Writes down what Maptician was found to have: links without an account go, the others say what is there, and whoever
 * is not as it was applied is planned again from that. Links written since `before` stay. In the caller's transaction.
 */
export async function correctLinks(
  db: Queryable,
  compared: readonly ComparedLink[],
  before: string = 'infinity',
): Promise<void> {
  const gone = compared.filter(({ stored }) => stored === undefined).map(({ link }) => link.entraId);
  const moved = compared
    .filter(({ differs, forgets }) => differs || forgets)
    .map(({ link, applied, kept }) => ({ entraId: link.entraId, applied, kept }));
  const differing = compared.filter(({ differs }) => differs).map(({ link }) => link.entraId);
  await db.query('delete from links where entra_id = any($1) and updated_at < $2::timestamptz', [gone, before]);
  await db.query(
    `update links l set applied = jsonb_strip_nulls(p.applied), kept = p.kept,
       user_name = coalesce(p.applied->>'userName', ''), active = coalesce((p.applied->>'active')::boolean, true),
       deactivated_at = case when (p.applied->>'active')::boolean is false then l.deactivated_at end, updated_at = clock_timestamp()
     from jsonb_to_recordset($1) as p("entraId" uuid, applied jsonb, kept jsonb) where l.entra_id = p."entraId" and l.updated_at < $2::timestamptz`,
    [JSON.stringify(moved), before],
  );
  await compareAgain(db, 'select unnest($1::uuid[])', [[...gone, ...differing]]);
}
