import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Holder } from '../../src/plan/names.ts';
import { type Fate, foreseeWaves, type NameWaiter } from '../../src/plan/waves.ts';

const holder = (entraId: string, change: Partial<Holder> = {}): Holder => ({
  entraId,
  mapticianId: `m-${entraId}`,
  entitled: true,
  disabled: false,
  purged: false,
  wantedName: `new name of ${entraId}`,
  busy: false,
  ...change,
});
const leaver: Partial<Holder> = { entitled: false, wantedName: null };

/** `id` waits for the name of `by`. */
const waiter = (id: string, by: Holder, { linked = false, yields = false } = {}): NameWaiter => ({
  id,
  name: `name of ${by.entraId}`,
  linked,
  waiting: { holder: by, yields },
});

/** Everyone has an account and waits for the next one's name. */
const chain = (count: number, end: Holder): NameWaiter[] =>
  Array.from({ length: count }, (_, index) =>
    waiter(`u${index}`, index === count - 1 ? end : holder(`u${index + 1}`), { linked: true }),
  );

function foresee(waiters: readonly NameWaiter[], fates: Record<string, Fate> = {}, operations = 1) {
  const { gets, yields } = foreseeWaves(waiters, { operations, fates: new Map(Object.entries(fates)) });
  return {
    gets: [...gets.keys()].sort(),
    takeovers: [...gets].flatMap(([id, { takeover }]) => (takeover === undefined ? [] : [id])),
    yields: yields.map((one) => one.holder.entraId).sort(),
  };
}

const nothing = { gets: [], takeovers: [], yields: [] };

describe('the waves of a cycle', () => {
  it.each([
    ['a holder that is renamed or deleted frees the name', waiter('u', holder('h')), { h: 'frees' }, { gets: ['u'] }],
    [
      'the account of one who is deactivated passes on',
      waiter('u', holder('h', { ...leaver, busy: true })),
      { h: 'deactivated' },
      { gets: ['u'], takeovers: ['u'] },
    ],
    [
      'a deactivated account yields to one who has an account',
      waiter('u', holder('h', { ...leaver, busy: true }), { linked: true }),
      { h: 'deactivated' },
      { gets: ['u'], yields: ['h'] },
    ],
    [
      'a disabled holder yields',
      waiter('u', holder('h', { disabled: true }), { yields: true }),
      {},
      { gets: ['u'], yields: ['h'] },
    ],
    ['a held holder keeps the name', waiter('u', holder('h', { ...leaver, busy: true })), { h: 'held' }, {}],
    [
      'a holder whom Maptician refused to rename keeps it',
      waiter('u', holder('h', { disabled: true }), { yields: true }),
      { h: 'stays' },
      {},
    ],
    ['a holder who is not changed keeps it', waiter('u', holder('h')), {}, {}],
  ] as const)('%s', (_, one, fates, expected) => {
    expect(foresee([one], fates)).toEqual({ ...nothing, ...expected });
  });

  it('move a short chain up without anybody yielding, and rename those in the way of a long one', () => {
    const end = holder('end');
    expect(foresee(chain(2, end), { end: 'frees' })).toEqual({ ...nothing, gets: ['u0', 'u1'] });
    const long = foresee(chain(40, end), { end: 'frees' });
    expect(long.gets).toHaveLength(40);
    expect(long.yields.length).toBeGreaterThan(30);
  });

  it('break a ring by having everybody in it yield, in the first wave where nothing else is done', () => {
    for (const operations of [0, 5]) {
      const ring = chain(3, holder('u0'));
      expect(foresee(ring, {}, operations)).toEqual({
        gets: ['u0', 'u1', 'u2'],
        takeovers: [],
        yields: ['u0', 'u1', 'u2'],
      });
    }
  });

  it('give everybody the name or leave the account as it is, and let nobody yield twice', () => {
    const people = fc.uniqueArray(fc.nat(30), { minLength: 1, maxLength: 12 });
    const fate = fc.constantFrom<Fate | undefined>('frees', 'held', 'stays', undefined);
    fc.assert(
      fc.property(people, fate, fc.boolean(), fc.nat(2), (ids, last, wantsRing, others) => {
        const names = ids.map((id) => `u${id}`);
        const ring = wantsRing && names.length > 1;
        const waiters = names.map((id, index) =>
          waiter(id, holder(names[index + 1] ?? (ring ? (names[0] ?? '') : 'end')), { linked: true }),
        );
        const fates = last === undefined || ring ? {} : { end: last };
        const { gets, yields } = foresee(waiters, fates, others + (fates.end === 'frees' ? 1 : 0));
        expect(new Set(yields).size).toBe(yields.length);
        // Whoever waits for somebody who waits gets that one's name; the last only what the end gives up.
        expect(gets).toEqual((ring || fates.end === 'frees' ? names : names.slice(0, -1)).toSorted());
      }),
    );
  });
});
