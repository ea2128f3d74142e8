import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type Answer, answerHeld } from '../../src/cycle/answer-held.ts';
import { type HeldSet, readHeldSets } from '../../src/state/held-sets.ts';
import { passTime } from '../support/pass-time.ts';
import { addPerson } from './people.ts';
import { openPeopled } from './peopled-world.ts';
import type { World } from './world.ts';

/** Twelve of forty are deleted in Entra, and held. */
async function openHeld() {
  const opened = await openPeopled(40);
  const { world, tenant, ids } = opened;
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 40 } });
  const leavers = ids.slice(0, 12);
  for (const id of leavers) tenant.users.delete(id);
  expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
  return { ...opened, leavers };
}

async function sets(world: World): Promise<HeldSet[]> {
  return readHeldSets((await world.service()).database.pool);
}

async function answer(world: World, word: Answer['answer'], users?: readonly string[]) {
  const { database, guard } = await world.service();
  const [held] = await sets(world);
  return answerHeld(database.pool, {
    answer: word,
    set: held?.set ?? 0,
    users,
    expiryDays: guard.expiryDays,
  });
}

/** A command in a process of its own: its exit status and all it said. */
async function run(world: World, ...args: string[]): Promise<[number | null, string]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/cli/main.ts'), ...args], {
    env: { PATH: process.env.PATH, ...world.settings, LOG_LEVEL: 'silent' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const closed = new Promise<number | null>((resolve) => child.on('close', resolve));
  const said = `${await text(child.stdout)}${await text(child.stderr)}`;
  return [await closed, said];
}

describe('a set that nobody answers', () => {
  it('is renewed under another number, with another mail, and never carried out', async () => {
    const { world } = await openHeld();
    const [first] = await sets(world);
    expect(first).toMatchObject({ kinds: { deactivate: 12 }, reason: 'more than 25 % of 40 active users' });
    await passTime(world.pool, '6 days 23 hours');
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
    expect(await sets(world)).toMatchObject([{ set: first?.set }]);
    expect(world.sandbox.mailbox.mails()).toHaveLength(1);
    await passTime(world.pool, '2 hours');
    const renewed = await world.sync();
    expect(renewed).toMatchObject({ exit: 3, counts: { held: 12, deactivated: 0 } });
    expect(await sets(world)).toMatchObject([{ set: renewed.cycleId, reason: first?.reason, kinds: first?.kinds }]);
    expect(world.sandbox.mailbox.mails().map(({ text }) => text)).toEqual([
      expect.stringContaining(`approve ${first?.set}`),
      expect.stringContaining(`approve ${renewed.cycleId}`),
    ]);
  });

  it('is so as well when its approval was not carried out in time', async () => {
    const { world } = await openHeld();
    await answer(world, 'approved');
    expect(await sets(world)).toEqual([]);
    await passTime(world.pool, '8 days');
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12, deactivated: 0 } });
    await answer(world, 'approved');
    await passTime(world.pool, '6 days');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { held: 0, deactivated: 12 } });
  });
});

