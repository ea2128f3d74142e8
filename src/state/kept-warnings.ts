/** What a cycle says of values that Maptician keeps otherwise than it was given them. */
import { type AttributePath, attributePaths } from '../mapping/maptician-user.ts';
import type { Queryable } from './database.ts';

/**
 * One warning an attribute that Maptician kept otherwise in this cycle, in the order of the attribute table, unless an
 * earlier cycle has warned of it: who is hired next has the same values changed, and every one of them is in the log.
 */
export async function keptWarnings(db: Queryable, cycleId: number): Promise<string[]> {
  const { rows } = await db.query<{ path: AttributePath; users: number }>(
    `select path, count(distinct entra_id) as users
     from provisioning_log, lateral jsonb_object_keys(after) as path
     where cycle_id = $1 and id > (select log_from from cycles where id = $1) and operation = 'kept'
     group by path`,
    [cycleId],
  );
  if (rows.length === 0) return [];
  const users = new Map(rows.map((row) => [row.path, row.users]));
  const told = await db.query<{ warning: string }>(
    `select distinct warning from cycles, lateral jsonb_array_elements_text(warnings) as warning
     where id < $1 and starts_with(warning, $2)`,
    [cycleId, opening],
  );
  return attributePaths.flatMap((path) => {
    const count = users.get(path);
    const start = `${opening}${path} (`;
    if (count === undefined || told.rows.some(({ warning }) => warning.startsWith(start))) return [];
    return [`${start}${count} user${count === 1 ? '' : 's'}): see "log --status warning"`];
  });
}

const opening = 'Maptician keeps another value than it was given for ';
