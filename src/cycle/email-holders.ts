/**
 * Maptician may want e-mails unique, and tells so only by refusing a new account. Then the account that has the e-mail is
 * adopted; here it is looked up before, where the accounts are listed anyway.
 */
import type { UserAttributes } from '../mapping/maptician-user.ts';
import type { Match } from '../maptician/match-accounts.ts';
import type { StoredUser, UserStore } from '../maptician/user-store.ts';
import type { Queryable } from '../state/database.ts';

const email = 'emails[type eq "work"].value';

interface Wanting {
  readonly subject: { readonly id: string };
}

/** By user, the one account that has the e-mail and that nobody else has a claim to. */
export async function emailHolders<Item extends Wanting>(
  db: Queryable,
  { listing }: UserStore,
  cycleId: number,
  items: readonly Item[],
  attributesOf: (item: Item) => UserAttributes,
): Promise<Map<Item, Match>> {
  const matches = new Map<Item, Match>();
  const wanted = items.flatMap((item) => {
    const value = attributesOf(item)[email];
    return typeof value === 'string' ? [{ item, value }] : [];
  });
  if (listing === undefined || wanted.length === 0) return matches;
  const found = await listing.byEmail(
    cycleId,
    wanted.map(({ value }) => value),
  );
  const claims = await readClaims(db, [...found.values()].flat());
  for (const { item, value } of wanted) {
    const [user, ...others] = found.get(value) ?? [];
    // Where two have it, it is not unique there.
    if (user === undefined || others.length > 0) continue;
    const claimed = claims.some(({ account, id }) => account === user.id && id !== item.subject.id);
    if (!claimed) matches.set(item, { by: email, users: [user] });
  }
  return matches;
}

/** Who else is to have these accounts: users with access who are linked to them, or who have their userName. */
async function readClaims(
  db: Queryable,
  accounts: readonly StoredUser[],
): Promise<{ readonly account: string; readonly id: string }[]> {
  if (accounts.length === 0) return [];
  const { rows } = await db.query<{ account: string; id: string }>(
    `select a.account, u.id from unnest($1::text[], $2::text[]) as a(account, name)
       cross join lateral (
         select id, in_scope, filtered_out, presence from users where lower(user_name) = lower(a.name)
         union all select u.id, u.in_scope, u.filtered_out, u.presence
         from links l join users u on u.id = l.entra_id where l.maptician_id = a.account
       ) u
     where u.in_scope and not u.filtered_out and u.presence = 'live'`,
    [accounts.map(({ id }) => id), accounts.map(({ attributes }) => String(attributes.userName ?? ''))],
  );
  return rows;
}
