/** The overview: where things stand, and the levers on the job as a whole. */
import { describe, expect, it } from 'vitest';
import { enterQuarantine, readJob } from '../../src/state/job.ts';
import { waitUntil } from '../support/wait-until.ts';
import { openConsoleWorld } from './console-world.ts';

describe('the overview', () => {
  it('runs a cycle when asked, and tells what came of it', async () => {
    const { world, console } = await openConsoleWorld(3, { work: true });
    expect(await console.read('/')).toContain('No cycle has run yet.');

    const answer = await console.post('/sync');
    expect([answer.status, answer.headers.get('location')]).toEqual([303, '/?done=sync']);
    await waitUntil(async () => /healthy.* 3 Active in Maptician/.test(await console.read('/')));

    const page = await console.read('/?done=sync');
    expect(page).toContain('A cycle was asked for.');
    expect(page).toMatch(/1 initial console .* succeeded 3 created/);
    expect(await audited(world)).toEqual([{ actor: 'this machine (console)', action: 'sync' }]);
    expect(await world.rows()).toHaveLength(3);
  });

  it('pauses and resumes, and runs nothing meanwhile', async () => {
    const { world, console } = await openConsoleWorld(1, { work: true });
    await console.post('/pause');
    const paused = await console.read('/?done=pause');
    expect(paused).toContain('Paused since');
    expect(paused).not.toContain('Run a cycle now');
    expect((await console.post('/sync')).headers.get('location')).toBe('/?done=sync-paused');

    await console.post('/resume');
    expect(await console.read('/')).toContain('Run a cycle now');
    expect((await audited(world)).map(({ action }) => action)).toEqual(['pause', 'resume']);
    expect(await console.read('/')).toContain('No cycle has run yet.');
  });

  it('tells of a quarantine with the way out, and ends it', async () => {
    const { world, console } = await openConsoleWorld(1);
    const { pool } = (await world.service()).database;
    await enterQuarantine(pool, {
      reason: 'EncounteredQuarantineException',
      code: 'Unauthorized',
      message: 'The Secret Token was refused',
    });
    const page = await console.read('/');
    expect(page).toContain('quarantined');
    expect(page).toContain('The Secret Token was refused. The credentials were refused.');
    await console.post('/resume');
    expect((await readJob(pool)).quarantine).toBeNull();
  });

  it('has the next cycle reset what was chosen, and nothing unknown', async () => {
    const { world, console } = await openConsoleWorld(1);
    const answer = await console.fetch('/restart', {
      method: 'POST',
      body: new URLSearchParams([
        ['scope', 'Watermark'],
        ['scope', 'Escrows'],
      ]),
      headers: { Origin: console.url },
    });
    expect(answer.headers.get('location')).toBe('/?done=restart');
    expect(await console.read('/')).toContain('The next cycle resets Escrows, Watermark first.');
    expect((await console.post('/restart')).status).toBe(400);
    expect((await console.post('/restart', { scope: 'Everything' })).status).toBe(400);
    expect((await readJob((await world.service()).database.pool)).restartScope).toEqual(['Escrows', 'Watermark']);
  });

  it('shows one cycle with its counts, and says where there is none', async () => {
    const { world, console } = await openConsoleWorld(2);
    const { cycleId } = await world.sync();
    expect(await console.read(`/cycles/${cycleId}`)).toMatch(/succeeded .*created 2/);
    expect((await console.fetch('/cycles/99')).status).toBe(404);
    expect((await console.fetch('/cycles/99999999999999999999')).status).toBe(404);
  });
});

async function audited({ pool }: { readonly pool: { query: (text: string) => Promise<{ rows: unknown[] }> } }) {
  const { rows } = await pool.query('select actor, action from maptician_sync.audit order by id');
  return rows as { actor: string; action: string }[];
}
