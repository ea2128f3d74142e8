/** What is held, in the console: read, answered for all or for some, by one or by two. */
import { html } from 'hono/html';
import { describe, expect, it } from 'vitest';
import { heldOverview } from '../../src/console/pages/held-sets.ts';
import { answerHeld } from '../../src/cycle/answer-held.ts';
import { readHeldSets } from '../../src/state/held-sets.ts';
import { type HeldUser, readHeldUsers } from '../../src/state/held-users.ts';
import { openConsoleWorld, textOf } from './console-world.ts';

/** Twelve of forty are deleted in Entra, and held. */
async function openHeld(settings: Record<string, string> = {}) {
  const opened = await openConsoleWorld(40, { settings });
  const { world, tenant, ids, console } = opened;
  expect(await world.sync()).toMatchObject({ exit: 0, counts: { created: 40 } });
  const leavers = ids.slice(0, 12).toSorted();
  for (const id of leavers) tenant.users.delete(id);
  expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
  const { database } = await world.service();
  const choose = (answer: string, users: readonly string[]) =>
    console.fetch(`/held/2/${answer}`, {
      method: 'POST',
      headers: { Origin: console.url },
      body: new URLSearchParams([['which', 'chosen'], ...users.map((id) => ['user', id] as [string, string])]),
    });
  const inactive = async () =>
    (await world.rows()).filter(({ active }) => active === false).map(({ external_id }) => external_id);
  return { ...opened, leavers, pool: database.pool, choose, inactive };
}

function where(answer: Response): string | null {
  expect(answer.status).toBe(303);
  return answer.headers.get('location');
}

describe('the held page', () => {
  it('says why, until when and for whom, and what is held when', async () => {
    const { console, leavers } = await openHeld();
    const page = await console.read('/held');
    expect(page).toContain('Set 2: 12 deactivations');
    expect(page).toContain('Held because it is more than 25 % of 40 active users');
    expect(page).toMatch(/Until \d{4}-\d\d-\d\d .* UTC\. Nothing is ever carried out because nobody answered/);
    expect(page).toContain('more than 500 users, or more than 25 % of the active ones. Fewer than 10 never are.');
    expect(page).not.toContain('WHEN_HELD is stop');
    const users = await console.read('/held/2');
    expect(users.match(/person\d+@contoso\.example deactivate .*? active : true → false/g)).toHaveLength(
      leavers.length,
    );
    expect(await console.read('/held/9')).toContain('Nothing is held as set 9 any more.');
    expect((await console.fetch('/held?after=x')).status).toBe(400);
  });

  it('says so where nothing is held, and where all else waits', async () => {
    const { console, tenant, ids, world } = await openHeld({ WHEN_HELD: 'stop' });
    expect(await console.read('/held')).toContain('Until it is answered, nothing else is changed in Maptician either');
    for (const id of ids.slice(0, 12)) tenant.restoreUser(id);
    await world.sync();
    expect(await console.read('/held')).toMatch(/^.*Nothing is held\. What is held, and when/);
  });

  it('shows a reader everything and no lever', async () => {
    const { pool, world } = await openHeld();
    const { guard: rules } = await world.service();
    const shown = async (role: 'reader' | 'operator') =>
      textOf(
        `<main${await html`${heldOverview({
          sets: await readHeldSets(pool),
          approved: {},
          rejected: {
            users: [{ entraId: 'x', userName: 'ada', kind: 'delete', reason: null }],
            next: undefined,
          },
          answers: [],
          rules,
          viewer: { name: 'somebody', role, session: true },
        })}`}`,
      );
    expect(await shown('operator')).toMatch(/Approve all.*Reject all.*ada delete – Remove after all/);
    expect(await shown('reader')).toMatch(/12 deactivations.*ada delete –/);
    expect(await shown('reader')).not.toMatch(/Approve all|Reject all|Remove after all/);
  });
});

