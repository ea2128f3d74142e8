/** Plain people for tests that need many and care little who they are. */
import { createTenant, leastPermissions, type Tenant } from '../../src/sandbox/tenant.ts';

/** Adds somebody; assigned to the app unless said otherwise. Resolves with the object id. */
export function addPerson(tenant: Tenant, properties: Record<string, unknown> = {}, assigned = true): string {
  const alias = `person${tenant.users.all.end + 1}`;
  const { id } = tenant.users.create({
    userPrincipalName: `${alias}@contoso.example`,
    displayName: `Name of ${alias}`,
    givenName: `Given${alias}`,
    surname: `Family${alias}`,
    mail: `${alias}.mail@contoso.example`,
    mailNickname: alias,
    accountEnabled: true,
    ...properties,
  });
  if (assigned) tenant.assign(id);
  return id;
}

/** A tenant of so many people, all assigned; and their object ids. */
export function tenantOf(count: number, extraPermissions: readonly string[] = []): { tenant: Tenant; ids: string[] } {
  const tenant = createTenant({ permissions: [...leastPermissions, ...extraPermissions] });
  const ids = Array.from({ length: count }, () => addPerson(tenant));
  return { tenant, ids };
}
