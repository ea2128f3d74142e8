/** What a cycle says of values that Maptician keeps otherwise than it was given them. */
import { type AttributePath, attributePaths } from '../mapping/maptician-user.ts';
import type { Queryable } from './database.ts';
import { toldOfWarnings } from './told-warnings.ts';

/**
 * One warning an attribute that Maptician kept otherwise in this cycle, or in those before it that could not tell of it, in
 * the order of the attribute table. Once an attribute: who is hired next has the same values changed, and every one of
 * them is in the log.
 * @param notifies whether there are channels to tell people by
 */
export async function keptWarnings(db: Queryable, cycleId: number, notifies: boolean): Promise<string[]> {
  // A cycle that ended without such a warning had none to tell of, of those before it neither.
  const { rows } = await db.query<{ path: AttributePath; users: number }>(
    `select path, count(distinct p.entra_id) as users
     from provisioning_log p join cycles c on c.id = p.cycle_id, lateral jsonb_object_keys(p.after) as path
     where p.status = 'warning' and p.operation = 'kept' and c.kind <> 'on_demand' and c.id <= $1 and p.id > (
       select min(u.log_from) from cycles u where u.kind <> 'on_demand' and u.id <= $1 and u.id > coalesce((
         select max(s.id) from cycles s where s.kind <> 'on_demand' and s.id < $1 and s.state in ('succeeded', 'partial')
           and (${toldOfWarnings('s.id', notifies)} or not exists (
             select from jsonb_array_elements_text(s.warnings) as warning where starts_with(warning, $2)))), 0))
     group by path`,
    [cycleId, opening],
  );
  if (rows.length === 0) return [];
  const users = new Map(rows.map((row) => [row.path, row.users]));
  const told = await db.query<{ warning: string }>(
    `select distinct warning from cycles c, lateral jsonb_array_elements_text(c.warnings) as warning
     where c.id < $1 and starts_with(warning, $2) and ${toldOfWarnings('c.id', notifies)}`,
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

/** Whether a warning of a cycle is of such a value: it is always news. */
export function isKeptWarning(warning: string): boolean {
  return warning.startsWith(opening);
}
