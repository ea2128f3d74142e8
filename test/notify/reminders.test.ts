import { describe, expect, it } from 'vitest';
import { expiryStep, type RemindedKind, remindersDue } from '../../src/notify/reminders.ts';

const start = new Date('2026-03-01T08:40:00Z');
const dayN = (days: number) => new Date(start.getTime() + days * 24 * 60 * 60 * 1000);

/** The days of 60 on which a reminder is sent, looked at every hour. */
function daysOf(kind: RemindedKind): number[] {
  const days: number[] = [];
  for (let hour = 0, sent = 0; hour <= 60 * 24; hour++) {
    const due = remindersDue(kind, start, dayN(hour / 24));
    if (due > sent) days.push(hour / 24);
    sent = due;
  }
  return days;
}

describe('reminders', () => {
  it.each([
    ['failures', [1, 3, 7, 14, 21, 28, 35, 42, 49, 56]],
    ['silence', [1, 3, 7, 14, 21, 28, 35, 42, 49, 56]],
    ['quarantine', [1, 3, 7, 14, 21]],
  ] as const)('of %s are sent after %j days', (kind, days) => {
    expect(daysOf(kind)).toEqual(days);
  });

  it('that were missed are one', () => {
    expect(remindersDue('quarantine', start, dayN(0.99))).toBe(0);
    expect(remindersDue('quarantine', start, dayN(8))).toBe(3);
  });
});

it.each([
  [31, undefined],
  [30, 30],
  [14.1, 30],
  [14, 14],
  [6.5, 7],
  [1, 1],
  [0.5, 1],
  [0, 0],
  [-400, 0],
])('a credential with %f days left has reached step %s', (left, step) => {
  expect(expiryStep(dayN(left), start)).toBe(step);
});
