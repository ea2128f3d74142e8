/** What a mapping reads and the mirror does not have: nothing can be told of it before a cycle has read it. */
import { readsRoles, rolesName } from '../mapping/attribute-mapping.ts';
import { attributesRead } from '../mapping/attribute-table.ts';
import type { SourceAttribute } from '../mapping/source-schema.ts';
import type { PlanRules } from '../plan/decide.ts';
import { filterGroups, sourceAttributes } from '../scope/filters/evaluate-filters.ts';
import type { ScopingFilters } from '../scope/filters/model.ts';
import type { Queryable } from '../state/database.ts';

interface Mirrored {
  readonly rules: PlanRules;
  /** Undefined where what they ask for is not known. */
  readonly filters: ScopingFilters | undefined;
  /** What was left out, for people. */
  readonly unknown: readonly string[];
}

/** Without the rows and the filters that read what the mirror does not have: they would look as if it were empty. */
export async function withoutUnmirrored(
  client: Queryable,
  {
    rules,
    filters,
    mirrored,
  }: { readonly rules: PlanRules; readonly filters: ScopingFilters; readonly mirrored: readonly string[] },
): Promise<Mirrored> {
  const { rows } = await client.query<{ key: string }>(
    'select distinct key from users, lateral jsonb_object_keys(attributes) as key',
  );
  const present = new Set([...rows.map(({ key }) => key), ...mirrored]);
  const roles = await client.query("select from users where roles <> '[]' limit 1");
  const missing = (attributes: readonly SourceAttribute[]) =>
    attributes.flatMap(({ name, property }) => (property === undefined || present.has(property) ? [] : [name]));
  const unknown: string[] = [];
  const mappings = rules.table.mappings.filter((mapping) => {
    const names = missing(attributesRead({ ...rules.table, mappings: [mapping] }));
    if (roles.rows.length === 0 && readsRoles(mapping.source)) names.push(rolesName);
    const leftOut = names.length > 0 && mapping.target !== 'userName' && mapping.target !== 'active';
    if (names.length > 0)
      unknown.push(`${mapping.target} reads ${names.join(' and ')}, which nobody in the mirror has`);
    return !leftOut;
  });
  const filtered = missing(sourceAttributes(filters));
  if (filtered.length > 0) unknown.push(`the filters read ${filtered.join(' and ')}, which nobody in the mirror has`);
  const groups = await unknownGroups(client, filterGroups(filters));
  if (groups.length > 0)
    unknown.push(`the filters ask about groups whose members have not been read: ${groups.join(', ')}`);
  const scoped = filtered.length === 0 && groups.length === 0;
  return { rules: { ...rules, table: { ...rules.table, mappings } }, filters: scoped ? filters : undefined, unknown };
}

async function unknownGroups(client: Queryable, groups: readonly string[]): Promise<string[]> {
  const { rows } = await client.query<{ id: string }>(
    `select wanted.id::text as id from unnest($1::uuid[]) as wanted(id)
     where not exists (select from group_members m where m.group_id = wanted.id)
       and not exists (select from assignments a where a.principal_id = wanted.id)`,
    [groups],
  );
  return rows.map(({ id }) => id);
}
