/**
 * The replacement patterns of .NET: $1, ${name}, $$, $&, $`, $', $+ and $_
 * (https://learn.microsoft.com/dotnet/standard/base-types/substitutions-in-regular-expressions).
 */
import { type Regex, type RegexMatch, spanOfGroup } from './regex.ts';
import type { TextBuilder } from './text-builder.ts';

type Part = string | ((match: RegexMatch, text: string) => string);

/** A replacement read once for one pattern; what names no group stands for itself. */
export function readReplacement(replacement: string, regex: Regex): readonly Part[] {
  const parts: Part[] = [];
  const form = /\$(?:(\d+)|\{(\w+)\}|([$&`'+_]))/g;
  let from = 0;
  for (const found of replacement.matchAll(form)) {
    const part = partOf(found, regex);
    if (part === undefined) continue;
    if (found.index > from) parts.push(replacement.slice(from, found.index));
    parts.push(part);
    from = found.index + found[0].length;
  }
  if (from < replacement.length) parts.push(replacement.slice(from));
  return parts;
}

/** Appends what takes the place of a match. */
export function appendReplacement(result: TextBuilder, parts: readonly Part[], match: RegexMatch, text: string): void {
  for (const part of parts) result.append(typeof part === 'string' ? part : part(match, text));
}

function partOf(found: RegExpExecArray, regex: Regex): Part | undefined {
  const [, number, name, symbol] = found;
  const group = number === undefined ? name : String(Number(number));
  if (group !== undefined) {
    const indexes = regex.groupIndexes(group);
    return indexes === undefined ? undefined : (match, text) => sliceOf(text, spanOfGroup(match, indexes));
  }
  switch (symbol) {
    case '$':
      return '$';
    case '&':
      return (match, text) => text.slice(match.start, match.end);
    case '`':
      return (match, text) => text.slice(0, match.start);
    case "'":
      return (match, text) => text.slice(match.end);
    case '_':
      return (_, text) => text;
    default: {
      const last = lastGroup(regex);
      return (match, text) => sliceOf(text, spanOfGroup(match, last));
    }
  }
}

function lastGroup(regex: Regex): readonly number[] {
  let last: readonly number[] = [0];
  for (let number = 1; ; number += 1) {
    const indexes = regex.groupIndexes(String(number));
    if (indexes === undefined) return last;
    last = indexes;
  }
}

function sliceOf(text: string, span: readonly [number, number] | null): string {
  return span === null ? '' : text.slice(span[0], span[1]);
}
