/** Advice of the command line in the console's words. */
import { html } from 'hono/html';
import { expect, it } from 'vitest';
import { spoken } from '../../src/console/spoken.ts';
import { errorCodes, recommendedAction } from '../../src/errors.ts';

it('names no command line in what to do about an error', async () => {
  for (const code of errorCodes) {
    const text = String(await html`${spoken(recommendedAction(code))}`);
    expect(text).not.toContain('maptician-sync');
  }
});

it('leads to where the console has it', async () => {
  const said = async (text: string) => String(await html`${spoken(text)}`);
  expect(await said('it is held: maptician-sync approve 7, or reject 7')).toBe(
    'it is held: <a href="/held#set-7">approve or reject set 7</a>',
  );
  expect(await said('Fix <it>, then run "maptician-sync sync".')).toBe(
    'Fix &lt;it&gt;, then run <a href="/">a cycle</a>.',
  );
  expect(await said('made anew by maptician-sync drift --repair')).toBe(
    'made anew by the command <code>drift --repair</code>',
  );
});
