import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { changesOf, openMappedWorld } from './mapped-world.ts';
import { addPerson } from './people.ts';

const badge = 'extension_0123456789abcdef0123456789abcdef_badge';

it('expressions, extension attributes and directory extensions reach Maptician, whole and again when they change', async () => {
  await using mapped = await openMappedWorld(
    3,
    [
      `{ target: title, expression: 'Join(" ", ToUpper([jobTitle]), [extensionAttribute7])' }`,
      `{ target: userType, source: ${badge} }`,
      `{ target: name.givenName, expression: 'FormatDateTime([employeeHireDate], , "yyyy-MM-ddTHH:mm:ssZ", "yyyy-MM-dd")' }`,
      '{ target: name.familyName, expression: "Left([createdDateTime], 2)" }',
    ],
    {
      person: (index) => ({
        jobTitle: `surveyor ${index}`,
        onPremisesExtensionAttributes: { extensionAttribute7: 'x', extensionAttribute8: null },
        employeeHireDate: '2026-03-01T00:00:00Z',
        [badge]: index === 2 ? 42 : 'blue',
      }),
    },
  );
  const { ids, tenant } = mapped;
  await mapped.converge();
  const expected = { title: 'SURVEYOR 0 x', user_type: 'blue', given_name: '2026-03-01', family_name: '20' };
  expect(await mapped.row(ids[0])).toMatchObject(expected);
  expect(await mapped.row(ids[2])).toMatchObject({ user_type: '42' });
  tenant.users.update(ids[0] ?? '', { onPremisesExtensionAttributes: { extensionAttribute7: 'y' }, [badge]: null });
  await mapped.converge();
  expect(await mapped.row(ids[0])).toMatchObject({ title: 'SURVEYOR 0 y', user_type: null, given_name: '2026-03-01' });
});

it('a row that applies during creation is written once, also where it is random', async () => {
  await using mapped = await openMappedWorld(2, [
    '{ target: title, expression: Guid(), apply: create }',
    '{ target: userType, source: jobTitle, apply: create }',
  ]);
  const { ids, tenant } = mapped;
  tenant.users.update(ids[1] ?? '', { jobTitle: 'Surveyor' });
  await mapped.converge();
  const first = await mapped.row(ids[0]);
  expect(first?.title).toMatch(/^[0-9a-f-]{36}$/);
  tenant.users.update(ids[1] ?? '', { jobTitle: 'Chief', mail: 'other@contoso.example' });
  await mapped.converge();
  expect(await mapped.row(ids[1])).toMatchObject({ user_type: 'Surveyor' });
  tenant.users.update(ids[1] ?? '', { jobTitle: null });
  await mapped.converge();
  expect(await mapped.row(ids[1])).toMatchObject({ user_type: 'Surveyor' });
  expect((await mapped.row(ids[0]))?.title).toBe(first?.title);
});

it('nulls are cleared or kept row by row, whatever FLOW_NULL_VALUES says', async () => {
  for (const flow of ['true', 'false']) {
    await using mapped = await openMappedWorld(
      1,
      [
        '{ target: title, source: jobTitle, nulls: keep }',
        '{ target: userType, source: department, nulls: clear }',
        '{ target: name.givenName, source: city }',
      ],
      {
        settings: { FLOW_NULL_VALUES: flow },
        person: () => ({ jobTitle: 'Surveyor', department: 'Field', city: 'Porto' }),
      },
    );
    const { ids, tenant } = mapped;
    await mapped.converge();
    tenant.users.update(ids[0] ?? '', { jobTitle: null, department: null, city: null });
    await mapped.converge();
    const expected = { title: 'Surveyor', user_type: null, given_name: flow === 'true' ? null : 'Porto' };
    expect(await mapped.row(ids[0])).toMatchObject(expected);
  }
});

it('a default alone fills what is empty at any time, and IgnoreFlowIfNullOrEmpty leaves its attribute out', async () => {
  await using mapped = await openMappedWorld(1, [
    `{ target: userType, expression: 'IgnoreFlowIfNullOrEmpty([jobTitle])' }`,
  ]);
  const { ids, tenant } = mapped;
  await mapped.converge();
  const rows = [
    '{ target: title, default: Staff }',
    `{ target: userType, expression: 'IgnoreFlowIfNullOrEmpty([jobTitle])' }`,
  ];
  await mapped.remap(rows);
  await mapped.converge();
  expect(await mapped.row(ids[0])).toMatchObject({ title: 'Staff', user_type: null });
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
  await mapped.converge();
  tenant.users.update(ids[0] ?? '', { jobTitle: null });
  await mapped.converge();
  expect(await mapped.row(ids[0])).toMatchObject({ title: 'Staff', user_type: 'Surveyor' });
});

