/** So many people who are hired, change, are renamed, leave, come back and are purged, at once. */
import type { Tenant } from '../../src/sandbox/tenant.ts';
import { addPerson } from './people.ts';

/** Somebody with a value for each attribute. */
export const everyProperty = (index: number): Record<string, unknown> => ({
  jobTitle: `Title ${index}`,
  userType: 'Member',
  city: 'Porto',
  state: 'Norte',
  businessPhones: [`+351 22 ${index}`],
  mobilePhone: `+351 91 ${index}`,
  employeeId: `E${index}`,
  companyName: 'Contoso',
  department: 'R&D "Süd"',
});

const kinds = 7;

/**
 * Makes `each` changes of every kind, seven times as many in all, among people who are given in `ids`: the first `each`
 * of them must be disabled and have accounts, the others enabled. Returns whom the next call can begin with.
 */
export function mixedChanges(tenant: Tenant, ids: readonly string[], each: number): string[] {
  const { users } = tenant;
  const group = (number: number) => ids.slice(number * each, (number + 1) * each);
  if (ids.length < (kinds - 1) * each) throw new Error('There are too few people.');
  for (const id of group(0)) users.update(id, { accountEnabled: true });
  for (const id of group(1)) users.update(id, { jobTitle: 'Chief', city: 'Faro', state: 'Algarve', mobilePhone: '+1' });
  for (const id of group(2)) {
    users.update(id, {
      jobTitle: null,
      city: null,
      state: null,
      businessPhones: [],
      department: null,
      employeeId: null,
    });
  }
  for (const [index, id] of group(3).entries()) {
    const alias = `renamed${index}.${id.slice(0, 8)}`;
    users.update(id, { userPrincipalName: `${alias}@contoso.example`, mail: `${alias}@mail.example`, surname: alias });
  }
  for (const id of group(4)) users.update(id, { accountEnabled: false });
  for (const id of group(5)) tenant.purgeUser(id);
  for (let count = 0; count < each; count++) addPerson(tenant, everyProperty(count));
  return [...group(4), ...group(0), ...group(1), ...group(2), ...group(3), ...ids.slice((kinds - 1) * each)];
}
