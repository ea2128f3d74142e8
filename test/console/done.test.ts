/** What a page says has been done: only the words that are its own. */
import { expect, it } from 'vitest';
import { openConsoleWorld } from './console-world.ts';

it('says nothing for a word that no lever of ours sends', async () => {
  const { world, console, ids } = await openConsoleWorld(1);
  await world.sync();
  const paths = ['/', '/failures', '/held', `/users/${ids[0]}`];
  for (const path of paths) {
    const plain = await console.read(path);
    for (const word of ['constructor', '__proto__', 'toString', 'nonsense']) {
      const page = await console.read(`${path}?done=${word}`);
      expect(page, `${path} ${word}`).not.toMatch(/\[object|native code|function/i);
      expect(page.slice(0, 40)).toBe(plain.slice(0, 40));
    }
  }
  expect(await console.read('/?done=pause')).toContain('Paused. Everything is kept');
});
