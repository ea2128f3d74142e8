/** Previews that are dear: others are answered meanwhile, and whoever asked can stop them, as a minute does. */
import { describe, expect, it, vi } from 'vitest';
import { openConsoleWorld } from './console-world.ts';

/** More than a tenth of a second each time that it is evaluated. */
const dear = `Replace(Replace("${'a'.repeat(250)}", "a", , , "${'a'.repeat(200)}", , ), , "b?(?<x>(a?){10}(a|b|ab)*)$", "x", "y", , )`;
const rows = ['title', 'userType', 'externalId', 'name.givenName', 'name.familyName'];
const attributes = `attributes:
  - { target: userName, source: userPrincipalName, matching: 1 }
  - { target: active, source: not IsSoftDeleted }
${rows.map((target) => `  - { target: ${target}, expression: ${JSON.stringify(dear)} }\n`).join('')}`;

/** Together half a minute. */
const openDear = async () => {
  const opened = await openConsoleWorld(50);
  await opened.world.sync();
  const preview = (fields: Record<string, string>, init?: RequestInit) =>
    opened.console.post('/mapping/preview', { filters: '', ...fields }, init);
  return { ...opened, preview };
};

describe('a dear preview', () => {
  it('lets others be answered, and ends when whoever asked has gone', async () => {
    const { console, world, preview } = await openDear();
    const gone = new AbortController();
    const ended = preview({ attributes }, { signal: gone.signal }).then(
      () => 'answered',
      () => 'gone',
    );
    // Each answer takes several turns of the loop, which a preview without pauses gives to nobody.
    for (let answers = 0; answers < 5; answers += 1) expect((await console.fetch('/healthz')).status).toBe(200);
    expect(await (await preview({ attributes })).text()).toContain('Another preview runs');
    gone.abort();
    expect(await ended).toBe('gone');
    const short = attributes.slice(0, attributes.indexOf('  - { target: title'));
    await vi.waitFor(async () =>
      expect(await (await preview({ attributes: short })).text()).toContain('Would be done'),
    );
    const { pool } = (await world.service()).database;
    expect(pool.totalCount - pool.idleCount).toBe(0);
    expect(world.log.filter((line) => line.includes('could not answer'))).toEqual([]);
  });

  it('is stopped after a minute, and says so', async () => {
    const { preview, world } = await openDear();
    const { timeout } = AbortSignal;
    const shorter = vi.spyOn(AbortSignal, 'timeout').mockImplementation((ms) => timeout.call(AbortSignal, ms / 200));
    const page = await (await preview({ attributes })).text().finally(() => shorter.mockRestore());
    expect(page).toContain('The preview took longer than a minute and was stopped.');
    expect(page).toContain('target: name.familyName');
    const { pool } = (await world.service()).database;
    expect(pool.totalCount - pool.idleCount).toBe(0);
  });
});

it('a file that is too long is not tried, and that is said', async () => {
  const { console } = await openConsoleWorld(0);
  const long = `${attributes}#${'x'.repeat(100_000)}`;
  const page = await (await console.post('/mapping/preview', { attributes: long, filters: '' })).text();
  expect(page).toContain(`attributes.yaml has ${long.length.toLocaleString('en')} characters`);
  expect(page).not.toContain('Would be done');
});
