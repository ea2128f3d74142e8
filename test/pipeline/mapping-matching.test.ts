import { expect, it } from 'vitest';
import type { UserAttributes } from '../../src/mapping/maptician-user.ts';
import { openMappedWorld } from './mapped-world.ts';

const employeeNumber = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber';
const precedence = [
  `{ target: "${employeeNumber}", source: employeeId, matching: 1 }`,
  '{ target: externalId, source: id, matching: 2 }',
  '{ target: userName, source: userPrincipalName, matching: 3 }',
  '{ target: title, source: jobTitle }',
];

const open = (store: 'postgres' | 'scim', people = 4) =>
  openMappedWorld(people, precedence, {
    store,
    person: (index) => ({ jobTitle: 'Surveyor', ...(index === 3 ? {} : { employeeId: `E${index}` }) }),
  });

async function seed({ world }: Awaited<ReturnType<typeof open>>, accounts: readonly UserAttributes[]) {
  const store = await (await world.service()).store();
  for (const [index, attributes] of accounts.entries()) {
    const [result] = await store.create([{ key: String(index), attributes: { active: true, ...attributes } }]);
    expect(result?.outcome).toBe('done');
  }
}

it.each(['postgres', 'scim'] as const)('the first attribute with an account decides, over %s', async (store) => {
  await using mapped = await open(store);
  const { world, ids, tenant } = mapped;
  const nameOf = (index: number) => tenant.users.get(ids[index] ?? '')?.properties.userPrincipalName ?? '';
  await seed(mapped, [
    // The first person's by number, whatever it is called; the one that has the name is passed over.
    { userName: 'old.name@contoso.example', [employeeNumber]: 'e0' },
    { userName: 'second@contoso.example', externalId: ids[1] ?? '' },
    { userName: nameOf(2).toUpperCase() },
  ]);
  const before = new Map((await world.rows()).map((row) => [row.user_name, row.id]));
  await mapped.converge();
  expect(await mapped.row(ids[0])).toMatchObject({ id: before.get('old.name@contoso.example'), user_name: nameOf(0) });
  expect(await mapped.row(ids[1])).toMatchObject({ id: before.get('second@contoso.example'), user_name: nameOf(1) });
  expect(await mapped.row(ids[2])).toMatchObject({ id: before.get(nameOf(2).toUpperCase()), user_name: nameOf(2) });
  expect(await world.rows()).toHaveLength(4);
  const notes = (await mapped.log({ action: 'update' })).map(({ reason }) => reason).join('\n');
  expect(notes).toContain(`an existing account with this ${employeeNumber} was adopted`);
  expect(notes).toContain('an existing account with this externalId was adopted');
});

it('several accounts at one level are an error, and a lower level does not settle it', async () => {
  await using mapped = await open('postgres', 1);
  const { world, ids } = mapped;
  await seed(mapped, [
    { userName: 'one@contoso.example', [employeeNumber]: 'E0' },
    { userName: 'two@contoso.example', [employeeNumber]: 'E0', externalId: ids[0] ?? '' },
  ]);
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 0, updated: 0, failed: 1 } });
  expect(await mapped.escrow()).toMatchObject([
    { code: 'DuplicateTargetEntries', reason: `2 Maptician accounts have this ${employeeNumber}` },
  ]);
});

it('an account that is linked to somebody who keeps it is not taken by a number that was given twice', async () => {
  await using mapped = await open('postgres', 2);
  const { world, ids, tenant } = mapped;
  await mapped.converge();
  const hired = tenant.users.create({
    userPrincipalName: 'new@contoso.example',
    displayName: 'New',
    accountEnabled: true,
  });
  tenant.users.update(hired.id, { employeeId: 'E1' });
  tenant.assign(hired.id);
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 0, failed: 1 } });
  expect(await mapped.escrow()).toMatchObject([{ entraId: hired.id, code: 'Conflict' }]);
  expect(await mapped.row(ids[1])).toMatchObject({ active: true });
  tenant.users.update(hired.id, { employeeId: 'E9' });
  await mapped.converge();
});

it('an account that is adopted keeps what only new accounts get', async () => {
  await using mapped = await openMappedWorld(1, [
    '{ target: title, source: jobTitle, default: Staff }',
    '{ target: userType, source: department, apply: create }',
    '{ target: name.givenName, default: Nobody }',
    '{ target: name.familyName, source: city, nulls: keep }',
  ]);
  const { world, ids, tenant } = mapped;
  tenant.users.update(ids[0] ?? '', { department: 'Field' });
  const userName = tenant.users.get(ids[0] ?? '')?.properties.userPrincipalName ?? '';
  const given = { title: 'Old', userType: 'Old', 'name.givenName': 'Old', 'name.familyName': 'Old' };
  const store = await (await world.service()).store();
  await store.create([{ key: 'k', attributes: { userName, active: true, ...given } }]);
  await mapped.converge();
  expect(await mapped.row(ids[0])).toMatchObject({
    title: null,
    user_type: 'Old',
    given_name: 'Old',
    family_name: 'Old',
  });
});
