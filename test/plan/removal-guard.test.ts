import { expect, it } from 'vitest';
import { exceedsLimits } from '../../src/plan/removal-guard.ts';

const limits = { count: 500, percent: 25 };

it.each([
  ['nothing to remove', { planned: 0, held: 0, linkedActive: 100 }, false],
  ['nothing new to remove while others are held', { planned: 0, held: 600, linkedActive: 1000 }, false],
  ['9 of 9: below the floor', { planned: 9, held: 0, linkedActive: 9 }, false],
  ['10 of 39: above 25 %', { planned: 10, held: 0, linkedActive: 39 }, true],
  ['10 of 40: exactly 25 %', { planned: 10, held: 0, linkedActive: 40 }, false],
  ['500 of 10,000: exactly the count', { planned: 500, held: 0, linkedActive: 10_000 }, false],
  ['501 of 10,000: above the count', { planned: 501, held: 0, linkedActive: 10_000 }, true],
  ['1 more than 500 held of 10,000', { planned: 1, held: 500, linkedActive: 10_000 }, true],
])('%s', (_name, removals, held) => {
  expect(exceedsLimits(removals, limits)).toBe(held);
});
