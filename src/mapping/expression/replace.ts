/** Replace and its five modes, told apart by which arguments are given. */
import { ArgumentProblem } from './expression-error.ts';
import {
  type Call,
  type FunctionDefinition,
  forArgument,
  prepared,
  type Scope,
  textAt,
  type Values,
} from './function-definition.ts';
import { compileRegex, type Regex, spanOfGroup } from './regex.ts';
import { appendReplacement, readReplacement } from './regex-replacement.ts';
import { createTextBuilder, replaceText } from './text-builder.ts';

const argument = { source: 0, oldValue: 1, pattern: 2, group: 3, replacement: 4, otherSource: 5, template: 6 } as const;

type Mode = (text: string | null, values: Values, scope: Scope) => string | null;

/** Builds a call of Replace. */
export const buildReplace: FunctionDefinition['build'] = prepared((call) => {
  const mode = modeOf(call);
  return (values, scope) => mode(textAt(values, argument.source), values, scope);
});

function modeOf(call: Call): Mode {
  const given = (Object.keys(argument) as (keyof typeof argument)[])
    .filter((name) => name !== 'source' && call.arguments[argument[name]] !== undefined)
    .join(' ');
  switch (given) {
    case 'oldValue replacement':
      return (text, values, scope) =>
        text === null
          ? null
          : replaceText(text, orEmpty(values, argument.oldValue), orEmpty(values, argument.replacement), scope.spend);
    case 'oldValue template':
      return (text, values, scope) =>
        text === null
          ? null
          : replaceText(orEmpty(values, argument.template), orEmpty(values, argument.oldValue), text, scope.spend);
    case 'pattern replacement':
      return replaceMatches(regexFrom(constantRegex(call)));
    case 'pattern group replacement': {
      const constant = constantRegex(call);
      return replaceGroup(regexFrom(constant), groupFrom(constant, call));
    }
    case 'pattern group otherSource': {
      const constant = constantRegex(call);
      return takeFromOther(regexFrom(constant), groupFrom(constant, call));
    }
    default:
      throw new ArgumentProblem(
        'InvalidArgument',
        'Replace takes oldValue with replacementValue or template; or regexPattern with replacementValue, with regexGroupName and replacementValue, or with regexGroupName and replacementAttributeName.',
      );
  }
}

type RegexOf = (values: Values, scope: Scope) => Regex;
type GroupOf = (regex: Regex, values: Values) => readonly number[];

/** What one evaluation pays for each character of a pattern that is not a constant: compiling it takes its time. */
const workPerPatternCharacter = 4_000;

/** A constant pattern is compiled once. */
function constantRegex(call: Call): Regex | undefined {
  const constant = call.constants[argument.pattern];
  if (constant === undefined) return undefined;
  return forArgument(argument.pattern, () => compileRegex(String(constant)));
}

function regexFrom(constant: Regex | undefined): RegexOf {
  if (constant !== undefined) return () => constant;
  return (values, scope) => {
    const pattern = orEmpty(values, argument.pattern);
    scope.spend(pattern.length * workPerPatternCharacter);
    return forArgument(argument.pattern, () => compileRegex(pattern));
  };
}

function groupFrom(constant: Regex | undefined, call: Call): GroupOf {
  const name = call.constants[argument.group];
  if (constant === undefined || name === undefined) {
    return (regex, values) => groupIndexes(regex, orEmpty(values, argument.group));
  }
  const indexes = groupIndexes(constant, String(name));
  return () => indexes;
}

function groupIndexes(regex: Regex, name: string): readonly number[] {
  const indexes = regex.groupIndexes(name);
  if (indexes !== undefined) return indexes;
  throw new ArgumentProblem('InvalidArgument', 'The pattern has no group of this name.', argument.group);
}

function replaceMatches(regexOf: RegexOf): Mode {
  return (text, values, scope) => {
    if (text === null) return null;
    const regex = regexOf(values, scope);
    const replacement = readReplacement(orEmpty(values, argument.replacement), regex);
    const result = createTextBuilder(scope.spend);
    let from = 0;
    for (const match of regex.matches(text, scope.spend)) {
      result.append(text.slice(from, match.start));
      appendReplacement(result, replacement, match, text);
      from = match.end;
    }
    result.append(text.slice(from));
    return result.text();
  };
}

/** Of each match, only what the group holds. */
function replaceGroup(regexOf: RegexOf, groupOf: GroupOf): Mode {
  return (text, values, scope) => {
    if (text === null) return null;
    const regex = regexOf(values, scope);
    const group = groupOf(regex, values);
    const replacement = orEmpty(values, argument.replacement);
    const result = createTextBuilder(scope.spend);
    let from = 0;
    for (const match of regex.matches(text, scope.spend)) {
      const span = spanOfGroup(match, group);
      if (span === null) continue;
      result.append(text.slice(from, span[0]));
      result.append(replacement);
      from = span[1];
    }
    result.append(text.slice(from));
    return result.text();
  };
}

/** The source when it has a value, else the group of the first match in the other attribute. */
function takeFromOther(regexOf: RegexOf, groupOf: GroupOf): Mode {
  return (text, values, scope) => {
    if (text !== null && text !== '') return text;
    const other = textAt(values, argument.otherSource);
    if (other === null) return text;
    const regex = regexOf(values, scope);
    const group = groupOf(regex, values);
    for (const match of regex.matches(other, scope.spend)) {
      const span = spanOfGroup(match, group);
      if (span !== null) return other.slice(span[0], span[1]);
    }
    return text;
  };
}

function orEmpty(values: Values, index: number): string {
  return textAt(values, index) ?? '';
}
