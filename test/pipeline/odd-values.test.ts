import { afterEach, describe, expect, it } from 'vitest';
import { tenantOf } from './people.ts';
import { openWorld, type World } from './world.ts';

const worlds: World[] = [];
afterEach(async () => {
  for (const world of worlds.splice(0)) await world.close();
});

async function open() {
  const { tenant, ids } = tenantOf(5);
  const world = await openWorld({ sandbox: { tenant, behaviour: { resourceUnitLimit: null } } });
  worlds.push(world);
  return { world, tenant, odd: ids[2] ?? '' };
}

describe('a value that no database can store', () => {
  it.each([
    ['a NUL', 'Head\0 of Maps', 'Head of Maps'],
    ['half a surrogate pair', 'Head \uD83D of Maps', 'Head \uFFFD of Maps'],
  ])('is written without %s', async (_name, jobTitle, stored) => {
    const { world, tenant, odd } = await open();
    tenant.users.update(odd, { jobTitle });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 5 } });
    expect((await world.rows()).find((row) => row.external_id === odd)?.title).toBe(stored);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 0 } });
  });
});

describe('a value in a form that Graph does not document', () => {
  const undocumented = { jobTitle: 7 } as unknown as { jobTitle: string };

  it('keeps that user out and nobody else, in the initial cycle and later, until it is mended', async () => {
    const { world, tenant, odd } = await open();
    tenant.users.update(odd, undocumented);
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { created: 4, failed: 1 } });
    expect(
      world.sandbox.mailbox
        .mails()
        .map(({ text }) => text)
        .join(),
    ).toContain('jobTitle');
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { failed: 1 } });

    tenant.users.update(odd, { jobTitle: 'Surveyor' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, failed: 0 } });
    tenant.users.update(odd, undocumented);
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { updated: 0, deactivated: 0, failed: 1 } });
    tenant.users.update(odd, { jobTitle: 'Surveyor' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { updated: 0, failed: 0 } });
  });
});
