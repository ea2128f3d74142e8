/** Values that are given up while somebody else is refused for their sake. */
import type pg from 'pg';
import type { Operation } from './operations.ts';
import type { Outcome } from './outcome.ts';

/**
 * Where Maptician refused a value and then nobody has it, somebody may just have given it up: whoever has it by what was last
 * applied, or had it until this cycle. Their users are planned again in this cycle.
 */
export async function contestHandedOver(
  client: pg.PoolClient,
  operations: readonly Operation[],
  outcomes: Map<string, Outcome>,
): Promise<void> {
  const refused = operations.filter(({ id }) => {
    const outcome = outcomes.get(String(id));
    return outcome?.kind === 'failed' && outcome.error.code === 'Conflict';
  });
  if (refused.length === 0) return;
  const { rows } = await client.query<{ id: string }>(
    `select w.id from unnest($1::text[], $2::text[], $3::text[]) as w(id, name, email)
     where exists (select from links where lower(user_name) = w.name)
       or exists (select from links where lower(applied->>'emails[type eq "work"].value') = w.email)
       or exists (
         select from provisioning_log p
         where p.cycle_id = $4 and p.id > (select log_from from cycles where id = $4) and p.status = 'success'
           and (lower(p.before->>'userName') = w.name or lower(p.before->>'emails[type eq "work"].value') = w.email))`,
    [
      refused.map(({ id }) => String(id)),
      refused.map(({ attributes }) => String(attributes.userName ?? '').toLowerCase()),
      refused.map(({ attributes }) => String(attributes['emails[type eq "work"].value'] ?? '').toLowerCase()),
      refused[0]?.cycleId ?? 0,
    ],
  );
  for (const { id } of rows) {
    const outcome = outcomes.get(id);
    if (outcome?.kind === 'failed') outcomes.set(id, { ...outcome, contested: true });
  }
}
