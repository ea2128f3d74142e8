import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { previewMirror } from '../../src/cycle/preview.ts';
import { parseAttributeTable } from '../../src/mapping/attribute-table.ts';
import { exportSchema } from '../../src/mapping/schema-json/export-schema.ts';
import { importSchema } from '../../src/mapping/schema-json/import-schema.ts';
import { parseScopingFilters } from '../../src/scope/filters/parse-filters.ts';
import { readUserValues } from '../../src/source-values-of-user.ts';
import { openMappedWorld } from './mapped-world.ts';

const schema = new URL('../mapping/schema-json/entra-schema.json', import.meta.url);

const engineer = { state: 'New York', department: 'Engineering', employeeId: '1500000', jobTitle: 'Engineer' };
const people = [
  engineer,
  { officeLocation: 'HQ', jobTitle: 'Clerk', surname: 'Åström' },
  { ...engineer, employeeId: '7' },
  { officeLocation: 'Elsewhere', jobTitle: 'Clerk' },
];

it('a mapping carried over from Entra previews what it will do, does that, and is the same when it comes back', async () => {
  const imported = importSchema(JSON.parse(readFileSync(schema, 'utf8')));
  await using mapped = await openMappedWorld(
    people.length,
    // So that the mirror has what the new table and filters read.
    [
      '{ target: title, expression: \'Join(",", [jobTitle], [officeLocation], [state], [employeeId], [department])\' }',
      '{ target: userType, expression: \'Join(",", [mail], [surname], [givenName], [city], [mobilePhone], [mailNickname])\' }',
      '{ target: name.givenName, source: "businessPhones[0]" }',
    ],
    { person: (index) => ({ city: 'New York', mobilePhone: '1', businessPhones: ['2'], ...people[index] }) },
  );
  const { world } = mapped;
  await mapped.converge();

  const table = parseAttributeTable(imported.attributes, 'attributes.yaml');
  const filters = parseScopingFilters(imported.filters, 'scoping-filters.yaml');
  const { rules, guard, database } = await world.service();
  const preview = await previewMirror(database.pool, { rules: { ...rules, table }, filters, guard, mirrored: [] });
  expect(preview).toMatchObject({ mirrored: 4, inScope: 2, leave: { users: 2 }, enter: { users: 0 }, unknown: [] });
  expect(preview.actions).toEqual({ update: 2, skip: 2 });

  await world.restart({}, { attributes: imported.attributes, filters: imported.filters });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 2, deactivated: 0, failed: 0 } });
  const stored = new Map((await world.rows()).map((row) => [row.user_name, row]));
  expect(stored.get('person1@contoso.example')).toMatchObject({
    title: 'Engineer, Elsewhere',
    work_region: 'New-York',
    organization: 'Contoso',
    external_id: 'person1',
    active: true,
  });
  expect(stored.get('person2@contoso.example')).toMatchObject({ title: 'Clerk, Head office', family_name: 'ÅSTRÖM' });
  const titles = preview.attributes.find(({ attribute }) => attribute === 'title')?.samples ?? [];
  expect(titles).toHaveLength(2);
  for (const { user, after } of titles) expect(stored.get(user ?? '')?.title).toBe(after);

  const back = importSchema(JSON.parse(JSON.stringify(exportSchema(table, filters).schema)));
  await world.restart({}, { attributes: back.attributes, filters: back.filters });
  expect(await world.sync()).toMatchObject({ kind: 'incremental', counts: { created: 0, updated: 0, failed: 0 } });
});

it('an expression is tried on a user with attributes that only Graph has, whether mirrored or not', async () => {
  await using mapped = await openMappedWorld(1, [], { person: () => ({ faxNumber: '555', employeeId: '7' }) });
  const { world, ids } = mapped;
  const service = await world.service();
  const { signal } = new AbortController();
  const read = async (user: string, names: string[]) => (await readUserValues(service, signal, user, names)).values;
  const name = 'person1@contoso.example';
  expect(await read(name, ['facsimileTelephoneNumber', 'IsSoftDeleted'])).toEqual({
    facsimileTelephoneNumber: '555',
    IsSoftDeleted: false,
  });
  expect(await read(name, ['manager.userPrincipalName'])).toEqual({ 'manager.userPrincipalName': null });
  await mapped.converge();
  world.sandbox.requests.clear();
  expect(await read(name, ['id', 'userPrincipalName'])).toEqual({ id: ids[0], userPrincipalName: name });
  expect(world.requests()).toBe(0);
  expect(await read(ids[0] ?? '', ['employeeId', 'userPrincipalName'])).toEqual({
    employeeId: '7',
    userPrincipalName: name,
  });
  await expect(read(name, ['appRoleAssignments'])).rejects.toThrow('--set appRoleAssignments=');
  const [role] = mapped.tenant.maptician.appRoles;
  mapped.tenant.assign(ids[0] ?? '', role?.id);
  await mapped.remap(['{ target: userType, expression: "SingleAppRoleAssignment([appRoleAssignments])" }']);
  await mapped.converge();
  const roles = await readUserValues(await world.service(), signal, name, ['appRoleAssignments']);
  expect(roles.values.appRoleAssignments).toEqual([expect.objectContaining({ displayName: role?.displayName })]);
  await expect(readUserValues(await world.service(), signal, 'nobody@contoso.example', ['mail'])).rejects.toMatchObject(
    { code: 'Misconfigured' },
  );
});