it('whoever has no value that is required, an evaluation that fails or several values for one waits alone', async () => {
  await using mapped = await openMappedWorld(
    5,
    [
      '{ target: title, source: jobTitle, required: true }',
      `{ target: userType, expression: 'FormatDateTime([department], , "yyyy-MM-dd", "yyyy")' }`,
      `{ target: name.givenName, source: ${badge} }`,
    ],
    {
      person: (index) => ({
        ...(index === 1 ? {} : { jobTitle: 'Surveyor' }),
        department: index === 2 ? 'no date of mine' : '2026-01-01',
        [badge]: index === 3 ? ['one', 'two'] : 'one',
      }),
    },
  );
  const { world, ids, tenant } = mapped;
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 2, failed: 3 } });
  const codes = new Map((await mapped.escrow()).map(({ entraId, code }) => [entraId, code]));
  expect(ids.map((id) => codes.get(id))).toEqual([
    undefined,
    'MandatoryFieldsMissing',
    'FunctionEvaluationFailed',
    'SchemaPropertyCanOnlyAcceptValue',
    undefined,
  ]);
  const reasons = (await mapped.escrow()).map(({ reason }) => reason).join();
  expect(reasons).toMatch(/the expression for userType has no value for this user: .* \(line 1, column \d+\)/);
  expect(reasons).not.toContain('no date of mine');
  expect(world.sandbox.mailbox.mails()[0]?.text).toContain('mapping test');
  tenant.users.update(ids[1] ?? '', { jobTitle: 'Chief' });
  tenant.users.update(ids[2] ?? '', { department: '2025-05-05' });
  tenant.users.update(ids[3] ?? '', { [badge]: 'three' });
  await mapped.converge();
  expect((await mapped.row(ids[2]))?.user_type).toBe('2025');
});

it('a leaver loses access also where nothing else of them can be mapped', async () => {
  await using mapped = await openMappedWorld(
    2,
    [
      '{ target: title, source: jobTitle, required: true }',
      `{ target: active, expression: 'IIF([IsSoftDeleted] = "True" OR [employeeType] = "Contractor", "False", "True")' }`,
    ],
    { person: () => ({ jobTitle: 'Surveyor' }) },
  );
  const { ids, tenant } = mapped;
  await mapped.converge();
  tenant.users.update(ids[0] ?? '', { jobTitle: null, accountEnabled: false });
  tenant.users.update(ids[1] ?? '', { employeeType: 'Contractor' });
  await mapped.converge();
  expect((await mapped.world.rows()).map(({ active }) => active)).toEqual([false, false]);
  const reasons = (await mapped.log({ action: 'disable' })).map(({ reason }) => reason).sort();
  expect(reasons).toEqual(['disabled in Entra', 'inactive by the attribute table']);
  tenant.users.update(ids[1] ?? '', { employeeType: null });
  await mapped.converge();
  expect((await mapped.row(ids[1]))?.active).toBe(true);
});

it('a redacted value is written and shown nowhere, not even when it is replaced or refused', async () => {
  const secret = `{ target: title, expression: 'Redact([jobTitle])' }`;
  await using mapped = await openMappedWorld(2, [secret], {
    person: (index) => ({ jobTitle: `Undercover${index}` }),
  });
  const { world, ids, tenant } = mapped;
  await mapped.converge();
  expect((await mapped.row(ids[0]))?.title).toBe('Undercover0');
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Undercover7' });
  await mapped.converge();
  const [update] = await mapped.log({ action: 'update' });
  expect(changesOf(update).get('title')).toEqual(['[Redact]', '[Redact]']);
  tenant.users.update(ids[1] ?? '', { jobTitle: 'Undercover8' });
  // There is something to do, which is a status of its own.
  const plan: { stdout: string; stderr: string } = await promisify(execFile)(
    process.execPath,
    [join(import.meta.dirname, '../../src/cli/main.ts'), 'plan', '--json'],
    {
      cwd: world.folder,
      env: { PATH: process.env.PATH, ...world.settings },
    },
  ).catch((thrown: { code: number; stdout: string; stderr: string }) => {
    expect(thrown.code).toBe(4);
    return thrown;
  });
  expect(JSON.parse(plan.stdout)).toMatchObject({
    operations: [{ action: 'update', changes: [{ attribute: 'title', old: '[Redact]', new: '[Redact]' }] }],
  });
  expect(plan.stdout + plan.stderr).not.toContain('Undercover');
  await world.pool.query(`alter table maptician.users add constraint open_only check (title not like 'Undercover9%')`);
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Undercover99' });
  expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });
  // Shown again, but what was hidden when it was written stays hidden.
  await mapped.remap(['{ target: title, source: jobTitle }']);
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Overt' });
  await mapped.converge();
  const shown = JSON.stringify([await mapped.log(), await mapped.escrow(), world.log, world.sandbox.mailbox.mails()]);
  expect(shown).not.toContain('Undercover');
  const [last] = await mapped.log({ action: 'update' });
  expect(changesOf(last).get('title')).toEqual(['[Redact]', 'Overt']);
});

