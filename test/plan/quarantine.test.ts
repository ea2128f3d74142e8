import { describe, expect, it } from 'vitest';
import { isDisabled, nextAttempt, reasonOfFailures } from '../../src/plan/quarantine.ts';

const microsoft = { minFailures: 5_000, percent: 40, failures: 40_000 };
const ours = { ...microsoft, minFailures: 20 };
const proportion = 'EncounteredEscrowProportionThreshold';

describe("with Microsoft's own thresholds", () => {
  it.each([
    { failed: 4_000, well: 0, reason: undefined },
    { failed: 5_000, well: 0, reason: proportion },
    { failed: 5_000, well: 7_500, reason: undefined },
    { failed: 5_000, well: 7_499, reason: proportion },
    { failed: 30_000, well: 5_000, reason: proportion },
    { failed: 20_000, well: 100_000, reason: undefined },
    { failed: 40_000, well: 1_000_000, reason: undefined },
    { failed: 40_001, well: 1_000_000, reason: 'EncounteredBaseEscrowThreshold' },
    { failed: 45_000, well: 0, reason: 'EncounteredBaseEscrowThreshold' },
    { failed: 40_000, well: 1_000_000, references: 20_000, reason: undefined },
    { failed: 40_000, well: 1_000_000, references: 21_000, reason: 'EncounteredTotalEscrowThreshold' },
  ])('$failed that failed beside $well are $reason', ({ reason, ...users }) => {
    expect(reasonOfFailures(users, microsoft)).toBe(reason);
  });
});

describe('with the thresholds as they are set', () => {
  it.each([
    { failed: 19, well: 0, reason: undefined },
    { failed: 20, well: 0, reason: proportion },
    { failed: 20, well: 30, reason: undefined },
    { failed: 21, well: 30, reason: proportion },
    { failed: 1, well: 4_999, reason: undefined },
  ])('$failed that failed beside $well are $reason', ({ reason, ...users }) => {
    expect(reasonOfFailures(users, ours)).toBe(reason);
  });
});

it('a job in quarantine is tried again after minutes, then hours, then once a day, for four weeks', () => {
  const since = new Date('2026-03-01T00:00:00Z');
  const minutes = (count: number) => (nextAttempt(count, since).getTime() - since.getTime()) / 60_000;
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 1000].map(minutes)).toEqual([
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440, 1440,
  ]);
  let now = since;
  let attempts = 0;
  while (!isDisabled(since, now)) now = nextAttempt(++attempts, now);
  expect(attempts).toBe(38);
  expect(isDisabled(since, new Date('2026-03-28T23:59:59Z'))).toBe(false);
  expect(isDisabled(since, new Date('2026-03-29T00:00:00Z'))).toBe(true);
});
