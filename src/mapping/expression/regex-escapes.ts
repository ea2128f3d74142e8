/** The escapes of .NET's regular expressions, in and outside of character classes. */
import { ArgumentProblem } from './expression-error.ts';

/** In .NET these are Unicode; each is written as the inside of a class. */
const sets: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  D: '\\P{Nd}',
  w: '\\p{L}\\p{Mn}\\p{Nd}\\p{Pc}',
  W: '\\p{Mc}\\p{Me}\\p{Nl}\\p{No}\\p{Pd}\\p{Ps}\\p{Pe}\\p{Pi}\\p{Pf}\\p{Po}\\p{S}\\p{Z}\\p{C}',
  s: '\\x09-\\x0D\\x{85}\\p{Z}',
  S: '\\x00-\\x08\\x0E-\\x1F\\x7F-\\x{84}\\x{86}-\\x{9F}\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Cs}',
};

const controls: Readonly<Record<string, number>> = { a: 7, t: 9, n: 10, v: 11, f: 12, r: 13, e: 27 };

const categories =
  'L Lu Ll Lt Lm Lo M Mn Mc Me N Nd Nl No P Pc Pd Ps Pe Pi Pf Po S Sm Sc Sk So Z Zs Zl Zp C Cc Cf Cs Co'.split(' ');

/** What an escape stands for: the inside of a class, or one character as RE2 writes it. */
export type Escape =
  | { readonly set: string; readonly end: number }
  | { readonly literal: string; readonly code: number; readonly end: number };

/**
 * Reads the escape whose backslash stands at the index. Anchors and backreferences are for the caller.
 * @throws ArgumentProblem InvalidRegex
 */
export function escapeOf(source: string, index: number): Escape {
  const letter = source.charAt(index + 1);
  const set = Object.hasOwn(sets, letter) ? sets[letter] : undefined;
  if (set !== undefined) return { set, end: index + 2 };
  const control = Object.hasOwn(controls, letter) ? controls[letter] : undefined;
  if (control !== undefined) return character(control, index + 2);
  const rest = source.slice(index);
  const hex = /^\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4}))/.exec(rest);
  if (hex !== null) return character(Number.parseInt(hex[1] ?? hex[2] ?? '', 16), index + hex[0].length);
  const octal = /^\\(0[0-7]{0,2})/.exec(rest);
  if (octal !== null) return character(Number.parseInt(octal[1] ?? '', 8), index + octal[0].length);
  const controlLetter = /^\\c([A-Za-z])/.exec(rest);
  if (controlLetter !== null) return character((controlLetter[1]?.codePointAt(0) ?? 0) & 31, index + 3);
  if (letter === 'p' || letter === 'P') return category(rest, index);
  if (letter === '' || /[0-9A-Za-z_]/.test(letter)) throw regexProblem(`\\${letter} is no escape.`, index);
  const whole = String.fromCodePoint(source.codePointAt(index + 1) ?? 0);
  return { literal: quoteLiteral(whole), code: whole.codePointAt(0) ?? 0, end: index + 1 + whole.length };
}

function category(rest: string, index: number): Escape {
  const found = /^\\([pP])\{(\w+)\}/.exec(rest);
  const name = found?.[2] ?? '';
  if (found !== null && categories.includes(name)) {
    return { set: `\\${found[1]}{${name}}`, end: index + found[0].length };
  }
  if (name.startsWith('Is')) {
    throw regexProblem('A named block is not supported; write its range, such as [\\u0370-\\u03FF].', index);
  }
  throw regexProblem('A Unicode category is written \\p{L}, \\p{Lu} or the like.', index);
}

function character(code: number, end: number): Escape {
  return { literal: quoteCode(code), code, end };
}

/** One character that stands for itself. */
export function quoteLiteral(text: string): string {
  return isPunctuation(text) ? `\\${text}` : text;
}

/** A character by its number, as it may stand anywhere. */
export function quoteCode(code: number): string {
  return `\\x{${code.toString(16).toUpperCase()}}`;
}

function isPunctuation(text: string): boolean {
  return /^[!-/:-@[-^`{-~]$/.test(text);
}

export function regexProblem(message: string, index: number): ArgumentProblem {
  return new ArgumentProblem('InvalidRegex', message, undefined, index);
}