describe('an answer', () => {
  it('for all is carried out by the next cycle, and written down', async () => {
    const { console, world, leavers, inactive } = await openHeld();
    const answer = await console.post('/held/2/approve', { which: 'all', seen: '12' });
    expect(where(answer)).toBe('/held?done=approved&users=12');
    const page = await console.read('/held?done=approved&users=12');
    expect(page).toMatch(
      /^.*Approved for 12 users\. The next cycle, .* Approved, and waiting for the next cycle: 12 deactivations/,
    );
    expect(page).toMatch(/this machine \(console\) approve set 2 deactivate: 12/);
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 12 } });
    expect((await inactive()).toSorted()).toEqual(leavers);
  });

  it('for some leaves the others held; a rejection is listed, and taken back by a retry', async () => {
    const { console, world, leavers, choose, inactive } = await openHeld();
    const [first = '', second = '', third = '', ...others] = leavers;
    expect(where(await choose('approve', [first, second]))).toBe('/held/2?done=approved&users=2');
    expect(where(await choose('reject', [third]))).toBe('/held/2?done=rejected&users=1');
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { deactivated: 2, held: 9 } });
    expect((await inactive()).toSorted()).toEqual([first, second]);
    const page = await (await console.fetch('/held')).text();
    const rejected = page.slice(page.indexOf('id="rejected"'));
    expect(rejected).toContain(`/users/${third}`);
    for (const id of others) expect(rejected).not.toContain(`/users/${id}`);

    expect(where(await console.post('/held/retry', { user: third }))).toBe('/held?done=retried');
    expect(where(await console.post('/held/retry', { user: third }))).toBe('/held?done=not-rejected');
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 10 } });
    expect(await console.read('/audit')).toMatch(
      /retry user [0-9a-f-]{36} users: 1 .* reject set 2 users: \w{8}… ; deactivate: 1 .* approve set 2 users: .* deactivate: 2/,
    );
  });

  it('that somebody else gave meanwhile, or that is about more than was seen, changes nothing', async () => {
    const { console, pool, leavers, choose, world, inactive } = await openHeld();
    expect(where(await choose('approve', []))).toBe('/held/2?done=none');
    expect(where(await console.post('/held/2/approve', { which: 'all', seen: '11' }))).toBe('/held?done=grown');
    await answerHeld(pool, { answer: 'rejected', set: 2, users: leavers.slice(0, 1), expiryDays: 7 });
    expect(where(await choose('approve', leavers.slice(0, 2)))).toBe('/held/2?done=not-all-held');
    await answerHeld(pool, { answer: 'rejected', set: 2, users: undefined, expiryDays: 7 });
    expect(where(await console.post('/held/2/approve', { which: 'all', seen: '12' }))).toBe('/held?done=answered');
    expect(await console.read('/held?done=answered')).toContain('Somebody else answered meanwhile');
    expect(await console.read('/held/2?done=not-all-held')).toMatch(
      /Nothing is held as set 2 any more\. .* reject set 2/,
    );
    expect(await world.sync()).toMatchObject({ exit: 0, counts: { deactivated: 0, held: 0 } });
    expect(await inactive()).toEqual([]);
  });

  it('that says nothing of what was seen is refused', async () => {
    const { console } = await openConsoleWorld(1);
    expect((await console.post('/held/2/approve')).status).toBe(400);
    expect((await console.post('/held/2/approve', { which: 'chosen', user: 'ada' })).status).toBe(400);
    expect((await console.post('/held/retry', { user: 'ada' })).status).toBe(400);
  });
});

it('the users of a set come in pages, each once, and what is redacted stays so', async () => {
  const { pool, leavers } = await openHeld();
  await pool.query(
    `update operations set attributes = '{"title": "secret"}', redacted = '{title}' where entra_id = $1`,
    [leavers[3]],
  );
  const found: HeldUser[] = [];
  for (let after: string | undefined; found.length < 100; ) {
    const page = await readHeldUsers(pool, { set: 2, after, limit: 5 });
    found.push(...page.users);
    after = page.next;
    if (after === undefined) break;
  }
  expect(found.map(({ entraId }) => entraId)).toEqual(leavers);
  expect(found[2]?.changes).toEqual([{ displayName: 'active', oldValue: true, newValue: false }]);
  expect(found[3]?.changes).toEqual([{ displayName: 'title', oldValue: null, newValue: '[Redact]' }]);
});
