/** A world whose user store has gone away while somebody is to be provisioned. */
import { expect } from 'vitest';
import { createDatabase } from '../support/database.ts';
import { addPerson } from './people.ts';
import { openPeopled } from './peopled-world.ts';

export async function openWithGoneStore() {
  const gone = await createDatabase();
  const opened = await openPeopled(3, { settings: { MAPTICIAN_DATABASE_URL: gone.url } });
  expect(await opened.world.sync()).toMatchObject({ exit: 0 });
  await opened.world.restart();
  await gone.drop();
  addPerson(opened.tenant);
  expect(await opened.world.sync()).toMatchObject({ exit: 2 });
  return opened;
}
