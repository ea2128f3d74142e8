/** Signing in as a person does it, in a browser that heeds the security headers; and a page elsewhere that means harm. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { describe, expect, onTestFinished, test } from 'vitest';
import { chromiumPath, launchBrowser } from './browser.ts';
import { openConsoleWorld } from './console-world.ts';
import { startEntra } from './entra-authority.ts';
import { operatorToken, tokenSettings } from './sign-in-with-token.ts';

async function openPage(): Promise<Page> {
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  return (await browser.newContext({ ignoreHTTPSErrors: true })).newPage();
}

/** What the browser says against a page, such as that it breaks its content security policy. */
function complaintsOf(page: Page): string[] {
  const complaints: string[] = [];
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', ({ message }) => complaints.push(message));
  return complaints;
}

const whoIsShown = (page: Page) => page.locator('header .who').textContent();

describe.skipIf(chromiumPath === undefined)('in a browser', () => {
  test('one signs in with Entra or a token, comes to where one was going, and signs out', async () => {
    const authority = await startEntra();
    const { console } = await openConsoleWorld(0, { settings: { ...authority.settings, ...tokenSettings } });
    authority.serve(console.url);
    authority.person = { roles: ['reader'], preferred_username: 'alice@example.com' };
    const page = await openPage();
    const complaints = complaintsOf(page);

    await page.goto(`${console.url}/users/7`);
    await page.getByRole('link', { name: 'Sign in with Microsoft Entra' }).click();
    await page.waitForURL(`${console.url}/users/7`);
    expect(await whoIsShown(page)).toMatch(/^alice@example.com reader/);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByText('You are signed out.').waitFor();

    await page.getByLabel('Token').fill('not the token, whatever it is; 0123456789');
    await page.getByRole('button', { name: 'Sign in with the token' }).click();
    await page.getByRole('alert').getByText('That is none of the tokens.').waitFor();
    await page.getByLabel('Token').fill(operatorToken);
    await page.getByRole('button', { name: 'Sign in with the token' }).click();
    await page.getByText('operator token').waitFor();
    expect(await whoIsShown(page)).toMatch(/^operator token operator/);
    // The pages that are not there yet, and the token that was wrong.
    expect(complaints.filter((text) => !/status of (404|401)/.test(text))).toEqual([]);
  });

  test('a page elsewhere has nothing done and reads nothing, though somebody is signed in', async () => {
    const { console } = await openConsoleWorld(0, { settings: tokenSettings });
    const page = await openPage();
    await page.goto(`${console.url}/sign-in`);
    await page.getByLabel('Token').fill(operatorToken);
    await page.getByRole('button', { name: 'Sign in with the token' }).click();
    await page.getByText('operator token').waitFor();

    const harm = createServer((_request, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(`<form method="post" action="${console.url}/sign-out"><button>Win a prize</button></form>`);
    });
    await new Promise<void>((resolve) => harm.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void harm.close());
    // Of the same site, as far as cookies go: SameSite alone would let it through.
    const elsewhere = `http://127.0.0.1:${(harm.address() as AddressInfo).port}`;
    await page.goto(elsewhere);
    const read = await page.evaluate(async (url) => {
      const plain = await fetch(url, { credentials: 'include' }).then(
        () => 'read',
        () => 'nothing',
      );
      const blind = await fetch(url, { credentials: 'include', mode: 'no-cors' }).then(
        ({ type }) => type,
        () => 'nothing',
      );
      return [plain, blind];
    }, `${console.url}/users/7`);
    expect(read).toEqual(['nothing', 'nothing']);
    await page.getByRole('button', { name: 'Win a prize' }).click();
    await page.getByText('This was sent from another site, so nothing was done.').waitFor();

    await page.goto(`${console.url}/users/7`);
    expect(await whoIsShown(page)).toMatch(/^operator token operator/);
  });
});
