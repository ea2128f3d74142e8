import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withoutGuestSuffix } from '../../src/mapping/guest-name.ts';
import { sourceUser } from '../../src/mapping/source-user.ts';

describe('a guest name', () => {
  test.each([
    ['ann_fabrikam.example#EXT#@contoso.example', 'ann@fabrikam.example'],
    ['ann_b_c_fabrikam.example#EXT#@contoso.example', 'ann_b_c@fabrikam.example'],
    ['Ann_Fabrikam.example#ext#@contoso.example', 'Ann@Fabrikam.example'],
    ['josé_fabrikam.example#Ext#@contoso.example', 'josé@fabrikam.example'],
  ])('%s becomes %s', (raw, name) => {
    expect(withoutGuestSuffix(raw)).toBe(name);
  });

  test.each([
    ['of a member', 'ann_b@contoso.example'],
    ['without an underscore', 'ann#EXT#@contoso.example'],
    ['without an alias', '_fabrikam.example#EXT#@contoso.example'],
    ['without a domain', 'ann_#EXT#@contoso.example'],
    ['with the mark but no tenant', 'ann_b#EXT#'],
    ['that is empty', ''],
  ])('%s stays as it is', (_, raw) => {
    expect(withoutGuestSuffix(raw)).toBe(raw);
  });

  test('is found again for any alias and domain, and stays as it is the second time', () => {
    const alias = fc.stringMatching(/^[A-Za-z0-9._'~^!-]{1,20}$/);
    const domain = fc.stringMatching(/^[a-z0-9-]{1,12}\.[a-z]{2,6}$/);
    fc.assert(
      fc.property(alias, domain, fc.constantFrom('#EXT#', '#ext#'), (name, partner, mark) => {
        const address = `${name}@${partner}`;
        expect(withoutGuestSuffix(`${name}_${partner}${mark}@contoso.example`)).toBe(address);
        expect(withoutGuestSuffix(address)).toBe(address);
      }),
    );
  });

  test('is never changed twice, whatever the text', () => {
    const part = fc.constantFrom('#EXT#@', '_', 'a', '@', '#');
    fc.assert(
      fc.property(
        fc.array(part).map((parts) => parts.join('')),
        (text) => {
          const once = withoutGuestSuffix(text);
          fc.pre(once !== text);
          expect(withoutGuestSuffix(once)).toBe(once);
        },
      ),
    );
  });
});

describe('a user as Graph gives it', () => {
  test('keeps what Graph gave, nulls and what it documents nothing about included', () => {
    const user = {
      id: 'a',
      jobTitle: null,
      businessPhones: ['1'],
      onPremisesExtensionAttributes: { extensionAttribute1: 'x', extensionAttribute2: null },
      extension_0123456789abcdef0123456789abcdef_badges: ['1', 2],
    };
    expect(sourceUser.parse(user)).toEqual(user);
  });

  test.each([
    ['no id', { jobTitle: 'x' }],
    ['a number for text', { id: 'a', jobTitle: 5 }],
    ['text for a collection', { id: 'a', businessPhones: '1' }],
    ['text for a Boolean', { id: 'a', accountEnabled: 'true' }],
    ['a number for a date', { id: 'a', employeeHireDate: 5 }],
    ['text for an object', { id: 'a', onPremisesExtensionAttributes: 'x' }],
    ['a number within an object', { id: 'a', onPremisesExtensionAttributes: { extensionAttribute1: 5 } }],
  ])('is refused with %s', (_, user) => {
    expect(sourceUser.safeParse(user).success).toBe(false);
  });
});
