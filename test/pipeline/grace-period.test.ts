import { expect, it } from 'vitest';
import { answerHeld } from '../../src/cycle/answer-held.ts';
import { passTime } from '../support/pass-time.ts';
import { tenantOf } from './people.ts';
import { openWorld } from './world.ts';

it('an account without access is deleted when its grace period is over, unless access came back before', async () => {
  const { tenant, ids } = tenantOf(30);
  await using world = await openWorld({ sandbox: { tenant }, settings: { DELETE_INACTIVE_AFTER_DAYS: '30' } });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 30 } });
  const [unassigned = '', disabled = '', deleted = '', returning = '', late = ''] = ids;
  const known = async () => (await world.rows()).map((row) => row.external_id);
  tenant.unassign(unassigned);
  tenant.users.update(disabled, { accountEnabled: false });
  tenant.users.delete(deleted);
  tenant.unassign(returning);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 4, deleted: 0 } });

  await passTime(world.pool, '20 days');
  tenant.assign(returning);
  tenant.unassign(late);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { reactivated: 1, deactivated: 1, deleted: 0 } });
  await passTime(world.pool, '9 days 23 hours');
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deleted: 0 } });
  await passTime(world.pool, '2 hours');
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deleted: 3, held: 0 } });
  const left = await known();
  expect([unassigned, disabled, deleted].filter((id) => left.includes(id))).toEqual([]);
  expect(left).toEqual(expect.arrayContaining([returning, late]));
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deleted: 0 } });

  // Whoever is let in again gets a new account.
  tenant.users.update(disabled, { accountEnabled: true });
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1 } });

  // Deletions count for the guard, and a rejected one is left alone for good.
  for (const id of ids.slice(10, 19)) tenant.unassign(id);
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 9 } });
  await passTime(world.pool, '31 days');
  const { cycleId: set, ...held } = await world.sync();
  expect(held).toMatchObject({ exit: 3, counts: { deleted: 0, held: 10 } });
  await answerHeld((await world.service()).database.pool, { answer: 'rejected', set, users: undefined, expiryDays: 7 });
  for (const resync of [false, true]) {
    expect(await world.sync({ resync })).toMatchObject({ exit: 0, counts: { deleted: 0, held: 0 } });
  }
});
