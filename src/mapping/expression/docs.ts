/** Renders docs/expressions.md from the function table: `npm run docs:expressions` writes it. */
import { writeFileSync } from 'node:fs';
import type { FunctionDefinition, Parameter } from './function-definition.ts';
import { functionGroups, refusedFunctions } from './functions.ts';
import { maxExpressionLength, maxPatternLength, maxTextLength } from './limits.ts';

/** The reference of the expression language. */
export function renderExpressionDocs(): string {
  const sections = functionGroups.map(
    ({ title, functions }) => `## ${title}\n\n${functions.map(renderFunction).join('\n\n')}`,
  );
  return `${[introduction, ...sections, ending].join('\n\n')}\n`;
}

const number = (value: number) => value.toLocaleString('en-US');

const introduction = `# Expressions

<!-- Written by "npm run docs:expressions" from the function table in src/mapping/expression/. -->

An expression computes the value of an attribute from the Entra user. The language is that of
[Microsoft's provisioning service](https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data),
so an expression can be carried over as it is.

    Join(" ", [givenName], [surname])
    Switch([IsSoftDeleted], , "False", "True", "True", "False")
    IIF([country] = "USA" AND IsPresent([state]), [state], [country])

- \`[name]\` is an attribute of the user, \`"text"\` a text, in which \`\\"\` is a quote and \`\\\\\` a backslash: a pattern
  \`\\d\` is written \`"\\\\d"\`. Numbers are whole: \`3\`, \`-10\`, \`&HF\`. Functions nest. An argument is left out by leaving
  nothing between its commas.
- Names are case-sensitive. An expression has at most ${number(maxExpressionLength)} characters.
- Conditions stand in IIF and CBool: \`=\`, \`<>\`, \`<\`, \`<=\`, \`>\`, \`>=\`. Texts are compared exactly, capitals and small
  letters apart; with a number on one side, both as numbers; with a date, both as dates. A Boolean as a text is \`True\` or
  \`False\`.
- Unless it says otherwise, a function of null is null.

## Beyond Microsoft

- \`AND\`, \`OR\`, \`NOT\` and parentheses in conditions. NOT binds tighter than AND, and AND tighter than OR.
- Conditions on null: null equals \`""\`, and IsNull, IsNullOrEmpty and IsPresent may stand in IIF and in Switch.
- An expression always sees the whole user, so Switch never turns null because only something else has changed.

\`maptician-sync mapping check\` names what Microsoft's service would refuse or treat otherwise.

## Patterns

Regular expressions are those of .NET, on an engine whose time grows with the length of the text only, so that no pattern can
hold up the service. Lookahead, lookbehind, backreferences, atomic and balancing groups and conditions are refused, with their
place. \`\\b\` knows the letters, digits and \`_\` of ASCII only, and \`$\` does not match before a final line feed. A pattern has at
most ${number(maxPatternLength)} characters.

## Dates

Dates are in UTC and are written as \`8/24/2026 3:05:00 PM\`; FormatDateTime writes them in any .NET format. An input format needs a
year. A function that takes a date also takes a text that CDate can read.`;

const ending = `## Not supported

${[...refusedFunctions].map(([name, reason]) => `- \`${name}\`: ${reason}`).join('\n')}

## Limits

A text has at most ${number(maxTextLength)} characters, before and after each function. An expression that would write more, or that would
take too much work for the length of its values, is an error of that one user.`;

function renderFunction({ name, parameters, about, deterministic, example }: FunctionDefinition): string {
  const inputs = Object.entries(example.inputs).map(([input, value]) => `${input} = ${JSON.stringify(value)}`);
  const remark = deterministic ? '' : ' Gives another value each time: apply it only during creation.';
  const given = inputs.length === 0 ? '' : `\nwith ${inputs.map(code).join(', ')}`;
  return `### ${name}

${code(`${name}(${parameters.map(renderParameter).join(', ')})`)}

${about}${remark}

Example: ${code(example.expression)}${given}
gives ${code(example.output)}`;
}

function renderParameter({ name, optional, repeated }: Parameter): string {
  return `${name}${optional === true ? '?' : ''}${repeated === true ? ', …' : ''}`;
}

function code(text: string): string {
  return `\`${text}\``;
}

if (import.meta.main) writeFileSync('docs/expressions.md', renderExpressionDocs());
