import fc from 'fast-check';
import { expect, it } from 'vitest';
import { attributePaths, type UserAttributes } from '../../src/mapping/maptician-user.ts';
import { payloadHash } from '../../src/plan/payload.ts';

const value = fc.oneof(fc.string({ unit: 'binary' }), fc.boolean(), fc.constant(null));
const entries = fc.uniqueArray(fc.tuple(fc.constantFrom(...attributePaths), value), { selector: ([path]) => path });
const hashOf = (attributes: UserAttributes) => payloadHash({ kind: 'update', account: 'm1', attributes });

it('the hash of a payload is 32 hex digits and does not depend on the order of the attributes', () => {
  const shuffled = entries.chain((given) =>
    fc.shuffledSubarray(given, { minLength: given.length }).map((other) => [given, other] as const),
  );
  fc.assert(
    fc.property(shuffled, ([one, other]) => {
      expect(hashOf(Object.fromEntries(one))).toMatch(/^[0-9a-f]{32}$/);
      expect(hashOf(Object.fromEntries(other))).toBe(hashOf(Object.fromEntries(one)));
    }),
  );
});

it('the hash of a payload changes with any value, and where an attribute is cleared instead of left alone', () => {
  fc.assert(
    fc.property(entries, fc.constantFrom(...attributePaths), value, (given, path, changed) => {
      const attributes: UserAttributes = Object.fromEntries(given);
      fc.pre(!(path in attributes) || attributes[path] !== changed);
      expect(hashOf({ ...attributes, [path]: changed })).not.toBe(hashOf(attributes));
    }),
  );
  expect(hashOf({ title: undefined } as unknown as UserAttributes)).toBe(hashOf({}));
});

it('the hash of a payload changes with the kind of the operation and with the account', () => {
  const attributes = { title: 'Chief' };
  const hashes = [
    payloadHash({ kind: 'create', account: null, attributes }),
    payloadHash({ kind: 'update', account: null, attributes }),
    payloadHash({ kind: 'update', account: 'm1', attributes }),
    payloadHash({ kind: 'update', account: 'm2', attributes }),
  ];
  expect(new Set(hashes).size).toBe(hashes.length);
});
