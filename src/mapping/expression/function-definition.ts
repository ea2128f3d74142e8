/** What a function of the language is: its row in the table, and how it is built into an expression. */

import type { DateTime } from './date-time.ts';
import { ArgumentProblem } from './expression-error.ts';
import {
  bounded,
  dateOf,
  type ExpressionValue,
  integerOf,
  isRedacted,
  itemsOf,
  lengthOf,
  type PlainValue,
  plainOf,
  type SourceValues,
  textOf,
} from './values.ts';

/** What an evaluation may use. */
export interface Scope {
  readonly source: SourceValues;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** A whole number from 0 to below the bound. */
  readonly randomInt: (below: number) => number;
  /**
   * Counts work.
   * @throws ArgumentProblem TooMuchWork
   */
  readonly spend: (work: number) => void;
}

/** A part of an expression, ready to be evaluated for any number of users. */
export type Evaluator = (scope: Scope) => ExpressionValue;

/** The kinds of values, for the checks before anything is evaluated; `any` fits everywhere. */
export type ValueKind = 'text' | 'number' | 'boolean' | 'date' | 'list' | 'roles' | 'any';

export interface Parameter {
  readonly name: string;
  /** `condition` also takes comparisons, AND, OR and NOT; `word` one of the words. */
  readonly type: ValueKind | 'condition' | 'word';
  readonly optional?: true;
  /** Takes any number of arguments; stands last. */
  readonly repeated?: true;
  readonly words?: readonly string[];
}

/** One example of the documentation; the tests evaluate it. */
interface Example {
  readonly expression: string;
  readonly inputs: SourceValues;
  readonly output: string;
}

/** A call: an argument that was left out is undefined, and so is a constant that is not known before evaluation. */
export interface Call {
  readonly arguments: readonly (Evaluator | undefined)[];
  readonly constants: readonly (string | bigint | undefined)[];
}

/** One row of the function table. */
export interface FunctionDefinition {
  readonly name: string;
  readonly parameters: readonly Parameter[];
  readonly gives: ValueKind;
  /** False where the same user may give another value each time. */
  readonly deterministic: boolean;
  readonly about: string;
  readonly example: Example;
  /**
   * Makes the call's evaluator. What can be known from constants is checked and prepared here.
   * @throws ArgumentProblem
   */
  readonly build: (call: Call) => Evaluator;
}

/** The evaluated arguments; one that was left out is null. */
export type Values = readonly PlainValue[];

type Implementation = (values: Values, scope: Scope) => PlainValue;

/**
 * A function of its arguments' values. With a redacted argument the result is redacted too: a secret does not lose its
 * mark by being joined to something.
 */
export function eager(implementation: Implementation): FunctionDefinition['build'] {
  return prepared(() => implementation);
}

/** Like eager, with something made from the constants once. */
export function prepared(prepare: (call: Call) => Implementation): FunctionDefinition['build'] {
  return (call) => {
    const implementation = prepare(call);
    return (scope) => {
      let redacted = false;
      const values: PlainValue[] = [];
      for (const argument of call.arguments) {
        const value = argument === undefined ? null : argument(scope);
        if (isRedacted(value)) redacted = true;
        values.push(plainOf(value));
      }
      const result = bounded(implementation(values, scope));
      scope.spend(lengthOf(result));
      return redacted ? { kind: 'redacted', value: result } : result;
    };
  };
}

/** A function of a text, null for null. */
export function ofText(
  implementation: (text: string, values: Values, scope: Scope) => PlainValue,
): FunctionDefinition['build'] {
  return eager((values, scope) => {
    const text = textAt(values, 0);
    return text === null ? null : implementation(text, values, scope);
  });
}

/** The text of an argument, null when it is null or was left out. */
export function textAt(values: Values, index: number): string | null {
  return textOf(values[index] ?? null, index);
}

/** The whole number of an argument, null when it is null, empty or was left out. */
export function integerAt(values: Values, index: number): bigint | null {
  return integerOf(values[index] ?? null, index);
}

/** A whole number that counts or places something: anything beyond the longest text is as good as its bound. */
export function countAt(values: Values, index: number): number | null {
  const value = integerAt(values, index);
  if (value === null) return null;
  const bound = 1_000_000n;
  return Number(value > bound ? bound : value < -bound ? -bound : value);
}

export function dateAt(values: Values, index: number): DateTime | null {
  return dateOf(values[index] ?? null, index);
}

export function itemsAt(values: Values, index: number): readonly string[] {
  return itemsOf(values[index] ?? null, index);
}

/** One of the words an argument may be, in its exact spelling. */
export function wordAt<Word extends string>(values: Values, index: number, words: readonly Word[]): Word {
  const text = textAt(values, index);
  const word = words.find((known) => known === text);
  if (word === undefined) throw unknownWord(words, index);
  return word;
}

/** Refuses a constant that is none of the words, before anything is evaluated. */
export function checkWord(call: Call, index: number, words: readonly string[]): void {
  const constant = call.constants[index];
  if (constant !== undefined && !words.includes(String(constant))) throw unknownWord(words, index);
}

function unknownWord(words: readonly string[], index: number): ArgumentProblem {
  const list = words.map((word) => `"${word}"`).join(', ');
  return new ArgumentProblem('InvalidArgument', `This is one of ${list}.`, index);
}

/** Runs what reads an argument's text, so that its problem is placed at the argument. */
export function forArgument<T>(argument: number, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ArgumentProblem) || error.argument !== undefined) throw error;
    throw new ArgumentProblem(error.code, error.message, argument, error.index);
  }
}
