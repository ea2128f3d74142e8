/** What stands at the end of provisioning one user: what came of it, what to do, and only links that lead somewhere. */
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { openConsoleWorld, type ShownConsole, textOf } from './console-world.ts';

type Mode = 'now' | 'dry-run';

async function run(console: ShownConsole, user: string, mode: Mode) {
  const html = await (await console.post('/users/provision', { user, mode })).text();
  for (const [, link = ''] of html.matchAll(/href="(\/users\/[^"?]+|\/log\?cycle=\d+)"/g)) {
    const there = await console.fetch(link);
    expect(there.status, link).toBe(200);
    expect(textOf(await there.text()), link).not.toMatch(/Nothing stands|No entry/);
  }
  return { html, text: textOf(html) };
}

it('says who is unknown and what to do, and leaves neither a cycle nor a link', async () => {
  const { world, console } = await openConsoleWorld(1);
  await world.sync();
  const { html, text } = await run(console, 'nobody@contoso.example', 'now');
  expect(text).toMatch(/Not known to Entra \(.* s\)\. nobody@contoso\.example: look the user up in Entra/);
  expect(text).toContain('ready to ask Microsoft Graph, and the table of users where it is needed');
  expect(html).not.toContain('/log?cycle');
  const { rows } = await world.pool.query(`select from maptician_sync.cycles where kind = 'on_demand'`);
  expect(rows).toEqual([]);
  expect((await run(console, randomUUID(), 'dry-run')).text).toContain('Not known to Entra');
});

it('says of somebody outside that they are, and shows a page of theirs only where there is one', async () => {
  const { world, tenant, console, ids } = await openConsoleWorld(1);
  await world.sync();
  const [known = ''] = ids;
  const { id: outside } = tenant.users.create({
    userPrincipalName: 'outside@contoso.example',
    displayName: 'Outside',
    mail: 'outside@contoso.example',
  });
  const looked = await run(console, outside, 'dry-run');
  expect(looked.text).toMatch(/Not in scope, and nothing to do .* To give access, assign the user, or a group/);
  expect(looked.html).toContain('class="notice warn"');
  expect(looked.html).not.toContain(`href="/users/${outside}"`);
  const done = await run(console, outside, 'now');
  expect(done.text).not.toContain('Up to date already');
  expect((await run(console, known, 'dry-run')).html).toContain(`href="/users/${known}"`);
});

it('explains what is taken away before it is, from the dry run as from the page of the user', async () => {
  const { world, tenant, console, ids } = await openConsoleWorld(1);
  await world.sync();
  const [id = ''] = ids;
  tenant.unassign(id);
  const { html, text } = await run(console, id, 'dry-run');
  expect(text).toContain('This user is to lose access: the account is deactivated at once');
  expect(html).toMatch(/<details class="lever"><summary class="button danger">Provision now…/);
  await world.pool.query(
    `update maptician_sync.users set rejected_removal = 'deactivate', rejected_reason = 'not assigned' where id = $1`,
    [id],
  );
  expect(await console.read('/held')).toContain('the next cycle decides anew whether to deactivate the account');
});
