/** A user who is found, looked at and provisioned, in a browser, with and without its script. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addPerson } from '../pipeline/people.ts';
import { barriersOf, chromiumPath, launchBrowser } from './browser.ts';
import { openConsoleWorld } from './console-world.ts';

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it.each([true, false])(
    'finds a user and provisions one who is new (with the script: %s)',
    async (javaScriptEnabled) => {
      const { world, tenant, console } = await openConsoleWorld(3);
      const known = addPerson(tenant, { givenName: 'Zoë', surname: 'Quist' });
      await world.sync();
      const fresh = addPerson(tenant, { userPrincipalName: 'fresh@contoso.example' });

      const page = await browser.newPage({ javaScriptEnabled });
      await page.goto(console.url);
      await page.getByRole('link', { name: 'Users' }).click();
      await page.getByRole('searchbox', { name: 'Find a user' }).fill('zoe qui');
      await page.getByRole('button', { name: 'Search' }).click();
      await page.getByRole('heading', { name: 'person4@contoso.example' }).waitFor();
      expect(page.url()).toBe(`${console.url}/users/${known}`);
      await page.getByRole('row', { name: /name\.givenName Zoë Zoë Zoë/ }).waitFor();

      await page.getByRole('link', { name: 'Users', exact: true }).click();
      await page.getByRole('textbox', { name: 'userPrincipalName or object id' }).fill('fresh@contoso.example');
      await page.getByRole('button', { name: 'Look only' }).click();
      await page.getByText('Nothing was written: this was a dry run.').waitFor();
      await page.getByRole('button', { name: 'Provision now' }).click();
      await page.getByText(/^Provisioned \(/).waitFor();
      await page.getByRole('link', { name: 'Show the user' }).click();
      await page.getByText('Maptician has what Entra says').waitFor();
      expect(page.url()).toBe(`${console.url}/users/${fresh}`);
      expect(await world.rows()).toHaveLength(5);
      await page.close();
    },
  );

  it('has nothing in the way of anybody', async () => {
    const { world, ids, console } = await openConsoleWorld(2);
    await world.sync();
    const [failed = ''] = ids;
    await world.pool.query(
      `insert into maptician_sync.escrow (entra_id, action, code, reason, attempts, first_failed_at, last_failed_at, last_cycle_id)
       values ($1, 'update', 'Conflict', 'taken', 1, now(), now(), 1)`,
      [failed],
    );
    for (const colorScheme of ['light', 'dark'] as const) {
      const context = await browser.newContext({ colorScheme });
      const page = await context.newPage();
      for (const path of ['/users', `/users/${failed}`, '/failures', '/failures/users?code=Conflict']) {
        await page.goto(`${console.url}${path}`);
        expect(await barriersOf(page), `${path}, ${colorScheme}`).toEqual([]);
      }
      await page.goto(`${console.url}/users/${failed}`);
      await page.getByRole('button', { name: 'Look only' }).click();
      await page.getByText('this was a dry run').waitFor();
      expect(await barriersOf(page), `a dry run, ${colorScheme}`).toEqual([]);
      await context.close();
    }
  });
});
