import { describe, expect, it } from 'vitest';
import { type Holder, resolveName, sameName, yieldedName } from '../../src/plan/names.ts';

const holder = (change: Partial<Holder>): Holder => ({
  entraId: 'holder',
  mapticianId: 'm1',
  entitled: true,
  disabled: false,
  purged: false,
  wantedName: 'old@contoso.example',
  busy: false,
  ...change,
});
const name = 'ada@contoso.example';
const newcomer = { id: 'newcomer', name, linked: false };
const rival = { entraId: 'rival', userPrincipalName: 'Ada@contoso.example' };

describe('a userName that is wanted', () => {
  it.each([
    ['is free where nobody has it', [], [], newcomer, 'free'],
    ['is free for the one who has it', [holder({ entraId: 'newcomer' })], [], newcomer, 'free'],
    ['is waited for where its holder is being renamed', [holder({})], [], newcomer, 'wait'],
    ['is waited for where its holder is purged', [holder({ entitled: false, purged: true })], [], newcomer, 'wait'],
    [
      'is waited for where the removal of its holder is held',
      [holder({ entitled: false, busy: true })],
      [],
      newcomer,
      'wait',
    ],
    [
      'comes with the account of a holder who has no access any more',
      [holder({ entitled: false })],
      [],
      newcomer,
      'takeover',
    ],
    [
      'is yielded to one who has an account already',
      [holder({ entitled: false })],
      [],
      { ...newcomer, linked: true },
      'yield',
    ],
    [
      'is yielded by a disabled holder who no longer has it in Entra',
      [holder({ disabled: true })],
      [],
      newcomer,
      'yield',
    ],
    [
      'is an error where its live holder wants it, too',
      [holder({ wantedName: 'ADA@contoso.example' })],
      [],
      newcomer,
      'duplicate',
    ],
    ['is an error where another live user wants it', [], [rival], newcomer, 'duplicate'],
    ['is no error against oneself', [], [{ ...rival, entraId: 'newcomer' }], newcomer, 'free'],
  ] as const)('%s', (_name, holders, rivals, user, expected) => {
    expect(resolveName(user, holders, rivals).kind).toBe(expected);
  });

  it('names the other user in the error', () => {
    expect(resolveName(newcomer, [], [rival])).toEqual({ kind: 'duplicate', others: ['Ada@contoso.example (rival)'] });
  });
});

it('compares names without case, and nothing with nothing', () => {
  expect(sameName('Ada', 'aDA')).toBe(true);
  expect(sameName(null, null)).toBe(false);
});

it('yields to a name that tells whose it was, once', () => {
  const yielded = yieldedName('0f7b3f5e-6a3c-4a7e-9f53-0a4f4c1d2e3f', name);
  expect(yielded).toBe('0f7b3f5e6a3c4a7e9f530a4f4c1d2e3fada@contoso.example');
  expect(yieldedName('0f7b3f5e-6a3c-4a7e-9f53-0a4f4c1d2e3f', yielded)).toBe(yielded);
});
