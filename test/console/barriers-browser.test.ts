/** Every page of the console by axe-core, light and dark, wide and narrow. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { barriersOf, chromiumPath, launchBrowser } from './browser.ts';
import { openConsoleWorld } from './console-world.ts';

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it('has nothing in the way of anybody, on any page', async () => {
    const { world, tenant, ids, console } = await openConsoleWorld(12);
    await world.sync();
    // Half of them lose their access, which is held; so the overview and the held page have something to say.
    for (const id of ids.slice(0, 11)) tenant.users.update(id, { accountEnabled: false });
    const { cycleId, counts } = await world.sync();
    expect(counts.held).toBeGreaterThan(0);
    const { rows } = await world.pool.query('select max(id) as id from maptician_sync.provisioning_log');
    const paths = [
      '/',
      `/cycles/${cycleId}`,
      '/users',
      `/users/${ids[0]}`,
      '/log',
      `/log/${rows[0].id}`,
      '/held',
      `/held/${cycleId}`,
      '/failures',
      '/mapping',
      '/settings',
      '/audit',
      '/queue',
      '/no-such-page',
    ];
    for (const look of [
      { colorScheme: 'light', viewport: { width: 1280, height: 900 } },
      { colorScheme: 'dark', viewport: { width: 400, height: 800 } },
    ] as const) {
      const context = await browser.newContext(look);
      const page = await context.newPage();
      for (const path of paths) {
        await page.goto(`${console.url}${path}`);
        expect(await barriersOf(page), `${path}, ${look.colorScheme}`).toEqual([]);
        const width = await page.evaluate<number>('document.documentElement.scrollWidth');
        expect(width, `${path} is wider than its window`).toBeLessThanOrEqual(look.viewport.width);
      }
      await context.close();
    }
  }, 90_000);
});
