import { describe, expect, test } from 'vitest';
import {
  findSourceAttribute,
  readSourceAttribute,
  selectionOf,
  sourceAttributeNames,
  unknownAttribute,
} from '../../src/mapping/source-schema.ts';

const extension = `extension_${'0123456789abcdef'.repeat(2)}_costCentre`;

const user = {
  id: '00000000-0000-4000-8000-000000000001',
  userPrincipalName: 'ann_partner.example#EXT#@contoso.example',
  accountEnabled: true,
  department: 'Sales',
  mail: null,
  businessPhones: ['+1 425 555 0100', '+1 425 555 0101'],
  otherMails: [],
  employeeOrgData: { costCenter: '4711', division: null },
  onPremisesExtensionAttributes: { extensionAttribute7: 'seven' },
  manager: { id: '00000000-0000-4000-8000-000000000002', userPrincipalName: 'boss@contoso.example' },
  [extension]: 12,
};

function attribute(name: string) {
  const found = findSourceAttribute(name);
  if (found === undefined) throw new Error(`there is no attribute ${name}`);
  return found;
}

const read = (name: string) => readSourceAttribute(attribute(name), user, { isSoftDeleted: true });

describe('a source attribute', () => {
  test.each([
    ['department', 'Sales'],
    ['accountEnabled', true],
    ['mail', null],
    ['city', null],
    ['otherMails', null],
    ['businessPhones', ['+1 425 555 0100', '+1 425 555 0101']],
    ['telephoneNumber', '+1 425 555 0100'],
    ['objectId', '00000000-0000-4000-8000-000000000001'],
    ['userPrincipalName', 'ann@partner.example'],
    ['originalUserPrincipalName', 'ann_partner.example#EXT#@contoso.example'],
    ['employeeOrgData.costCenter', '4711'],
    ['employeeOrgData.division', null],
    ['extensionAttribute7', 'seven'],
    ['extensionAttribute15', null],
    ['manager', '00000000-0000-4000-8000-000000000002'],
    ['manager.userPrincipalName', 'boss@contoso.example'],
    ['IsSoftDeleted', true],
    [extension, 12],
  ])('%s is read as %j', (name, value) => {
    expect(read(name)).toEqual(value);
  });

  test('of another form than Graph documents is null', () => {
    const odd = { department: { a: 1 }, employeeOrgData: 'x', businessPhones: [null, {}, 5], manager: null };
    const readOdd = (name: string) => readSourceAttribute(attribute(name), odd, { isSoftDeleted: false });
    expect(readOdd('department')).toBeNull();
    expect(readOdd('employeeOrgData.division')).toBeNull();
    expect(readOdd('businessPhones')).toEqual(['5']);
    expect(readOdd('manager.userPrincipalName')).toBeNull();
  });

  test.each(['jobtitle', 'toString', '__proto__', 'extension_12_name', 'extensionAttribute16', ''])(
    'is not found by %j',
    (name) => {
      expect(findSourceAttribute(name)).toBeUndefined();
    },
  );

  test('that is unknown is answered with the nearest name', () => {
    expect(unknownAttribute('jobtitle')).toBe('"jobtitle" is no attribute of an Entra user; did you mean jobTitle?');
    expect(unknownAttribute('x')).toBe(
      '"x" is no attribute of an Entra user; use the name of a property of the Graph user',
    );
  });
});

describe('the selection', () => {
  test('holds what the service needs whatever is read', () => {
    expect(selectionOf([])).toEqual({ properties: ['id', 'userPrincipalName', 'accountEnabled'], manager: false });
  });

  test('holds a property once in one order, and says when the manager is to be expanded', () => {
    const wanted = [
      extension,
      'manager.userPrincipalName',
      'extensionAttribute2',
      'extensionAttribute1',
      'mobile',
      'telephoneNumber',
      'businessPhones',
      'IsSoftDeleted',
      'employeeOrgData.division',
    ].map(attribute);
    const expected = {
      properties: [
        'id',
        'userPrincipalName',
        'accountEnabled',
        'businessPhones',
        'employeeOrgData',
        'onPremisesExtensionAttributes',
        'mobilePhone',
        extension,
      ],
      manager: true,
    };
    expect(selectionOf(wanted)).toEqual(expected);
    expect(selectionOf(wanted.toReversed())).toEqual(expected);
  });

  test('asks for nothing but single Graph properties', () => {
    const { properties } = selectionOf(sourceAttributeNames.map(attribute));
    expect(properties.filter((property) => !/^[a-z]\w*$/i.test(property))).toEqual([]);
    expect(properties).toContain('onPremisesExtensionAttributes');
    expect(properties).not.toContain('telephoneNumber');
  });
});
