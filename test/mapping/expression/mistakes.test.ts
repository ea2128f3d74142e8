import { expect, test } from 'vitest';
import { checkExpression } from '../../../src/mapping/expression/check.ts';
import { describeError } from '../../../src/mapping/expression/expression-error.ts';
import type { ValueKind } from '../../../src/mapping/expression/function-definition.ts';

const attributes = new Map<string, ValueKind>([
  ['displayName', 'text'],
  ['givenName', 'text'],
  ['otherMails', 'list'],
  ['appRoleAssignments', 'roles'],
]);

const mistakes = [
  '',
  'ToUper([givenName])',
  'tolower([givenName])',
  'ToUpper([givenname])',
  'ToUpper([zodiacSign])',
  'Append([givenName], "x"',
  'Append([givenName] "x")',
  'Append([givenName], "x',
  'Append([givenName, "x")',
  'Append([givenName], \u201Cx\u201D)',
  'Append([givenName])',
  'Guid(1)',
  'Left([givenName], "three")',
  'Left([givenName], 1.5)',
  'ToUpper([otherMails])',
  'Count([appRoleAssignments])',
  'SingleAppRoleAssignment([givenName])',
  'Replace([givenName], , "\\\\d(?=x)", , "", , )',
  'Replace([givenName], , "(a)\\\\1", , "", , )',
  'Replace([givenName], , "\\d", , "", , )',
  'Replace([givenName], , "[a-z", , "", , )',
  'Replace([givenName], , "(?<n>a)", "m", "", , )',
  'Replace([givenName], "a", "b", , "c", , )',
  'Switch([givenName], "a", "b")',
  'Switch([givenName], "a", "b", "c", "d")',
  'IIF([givenName] = "a" = "b", "x", "y")',
  'Append([givenName] = "a", "b")',
  '[givenName] = "a"',
  'IIF([otherMails] = "a", "x", "y")',
  'InStr([givenName], "a", , vbTextCompre)',
  'Append([givenName], vbTextCompare)',
  'CDate("yesterday")',
  'DateAdd("days", 1, CDate([givenName]))',
  'FormatDateTime([givenName], , "yyyyMMddq\'", "yyyy")',
  'FormatDateTime([givenName], , "HH:mm", "yyyy")',
  'FormatDateTime([givenName], , "yyyy", "x")',
  'RandomString(6, 3, 3, 3, 3)',
  'RandomString(300, 1, 1, 1, 1)',
  'RandomString(6, 1, 0, 0, 0, "0123456789")',
  'Item([otherMails], 0)',
  'ToUpper([givenName], "no culture")',
  'SelectUniqueValue([givenName], [displayName])',
  'Join(".",\n  [givenName],\n\tToUper([displayName]))',
  `Join(".", ${'[givenName], '.repeat(20)}ToUper([displayName]), ${'[givenName], '.repeat(20)}"x")`,
  `${'NOT '.repeat(300)}[givenName]`,
  'ToLower([givenName]) ToUpper([displayName])',
];

test('each mistake is told with its line, its column, a caret under it and the nearest name', async () => {
  const told = mistakes.map((source) => {
    const { problems } = checkExpression(source, { attributes });
    expect(problems, source).not.toEqual([]);
    return problems.map((problem) => `${problem.code}, ${describeError(problem)}`).join('\n');
  });
  await expect(`${told.join('\n\n')}\n`).toMatchFileSnapshot('mistakes.txt');
});

test('all that is wrong is told, not only the first thing', () => {
  const { problems } = checkExpression('Append(ToUper([givenname]), Left([givenName], "x"))', { attributes });
  expect(problems.map(({ code, nearest }) => [code, nearest])).toEqual([
    ['UnknownAttribute', 'givenName'],
    ['UnknownFunction', 'ToUpper'],
    ['NotANumber', undefined],
  ]);
});

test('an expression of more than 10,000 characters is refused', () => {
  expect(checkExpression(`Append("a", "${'x'.repeat(10_000)}")`).problems[0]?.code).toBe('TooLong');
});
