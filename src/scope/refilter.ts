/**
 * Who passes the scoping filters, where these look beyond the user: at the time, or at groups. Then everyone is evaluated
 * in every cycle, since nothing tells of those whom time or another's membership has moved across the line.
 */
import type pg from 'pg';
import { transaction } from '../state/database.ts';
import { dependsOnTime, evaluateFilters, filterGroups } from './filters/evaluate-filters.ts';
import type { ScopingFilters } from './filters/model.ts';

const chunkSize = 2000;

/** Whether the mirror's own writes are not enough to keep `users.filtered_out` right. */
export function needsRefilter(filters: ScopingFilters): boolean {
  return dependsOnTime(filters) || filterGroups(filters).length > 0;
}

interface Row {
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly filtered_out: boolean;
  readonly member_of: readonly string[];
}

/** Evaluates everyone who has been read, in chunks; whoever crosses the line is compared again. */
export async function refilter(pool: pg.Pool, filters: ScopingFilters, now: Date): Promise<void> {
  if (!needsRefilter(filters)) return;
  const groups = filterGroups(filters);
  let after = '00000000-0000-0000-0000-000000000000';
  for (;;) {
    const { rows } = await pool.query<Row>(
      `select u.id, u.attributes, u.filtered_out,
         array(select m.group_id from group_members m
           where m.user_id = u.id and m.group_id = any($3::uuid[]) and not m.gone)::text[] as member_of
       from users u where u.id > $1 and not u.needs_read order by u.id limit $2`,
      [after, chunkSize, groups],
    );
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.id;
    // Of whoever was never read nothing is known, and nobody is filtered out on that.
    const crossed = rows
      .filter(({ attributes }) => Object.keys(attributes).length > 0)
      .filter(({ attributes, member_of, filtered_out }) => {
        const { inScope } = evaluateFilters(filters, attributes, { memberOf: new Set(member_of), now });
        return inScope === filtered_out;
      })
      .map(({ id }) => id);
    if (crossed.length === 0) continue;
    await transaction(pool, async (client) => {
      await client.query('update users set filtered_out = not filtered_out where id = any($1)', [crossed]);
      await client.query('insert into to_compare select unnest($1::uuid[]) on conflict do nothing', [crossed]);
    });
  }
}
