/** In a browser: held removals are read, chosen, approved and carried out; the log is downloaded. */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCsv } from '../support/parse-csv.ts';
import { waitUntil } from '../support/wait-until.ts';
import { chromiumPath, launchBrowser } from './browser.ts';
import { openConsoleWorld } from './console-world.ts';

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  let browser: Awaited<ReturnType<typeof launchBrowser>>;
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(() => browser.close());

  it('held removals are approved and carried out, and the log of it is downloaded', async () => {
    const { world, tenant, ids, console } = await openConsoleWorld(40, { work: true });
    await world.sync();
    for (const id of ids.slice(0, 12)) tenant.users.delete(id);
    expect(await world.sync()).toMatchObject({ exit: 3, counts: { held: 12 } });
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(8000);
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));

    await page.goto(`${console.url}/`);
    await page.getByRole('link', { name: 'Approve or reject' }).click();
    await page.getByRole('link', { name: 'See the 12 users, and answer for some of them' }).click();
    await page.getByRole('checkbox', { name: 'Choose all on this page' }).check();
    await page.getByRole('checkbox', { name: 'Choose person1@contoso.example' }).uncheck();
    // Nobody presses a button that is folded away with what it explains.
    await page.getByRole('checkbox', { name: 'Choose person2@contoso.example' }).press('Enter');
    await page.waitForURL(/which=chosen/);
    await page.getByRole('checkbox', { name: 'Choose all on this page' }).check();
    await page.getByRole('checkbox', { name: 'Choose person1@contoso.example' }).uncheck();
    await page.getByText('Approve the chosen…').click();
    await page.getByText('The next cycle carries out what is to be done to the chosen users').waitFor();
    await page.getByRole('button', { name: 'Approve the chosen' }).click();
    await page.getByText('Approved for 11 users.').waitFor();

    await page.getByText('Reject all…').click();
    await page.getByRole('button', { name: 'Reject all' }).click();
    await page.getByText('Rejected for 1 user: nothing is done to them.').waitFor();
    await page.getByRole('link', { name: 'Run a cycle now' }).click();
    await page.getByRole('button', { name: 'Run a cycle now' }).click();
    const active = async () => (await world.rows()).filter((row) => row.active).map((row) => row.external_id);
    await waitUntil(async () => (await active()).length === 29);
    expect(await active()).toContain(ids[0]);

    await page.getByRole('link', { name: 'Provisioning log' }).click();
    await page.getByLabel('Action').selectOption('disable');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByText('Download these entries').click();
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'ProvisioningLogs.csv', exact: true }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^ProvisioningLogs-\d{8}T\d{4}Z\.csv$/);
    const rows = parseCsv(await readFile(await download.path(), 'utf8'));
    expect(rows.map(({ sourceIdentityId }) => sourceIdentityId).toSorted()).toEqual(ids.slice(1, 12).toSorted());
    expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['success']));

    await page.getByRole('textbox', { name: 'Entries of a user' }).fill('person2@contoso.example');
    await page.getByRole('button', { name: 'Find' }).click();
    await page.getByText('Entries of person2@contoso.example').waitFor();
    expect(page.url()).toBe(`${console.url}/log?user=${ids[1]}&action=disable`);
    await page.getByRole('table').getByRole('link').first().click();
    await page.getByRole('heading', { name: 'Modified properties' }).waitFor();
    expect(problems).toEqual([]);
    await context.close();
  });
});