describe('an answer', () => {
  it('may be about some users of a set, and is written down', async () => {
    const { world, leavers, tenant } = await openHeld();
    const set = String((await sets(world))[0]?.set);
    const nobody = await run(world, 'approve', set, '--user', leavers[0] ?? '', 'nobody@contoso.example');
    expect(nobody).toEqual([2, expect.stringMatching(/Not held in set \d+: nobody@contoso\.example\. Nothing was/)]);
    const [exit, said] = await run(
      world,
      'approve',
      set,
      '--user',
      leavers[0] ?? '',
      '--user',
      'PERSON2@contoso.example',
    );
    expect([exit, said]).toEqual([0, expect.stringContaining('Approved: 2 deactivations.')]);
    expect(await run(world, 'reject', set, '--user', leavers[2] ?? '')).toEqual([
      0,
      expect.stringContaining('Rejected: 1 deactivation. The accounts stay as they are'),
    ]);
    const [, status] = await run(world, 'status');
    expect(status).toContain(`Held as set ${set}: more than 25 % of 40 active users`);
    expect(status).toContain('9 deactivations');
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { deactivated: 2, held: 9 } });
    const active = (await world.rows()).filter((row) => row.active).map((row) => row.external_id);
    expect(leavers.filter((id) => active.includes(id))).toEqual(leavers.slice(2));
    const { rows } = await world.pool.query(
      'select actor, action, subject, detail from maptician_sync.audit order by id',
    );
    expect(rows).toEqual([
      {
        actor: expect.stringMatching(/./),
        action: 'approve',
        subject: `set ${set}`,
        detail: { deactivate: 2, users: expect.arrayContaining(leavers.slice(0, 2)) },
      },
      { actor: expect.stringMatching(/./), action: 'reject', subject: `set ${set}`, detail: expect.anything() },
    ]);
    // What was undone at the source needs no answer any more.
    for (const id of leavers) tenant.restoreUser(id);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { held: 0, reactivated: 2 } });
  });

  it('is one on what was shown: a deactivation that became a deletion waits again', async () => {
    const { world, tenant, leavers } = await openHeld();
    await answer(world, 'approved', leavers.slice(0, 6));
    tenant.purgeUser(leavers[0] ?? '');
    tenant.purgeUser(leavers[11] ?? '');
    const result = await world.sync();
    expect(result).toMatchObject({ exit: 3, counts: { deactivated: 5, deleted: 0, held: 7 } });
    expect(await sets(world)).toMatchObject([
      { kinds: { deactivate: 5 } },
      { set: result.cycleId, kinds: { delete: 2 }, reason: expect.stringContaining('something else') },
    ]);
    expect(world.sandbox.mailbox.mails()).toHaveLength(2);
  });

  it('stands when Maptician fails to carry it out', async () => {
    const { world } = await openHeld();
    await answer(world, 'approved');
    await world.pool.query(`
      create function maptician.refuse() returns trigger language plpgsql as
        $$ begin raise exception 'not now' using errcode = 'check_violation'; end $$;
      create trigger refuse before update on maptician.users for each row when (new.user_name like 'person1@%')
        execute function maptician.refuse()`);
    expect(await world.sync()).toMatchObject({ exit: 1, counts: { deactivated: 11, failed: 1, held: 0 } });
    await world.pool.query('drop trigger refuse on maptician.users');
    // By itself it would be held: not one may be deactivated now.
    await world.restart({ DEACTIVATE_LIMIT: '0' });
    await passTime(world.pool, '7 hours');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1, held: 0 } });
  });
});

describe('creates and updates with limits of their own', () => {
  it('are held, carried out when approved, and when rejected not planned before something changes', async () => {
    const { world, tenant, ids } = await openPeopled(5, { settings: { CREATE_LIMIT: '4', UPDATE_LIMIT: '1' } });
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { created: 0, held: 5 } });
    expect(await world.rows()).toEqual([]);
    const [mail] = world.sandbox.mailbox.mails();
    expect(mail?.text).toContain('5 users would be changed');
    expect(mail?.text).toContain('more than 4 users (CREATE_LIMIT)');
    await answer(world, 'rejected', ids.slice(0, 1));
    await answer(world, 'approved');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 4, held: 0 } });
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { created: 0, skipped: 1 } });

    tenant.users.update(ids[0] ?? '', { jobTitle: 'Surveyor' });
    tenant.users.update(ids[1] ?? '', { jobTitle: 'Clerk' });
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 1, updated: 1, held: 0 } });

    for (const id of ids.slice(1, 3)) tenant.users.update(id, { jobTitle: 'Chief' });
    tenant.users.delete(ids[4] ?? '');
    addPerson(tenant);
    const held = { created: 1, updated: 0, deactivated: 1, held: 2 };
    expect(await world.sync()).toMatchObject({ exit: 3, counts: held });
    await answer(world, 'rejected');
    expect(await world.sync({ resync: true })).toMatchObject({ exit: 0, counts: { updated: 0, skipped: 2 } });
    // A removal is something else than what was rejected.
    tenant.users.delete(ids[1] ?? '');
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 1 } });
  });
});