it('actions that are off are not done, and whoever is skipped is told of', async () => {
  await using mapped = await openMappedWorld(3, ['{ target: title, source: jobTitle }']);
  const { world, ids, tenant } = mapped;
  await mapped.converge();
  await mapped.remap(['{ target: title, source: jobTitle }'], '{ create: false, update: false, delete: false }');
  tenant.users.update(ids[0] ?? '', { jobTitle: 'Chief' });
  tenant.users.update(ids[1] ?? '', { accountEnabled: false });
  tenant.purgeUser(ids[2] ?? '');
  const hired = tenant.users.create({
    userPrincipalName: 'new@contoso.example',
    displayName: 'New',
    accountEnabled: true,
  });
  tenant.assign(hired.id);
  const before = await world.rows();
  const skipped = { exit: 0, counts: { created: 0, updated: 0, deactivated: 0, deleted: 0, skipped: 4, failed: 0 } };
  expect(await world.sync()).toMatchObject(skipped);
  expect(await world.rows()).toEqual(before);
  await mapped.remap(['{ target: title, source: jobTitle }']);
  await mapped.converge();
  expect((await world.rows()).map(({ title, active }) => `${title} ${active}`).sort()).toEqual([
    'Chief true',
    'null false',
    'null true',
  ]);
});

it('with creating off, accounts that are there are adopted and kept up to date all the same', async () => {
  await using mapped = await openMappedWorld(2, ['{ target: title, source: jobTitle }'], {
    actions: '{ create: false }',
    person: () => ({ jobTitle: 'Surveyor' }),
  });
  const { world, ids, tenant } = mapped;
  const store = await (await world.service()).store();
  const name = tenant.users.get(ids[0] ?? '')?.properties.userPrincipalName ?? '';
  await store.create([{ key: 'k', attributes: { userName: name, active: true } }]);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 0, updated: 1, skipped: 1 } });
  expect(await mapped.row(ids[0])).toMatchObject({ title: 'Surveyor' });
  expect(await world.rows()).toHaveLength(1);
});

it('the manager’s name follows the manager, whoever of the two changes', async () => {
  for (const scope of ['assigned', 'all']) {
    await using mapped = await openMappedWorld(
      3,
      [
        '{ target: title, source: manager.userPrincipalName }',
        '{ target: userType, source: manager }',
        '{ target: name.givenName, source: givenName }',
      ],
      { settings: { SYNC_SCOPE: scope } },
    );
    const { ids, tenant } = mapped;
    const [report = '', boss = '', other = ''] = ids;
    const outsider = addPerson(tenant, { userPrincipalName: 'outsider@contoso.example' }, false);
    const named = async () => {
      await mapped.converge();
      const row = await mapped.row(report);
      return [row?.title, row?.user_type];
    };
    tenant.users.update(report, { manager: boss });
    expect(await named()).toEqual(['person2@contoso.example', boss]);
    tenant.users.update(boss, { userPrincipalName: 'chief@contoso.example' });
    expect(await named()).toEqual(['chief@contoso.example', boss]);
    tenant.users.update(report, { manager: outsider, givenName: 'Changed' });
    expect(await named()).toEqual(['outsider@contoso.example', outsider]);
    expect(await mapped.row(report)).toMatchObject({ given_name: 'Changed' });
    tenant.users.update(outsider, { userPrincipalName: 'renamed@contoso.example' });
    expect(await named()).toEqual(['renamed@contoso.example', outsider]);
    tenant.users.delete(outsider);
    expect(await named()).toEqual([null, null]);
    tenant.users.update(report, { manager: other });
    expect(await named()).toEqual(['person3@contoso.example', other]);
    tenant.users.update(report, { manager: null });
    expect(await named()).toEqual([null, null]);
  }
});

it('app roles follow the assignments of a user and of its groups, and are none without', async () => {
  const table = [`{ target: title, expression: 'SingleAppRoleAssignment([appRoleAssignments])', default: Nobody }`];
  await using mapped = await openMappedWorld(3, table);
  const { ids, tenant, world } = mapped;
  const [first, second] = tenant.maptician.appRoles;
  const [direct = '', grouped = '', plain = ''] = ids;
  const group = tenant.groups.create({ displayName: 'Field' }).id;
  tenant.groups.addMember(group, grouped);
  tenant.unassign(direct);
  tenant.assign(direct, second?.id);
  tenant.assign(group, second?.id);
  tenant.unassign(grouped);
  const titles = async () => {
    await mapped.converge();
    return Promise.all(ids.map(async (id) => (await mapped.row(id))?.title));
  };
  const roleOf = (role: typeof first) => role?.value ?? role?.displayName ?? 'none';
  const before = await titles();
  expect(before.slice(0, 2)).toEqual([roleOf(second), roleOf(second)]);
  tenant.assign(direct, first?.id);
  tenant.unassign(direct, second?.id);
  tenant.unassign(group);
  tenant.assign(group, first?.id);
  expect((await titles()).slice(0, 2)).toEqual([roleOf(first), roleOf(first)]);
  expect(roleOf(first)).not.toBe(roleOf(second));
  tenant.groups.addMember(group, plain);
  tenant.unassign(plain);
  expect((await titles())[2]).toBe(roleOf(first));
  await world.restart({ SYNC_SCOPE: 'all' });
  await expect(world.sync()).rejects.toThrow('reads appRoleAssignments, which needs SYNC_SCOPE=assigned');
  await world.restart({ SYNC_SCOPE: 'assigned' });
});
