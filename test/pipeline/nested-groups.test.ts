import { expect, it } from 'vitest';
import { addPerson, tenantOf } from './people.ts';
import { openWorld } from './world.ts';

it('members of nested groups get access by a setting, follow changes at any depth, and lose it without the setting', async () => {
  const { tenant } = tenantOf(0);
  const [outer = '', middle = '', inner = ''] = ['Outer', 'Middle', 'Inner'].map(
    (displayName) => tenant.groups.create({ displayName }).id,
  );
  tenant.assign(outer);
  tenant.groups.addMember(outer, middle);
  tenant.groups.addMember(middle, inner);
  const people = [outer, middle, inner].map((group) => {
    const id = addPerson(tenant, {}, false);
    tenant.groups.addMember(group, id);
    return id;
  });
  await using world = await openWorld({
    sandbox: { tenant, behaviour: { resourceUnitLimit: null } },
    settings: { REMOVAL_LIMIT_PERCENT: '100' },
  });
  const sync = async (expected: readonly (string | undefined)[]) => {
    expect(await world.sync()).toMatchObject({ exit: 0 });
    const active = (await world.rows()).flatMap((row) => (row.active ? [row.external_id] : []));
    expect(active.sort()).toEqual([...expected].sort());
  };
  await sync([people[0]]);
  await world.restart({ SYNC_NESTED_GROUPS: 'true' });
  await sync(people);
  const late = addPerson(tenant, {}, false);
  tenant.groups.addMember(inner, late);
  tenant.groups.removeMember(inner, people[2] ?? '');
  await sync([people[0], people[1], late]);
  tenant.groups.removeMember(outer, middle);
  await sync([people[0]]);
  tenant.groups.addMember(outer, middle);
  await sync([people[0], people[1], late]);
  await world.restart({ SYNC_NESTED_GROUPS: 'false' });
  await sync([people[0]]);
});
