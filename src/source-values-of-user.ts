/** The attributes of one user, to try an expression with: from the mirror, or from Graph where the mirror has not all of them. */
import { GraphError, graphSyncError } from './directory/graph-client.ts';
import { graphUser } from './directory/graph-types.ts';
import { selectQuery } from './directory/users-delta.ts';
import { SyncError } from './errors.ts';
import { readsRoles, rolesName } from './mapping/attribute-mapping.ts';
import { attributesRead } from './mapping/attribute-table.ts';
import type { RoleAssignment, SourceValues } from './mapping/expression/values.ts';
import {
  findSourceAttribute,
  readSourceAttribute,
  type SourceAttribute,
  selectionOf,
} from './mapping/source-schema.ts';
import { sourceAttributes } from './scope/filters/evaluate-filters.ts';
import type { Service } from './service.ts';

interface KnownUser {
  readonly id: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly roles: readonly RoleAssignment[];
  readonly has_access: boolean;
}

export interface UserValues {
  /** By the names they were asked for. */
  readonly values: SourceValues;
  /** Whether cycles have read this user; who was only looked up in Entra need not be anybody's concern here. */
  readonly mirrored: boolean;
}

/**
 * The values of these attributes.
 * @param user an object id or a userPrincipalName
 * @param options.mirrorOnly for whoever may not look up anybody and anything in Entra
 * @throws SyncError where nobody in Entra, or in the mirror, is called so, or Graph cannot be read
 */
export async function readUserValues(
  service: Service,
  signal: AbortSignal,
  user: string,
  names: readonly string[],
  { mirrorOnly = false } = {},
): Promise<UserValues> {
  const wanted = names.flatMap((name): [string, SourceAttribute][] => {
    const attribute = findSourceAttribute(name);
    return attribute === undefined ? [] : [[name, attribute]];
  });
  const needed = wanted.map(([, attribute]) => attribute);
  const known = await findMirrored(service, user);
  if (mirrorOnly) refuseOthers(service, known, needed);
  const enough = known !== undefined && isMirrored(service, needed);
  const attributes = enough ? known.attributes : await readFromGraph(service, signal, known?.id ?? user, needed);
  const isSoftDeleted = known === undefined ? attributes.accountEnabled === false : !known.has_access;
  const values: SourceValues = Object.fromEntries(
    wanted.map(([name, attribute]) => [name, readSourceAttribute(attribute, attributes, { isSoftDeleted })]),
  );
  const roles = names.includes(rolesName) ? { [rolesName]: rolesOf(service, known) } : {};
  return { values: { ...values, ...roles }, mirrored: known !== undefined };
}

function refuseOthers(service: Service, known: KnownUser | undefined, needed: readonly SourceAttribute[]): void {
  if (known === undefined) {
    throw new SyncError(
      'Misconfigured',
      'Nobody of whom cycles have read has this object id or userPrincipalName. An operator may try it with anybody in Entra; or give values by hand',
    );
  }
  const missing = needed.filter((attribute) => !isMirrored(service, [attribute])).map(({ name }) => name);
  if (missing.length > 0) {
    throw new SyncError(
      'Misconfigured',
      `Cycles do not read ${missing.join(', ')}, since neither the attribute table nor the scoping filters do. An operator may try it with the value in Entra; or give one by hand`,
    );
  }
}

/** A cycle works them out, when a row asks for them. */
function rolesOf({ table }: Service, known: KnownUser | undefined): readonly RoleAssignment[] {
  if (known !== undefined && table.mappings.some(({ source }) => readsRoles(source))) return known.roles;
  throw new SyncError(
    'Misconfigured',
    `The roles of this user are not known: cycles read them once a row of the attribute table in use does. Until then give them by hand, with --set ${rolesName}=Admin`,
  );
}

async function findMirrored({ database }: Service, user: string): Promise<KnownUser | undefined> {
  const { rows } = await database.pool.query<KnownUser>(
    `select id, attributes, roles, presence = 'live' and in_scope and not filtered_out
       and attributes->>'accountEnabled' is distinct from 'false' as has_access
     from users
     where attributes <> '{}' and (id::text = lower($1) or lower(attributes->>'userPrincipalName') = lower($1)) limit 1`,
    [user],
  );
  return rows[0];
}

/** The mirror has what the table and the filters read, and nothing else. */
function isMirrored({ table, filters }: Service, needed: readonly SourceAttribute[]): boolean {
  const mirrored = selectionOf([...attributesRead(table), ...sourceAttributes(filters)]);
  const { properties, manager } = selectionOf(needed);
  return (!manager || mirrored.manager) && properties.every((property) => mirrored.properties.includes(property));
}

async function readFromGraph(
  service: Service,
  signal: AbortSignal,
  user: string,
  needed: readonly SourceAttribute[],
): Promise<Readonly<Record<string, unknown>>> {
  const { graph } = await service.openDirectory({ signal, progress: () => undefined, warn: () => undefined });
  try {
    return await graph.get(`/users/${encodeURIComponent(user)}?${selectQuery(selectionOf(needed))}`, graphUser);
  } catch (thrown) {
    if (thrown instanceof GraphError && thrown.status === 404) {
      throw new SyncError('Misconfigured', 'Entra has no user with this object id or userPrincipalName', {
        cause: thrown,
      });
    }
    throw graphSyncError(thrown, 'the user', 'User.Read.All');
  }
}
