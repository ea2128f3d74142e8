import { expect, test } from 'vitest';
import { lintExpression } from '../../../src/mapping/expression/lint.ts';

test.each([
  ['IIF([country]="","Other",[country])', ['condition-on-null 5']],
  ['IIF(IsNullOrEmpty([country]),"Other",[country])', ['condition-on-null 5']],
  ['IIF(IsPresent([country]),[country],"Other")', ['condition-on-null 5']],
  ['Append("x", IIF(NOT IsNull([a]), "b", "c"))', ['logic-operator 17', 'condition-on-null 21']],
  ['Switch(IsPresent([jobTitle]), "DefaultValue", "True", [jobTitle])', ['presence-as-switch-source 8']],
  ['IIF([a] = "b" AND [c] = "d" OR [e] = "f", "x", "y")', ['logic-operator 5', 'logic-operator 5']],
  ['IIF(([a] = "b"), "x", "y")', ['parentheses 5']],
  ['Replace([a], , "\\\\bx", , "", , )', ['word-boundary 16']],
  ['Replace([a], , "[\\\\b]x", , "", , )', []],
  ['Append([a], Guid())', ['changes-every-cycle 13']],
  ['Append([a], RandomString(6, 3, 0, 0, 3))', ['changes-every-cycle 13']],
  ['IIF(DateDiff("d", Now(), [hired]) > 5, "x", "y")', ['changes-every-cycle 19']],
  ['Switch([country],[country],"","Other")', []],
  ['IIF([country]="USA",[country],[department])', []],
])('%s', (source, wanted) => {
  const findings = lintExpression(source, { apply: 'always' });
  expect(findings.map(({ code, position }) => `${code} ${position.column}`)).toEqual(wanted);
});

test('what changes each time may be applied when the user is created', () => {
  expect(lintExpression('Append([a], Guid())', { apply: 'create' })).toEqual([]);
});
