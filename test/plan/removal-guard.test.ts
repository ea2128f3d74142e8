import { describe, expect, it } from 'vitest';
import { type GuardCounts, type GuardLimits, type LimitedKind, limitsPassed } from '../../src/plan/removal-guard.ts';

const limits: GuardLimits = { removals: { count: 500, percent: 25 }, day: { count: 1000, percent: 50 }, kinds: {} };
const none = { create: 0, update: 0, deactivate: 0, delete: 0 };

interface Change extends Partial<Omit<GuardCounts, 'planned' | 'held' | 'passed'>> {
  readonly planned?: Partial<GuardCounts['planned']>;
  readonly held?: Partial<GuardCounts['held']>;
  readonly passed?: Partial<GuardCounts['passed']>;
}

function passedBy({ planned, held, passed, ...rest }: Change, kinds: GuardLimits['kinds'] = {}) {
  const counts: GuardCounts = {
    linkedActive: 0,
    removedInDay: 0,
    emptied: undefined,
    ...rest,
    planned: { ...none, ...planned },
    held: { ...none, ...held },
    passed: { ...none, ...passed },
  };
  return Object.fromEntries(limitsPassed(counts, { ...limits, kinds })) as Partial<Record<LimitedKind, string>>;
}

describe('deactivations and deletions together', () => {
  it.each<[string, Change, string | undefined]>([
    ['nothing to remove', { linkedActive: 100 }, undefined],
    ['nothing new while others are held', { held: { delete: 600 }, linkedActive: 1000 }, undefined],
    ['9 of 9: below the floor', { planned: { deactivate: 9 }, linkedActive: 9 }, undefined],
    [
      '10 of 39, in two kinds',
      { planned: { deactivate: 6, delete: 4 }, linkedActive: 39 },
      'more than 25 % of 39 active users',
    ],
    ['10 of 40: exactly 25 %', { planned: { deactivate: 10 }, linkedActive: 40 }, undefined],
    ['500 of 10,000: exactly the count', { planned: { deactivate: 500 }, linkedActive: 10_000 }, undefined],
    ['501 of 10,000', { planned: { deactivate: 501 }, linkedActive: 10_000 }, 'more than 500 users'],
    [
      '1 more than 500 that are held',
      { planned: { deactivate: 1 }, held: { deactivate: 500 }, linkedActive: 10_000 },
      'more than 500 users, together with those held or removed before',
    ],
    [
      '1 more than 500 of an earlier wave',
      { planned: { deactivate: 1 }, passed: { delete: 500 }, linkedActive: 10_000 },
      'more than 500 users, together with those held or removed before',
    ],
    ['creates are none', { planned: { deactivate: 1, create: 900 }, linkedActive: 100 }, undefined],
  ])('%s', (_name, change, reason) => {
    expect(passedBy(change).deactivate).toBe(reason);
  });

  it('hold both kinds, and nothing else', () => {
    expect(
      Object.keys(passedBy({ planned: { create: 9, update: 9, deactivate: 300, delete: 300 }, linkedActive: 9000 })),
    ).toEqual(['deactivate', 'delete']);
  });
});

describe('over a day', () => {
  it.each<[string, Change, string | undefined]>([
    ['1,000 in all', { planned: { delete: 100 }, removedInDay: 900, linkedActive: 99_000 }, undefined],
    [
      '1,001 in all',
      { planned: { delete: 101 }, removedInDay: 900, linkedActive: 99_000 },
      'more than 1,000 users in 24 hours',
    ],
    ['49: below the floor', { planned: { delete: 9 }, removedInDay: 40, linkedActive: 40 }, undefined],
    [
      '50 of 98 who were active before',
      { planned: { delete: 9 }, removedInDay: 41, linkedActive: 57 },
      'more than 50 % of 98 active users in 24 hours',
    ],
    ['50 of 100', { planned: { delete: 9 }, removedInDay: 41, linkedActive: 59 }, undefined],
    [
      'held ones count along',
      { planned: { delete: 1 }, held: { delete: 8 }, removedInDay: 41, linkedActive: 57 },
      'more than 50 % of 98 active users in 24 hours',
    ],
  ])('%s', (_name, change, reason) => {
    expect(passedBy(change).delete).toBe(reason);
  });
});

describe('each kind by itself', () => {
  it.each<[string, Change, GuardLimits['kinds'], Partial<Record<LimitedKind, string>>]>([
    ['50 creates of 50', { planned: { create: 50 } }, { create: { count: 50 } }, {}],
    [
      '51 creates, one of them held',
      { planned: { create: 50 }, held: { create: 1 } },
      { create: { count: 50 } },
      { create: 'more than 50 users (CREATE_LIMIT)' },
    ],
    ['creates while nobody is linked', { planned: { create: 900 } }, { create: { percent: 10 } }, {}],
    [
      '11 creates where 100 are linked',
      { planned: { create: 11 }, linkedActive: 100 },
      { create: { count: 50, percent: 10 } },
      { create: 'more than 10 % of 100 active users (CREATE_LIMIT)' },
    ],
    [
      '5 updates, 2 deactivations and 3 deletions, without a floor',
      { planned: { update: 5, deactivate: 2, delete: 3 }, linkedActive: 100 },
      { update: { count: 5 }, deactivate: { percent: 1 }, delete: { count: 2 } },
      {
        deactivate: 'more than 1 % of 100 active users (DEACTIVATE_LIMIT)',
        delete: 'more than 2 users (DELETE_LIMIT)',
      },
    ],
  ])('%s', (_name, change, kinds, held) => {
    expect(passedBy(change, kinds)).toEqual(held);
  });
});

describe('a source that looks empty', () => {
  it.each<[string, Change, string | undefined]>([
    ['4 removals', { planned: { deactivate: 4 }, linkedActive: 4, emptied: 'assignments' }, undefined],
    [
      '5 removals without an assignment',
      { planned: { deactivate: 5 }, linkedActive: 5, emptied: 'assignments' },
      'everybody, since Entra lists no assignment of the app any more',
    ],
    [
      '1 more than 4 that are held, by filters',
      { planned: { deactivate: 1 }, held: { deactivate: 4 }, linkedActive: 900, emptied: 'filters' },
      'everybody, since the scoping filters let nobody in',
    ],
    ['deletions where nobody is active', { planned: { deactivate: 9 }, linkedActive: 0, emptied: 'users' }, undefined],
  ])('%s', (_name, change, reason) => {
    expect(passedBy(change).deactivate).toBe(reason);
  });
});
