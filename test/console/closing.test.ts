/** The end of the service while somebody is being provisioned by hand. */
import { expect, it } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld } from './console-world.ts';

it.each(['page', 'API', 'page that nobody looks at any more'])(
  'waits until what was asked for by a %s has come to its end',
  async (by) => {
    const { world, tenant, ids, console } = await openConsoleWorld(1, { store: 'scim' });
    await world.sync();
    const [id = ''] = ids;
    tenant.users.update(id, { jobTitle: 'Surveyor' });
    world.sandbox.faults.inject({ method: 'PATCH', path: '/scim/*', fault: { kind: 'stall', milliseconds: 700 } });
    const leave = new AbortController();
    const asked =
      by === 'API'
        ? console.fetch(`/api/users/${id}/provision`, {
            method: 'POST',
            body: '{}',
            headers: { 'Content-Type': 'application/json' },
          })
        : console.post(`/users/${id}/provision`, { mode: 'now' }, { signal: leave.signal });
    const answered = asked.then((answer) => answer.text()).catch(() => undefined);
    await waitUntil(async () => (await world.pool.query('select from maptician_sync.operations')).rowCount === 1);
    if (by.endsWith('any more')) leave.abort();
    await console.close();
    const { rows } = await world.pool.query(
      `select state, ended_at is not null as ended from maptician_sync.cycles where kind = 'on_demand'`,
    );
    expect(rows).toEqual([{ state: expect.stringMatching(/^(succeeded|interrupted)$/), ended: true }]);
    const text = await answered;
    if (by === 'page') expect(text).toContain('</main>');
    if (by === 'API') expect(JSON.parse(text ?? '')).toMatchObject({ users: [{ outcome: expect.any(String) }] });
    await expect(fetch(console.url)).rejects.toThrow();
  },
);
