/** The console as a person uses it, in a browser: a cycle that is watched, a user who is found and provisioned. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pauseJob } from '../../src/state/job.ts';
import { waitUntil } from '../support/wait-until.ts';
import { chromiumPath, launchBrowser } from './browser.ts';
import { openConsoleWorld } from './console-world.ts';

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it('shows an initial cycle move, without the page being loaded again', async () => {
    const { console } = await openConsoleWorld(240, {
      work: true,
      store: 'scim',
      settings: { MAPTICIAN_REQUESTS_PER_SECOND: '50' },
    });
    const page = await browser.newPage();
    await page.goto(console.url);
    await page.getByRole('button', { name: 'Run a cycle now' }).click();
    await page.evaluate(`document.body.setAttribute('data-same', 'page')`);
    const progress = page.getByRole('progressbar', { name: 'Progress of the cycle' });
    await progress.waitFor();
    const seen = await distinctValues(page, 2);
    expect(seen).toEqual(seen.toSorted((a, b) => a - b));

    await page.getByText('healthy', { exact: true }).waitFor({ timeout: 25_000 });
    await page.getByRole('link', { name: '240 Active in Maptician' }).waitFor();
    expect(await page.locator('body').getAttribute('data-same')).toBe('page');
    await page.close();
  });

  it('has the levers of the moment, and says since when it is no longer up to date', async () => {
    const { world, console } = await openConsoleWorld(1);
    const { pool } = (await world.service()).database;
    const page = await browser.newPage();
    await page.goto(console.url);
    await page.getByRole('button', { name: 'Run a cycle now' }).waitFor();
    await pauseJob(pool);
    await page.getByRole('button', { name: 'Resume' }).waitFor({ timeout: 25_000 });
    await page.getByText('Paused since').waitFor();

    await page.route('**/*', (route) => route.abort());
    await page.getByText(/Not up to date since .* The service cannot be reached/).waitFor({ timeout: 25_000 });
    await page.unroute('**/*');
    await page.getByText('Not up to date since').waitFor({ state: 'detached', timeout: 25_000 });
    await page.close();
  }, 90_000);
});

/** Waits until the progress has had so many values, and resolves with them. */
async function distinctValues(page: Page, count: number): Promise<number[]> {
  const values: number[] = [];
  const progress = page.locator('progress[value]');
  // Asked from here: by the page's content security policy nothing can wait in there.
  await waitUntil(async () => {
    const value = Number(await progress.getAttribute('value'));
    if (value !== values.at(-1)) values.push(value);
    return values.length === count;
  });
  return values;
}
