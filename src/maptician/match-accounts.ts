/** Finds existing accounts by several attributes in turn: the first by which there is one decides. */
import type { AttributePath, UserAttributes } from '../mapping/maptician-user.ts';
import type { LookUp, StoredUser, UserStore } from './user-store.ts';

/** The accounts that have a value in common with a wanted user. */
export interface Match {
  readonly by: AttributePath;
  /** One as a rule, never none. */
  readonly users: readonly StoredUser[];
}

/**
 * Looks for accounts level by level; whoever has none at one level is looked for at the next. Whoever has none at all is
 * not in the result. One call to the store a level, whatever the number of users.
 * @param matching the attributes, the first to be tried first
 */
export async function matchAccounts<Item>(
  store: Pick<UserStore, 'match'>,
  matching: readonly AttributePath[],
  items: readonly Item[],
  attributesOf: (item: Item) => UserAttributes,
  lookUp: LookUp,
): Promise<Map<Item, Match>> {
  const matches = new Map<Item, Match>();
  for (const by of matching) {
    const asked = items.flatMap((item) => {
      const value = attributesOf(item)[by];
      return matches.has(item) || typeof value !== 'string' ? [] : [{ item, value }];
    });
    if (asked.length === 0) continue;
    const found = await store.match(
      by,
      asked.map(({ value }) => value),
      lookUp,
    );
    for (const { item, value } of asked) {
      const users = found.get(value) ?? [];
      if (users.length > 0) matches.set(item, { by, users });
    }
  }
  return matches;
}
