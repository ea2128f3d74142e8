import { describe, expect, it, onTestFinished } from 'vitest';
import { waitUntil } from '../support/wait-until.ts';
import { chromiumPath, launchBrowser } from './browser.ts';
import { openFailedJob } from './queue-world.ts';
import { readerToken, signIn, tokenSettings } from './sign-in-with-token.ts';

describe.skipIf(chromiumPath === undefined)('the queue page in Chromium', () => {
  it('breaks no policy, asks nobody else, leads back, and has a failed job retried', async () => {
    const { console: shown, job, audit } = await openFailedJob();
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    const problems: string[] = [];
    page.on('console', (message) => message.type() === 'error' && problems.push(message.text()));
    page.on('pageerror', (error) => problems.push(error.message));
    page.on(
      'response',
      (response) => response.status() >= 400 && problems.push(`${response.status()} ${response.url()}`),
    );
    page.on('request', (request) => {
      const url = new URL(request.url());
      if (url.origin !== shown.url && url.protocol !== 'data:') problems.push(url.origin);
    });
    const opened = await page.goto(`${shown.url}/queue/board`);
    const policy = opened?.headers()['content-security-policy'] ?? '';
    expect(policy).toMatch(/script-src 'self'(;|$)/);
    expect(policy).toMatch(/default-src 'none'/);
    await page.getByRole('link', { name: 'operations' }).first().click();
    await page
      .getByRole('link', { name: /failed/i })
      .first()
      .click();
    await page.getByText('broken-1').first().waitFor();
    await page.getByRole('button', { name: /retry/i }).first().click();
    await page.getByRole('button', { name: /confirm/i }).click();
    await waitUntil(async () => (await job()).tries === 2, { message: 'the second try' });
    expect(await audit()).toEqual([
      { actor: 'this machine (console)', action: 'queue retry failed', subject: 'operations' },
    ]);
    expect(await page.evaluate('document.querySelector("base").href')).toBe(`${shown.url}/queue/board/`);
    expect(problems).toEqual([]);
  });

  it('shows a reader who signed in the failed job, and no button that changes anything', async () => {
    const { console: shown, job, audit } = await openFailedJob({ settings: tokenSettings });
    const browser = await launchBrowser();
    onTestFinished(() => browser.close());
    const page = await browser.newPage();
    await page.setExtraHTTPHeaders(await signIn(shown, readerToken));
    await page.goto(`${shown.url}/queue/board/queue/operations?status=failed`);
    await page.getByText('broken-1').first().waitFor();
    expect(await page.getByRole('button', { name: /retry|clean|promote|remove|add job/i }).count()).toBe(0);
    expect(await job()).toEqual({ state: 'failed', tries: 1 });
    // Signing in is written down, too.
    expect((await audit()).filter(({ action }) => action.startsWith('queue'))).toEqual([]);
  });
});
