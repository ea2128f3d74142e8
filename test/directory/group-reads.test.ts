import { expect, it } from 'vitest';
import { planGroupReads } from '../../src/directory/group-members.ts';

const groups = (count: number, members = 10) =>
  Array.from({ length: count }, (_, index) => ({ id: `group-${index}`, members }));

it('lists where that costs no more requests than a chain', () => {
  expect(planGroupReads([])).toEqual({ list: [], newChains: [] });
  expect(planGroupReads(groups(1))).toEqual({ list: ['group-0'], newChains: [] });
  expect(planGroupReads(groups(1, 999)).list).toEqual(['group-0']);
});

it('begins chains of up to 50 groups where listing would cost more', () => {
  expect(planGroupReads(groups(1, 1000)).newChains).toEqual([['group-0']]);
  expect(planGroupReads(groups(2)).newChains).toEqual([['group-0', 'group-1']]);
  const { list, newChains } = planGroupReads(groups(101));
  expect(list).toEqual([]);
  expect(newChains.map((chain) => chain.length)).toEqual([50, 50, 1]);
});
