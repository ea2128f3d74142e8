/** Gives those a text to be searched by who have none: read before there was one, or by an older worker. */
import type pg from 'pg';
import type { Duty } from '../duties.ts';
import { transaction } from './database.ts';
import { searchText } from './search-text.ts';

/** Users in one transaction. */
const atOnce = 2_000;
/** Milliseconds after which the other duties have their turn. */
const within = 20_000;

/**
 * Goes through them by id. Whom somebody else writes at this moment is left out: a cycle writes the text itself, and what an
 * older worker leaves is found in the next round.
 * @param hidden properties by which nobody is found
 */
export function fillSearch(pool: pg.Pool, hidden: ReadonlySet<string>): Duty {
  return {
    name: 'search',
    run: async (signal) => {
      const deadline = performance.now() + within;
      let after: string | undefined = first;
      while (after !== undefined && !signal.aborted && performance.now() < deadline) {
        after = await fillSome(pool, hidden, after);
      }
    },
  };
}

const first = '00000000-0000-0000-0000-000000000000';

/** Resolves with the last id of them; undefined where there were no more. */
async function fillSome(pool: pg.Pool, hidden: ReadonlySet<string>, after: string): Promise<string | undefined> {
  return transaction(
    pool,
    async (client) => {
      const { rows } = await client.query<{
        id: string;
        user_name: string | null;
        attributes: Readonly<Record<string, unknown>>;
      }>(
        `select id, user_name, attributes from users where search is null and not needs_read and id > $1
         order by id limit ${atOnce} for no key update skip locked`,
        [after],
      );
      if (rows.length === 0) return undefined;
      const texts = rows.map(({ user_name, attributes }) => searchText(attributes, user_name, hidden));
      await client.query(
        `update users u set search = filled.search from unnest($1::uuid[], $2::text[]) as filled(id, search)
         where u.id = filled.id`,
        [rows.map(({ id }) => id), texts],
      );
      return rows.at(-1)?.id;
    },
    { relaxed: true },
  );
}
